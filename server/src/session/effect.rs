//! Effects of a session on other connections and on the server's own counts.

use correio_proto::mail::{FullName, Subject, Username};

use crate::{
    ids::{AccountId, ConnId},
    limits::throttle::FailedLogin,
    session::recent_ends::EndMark,
};

/// An effect that the server applies after a session's call. Sessions never touch one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A connection is logged in as an account. If sessions of the account were ended while the
    /// login's last job was under way, this one ends at once: the job may have seen the account as
    /// it was before.
    LoggedIn {
        /// The connection.
        connection: ConnId,
        /// The account.
        account: AccountId,
        /// When the login's last job was submitted.
        since: EndMark,
    },
    /// A connection is no longer logged in: the client logged out, or the connection is over.
    LoggedOut {
        /// The connection.
        connection: ConnId,
        /// The account that was logged in.
        account: AccountId,
    },
    /// A mail is in the mailboxes of these accounts: their sessions are told.
    MailArrived {
        /// The recipients.
        accounts: Vec<AccountId>,
        /// The mail.
        arrival: Arrival,
    },
    /// All sessions of gateways of an account end, and their connections with them: a mail program
    /// may have logged in with an app password that is revoked now. The others log in again.
    EndGatewaySessions {
        /// The account.
        account: AccountId,
    },
    /// All sessions of an account end, and their connections with them.
    EndSessions {
        /// The account.
        account: AccountId,
        /// The connection whose session continues, if one does.
        except: Option<ConnId>,
    },
    /// A login failed: the other servers on the store are told.
    LoginFailed(FailedLogin),
}

/// What a recipient's sessions are told of a mail that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Username of the sender.
    pub(crate) from: Username,
    /// Full name of the sender.
    pub(crate) from_name: FullName,
    /// The mail's subject.
    pub(crate) subject: Subject,
}
