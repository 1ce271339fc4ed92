//! What a server must learn of the changes that other servers on the same store have made.

use correio_proto::mail::{FullName, Subject, Username};
use serde::{Deserialize, Serialize};

use crate::{ids::AccountId, limits::throttle::LoginNews};

/// A change that another server has made, which concerns open sessions, or logins, here. Results of
/// this server's own jobs are no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A mail is in the mailboxes of these accounts. This may be lost, as the mail is not.
    MailArrived {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// The mail.
        mail: ArrivedMail,
    },
    /// Logins failed at another server, or an operator unblocked an address or an account there.
    /// This may be lost.
    Logins(Vec<LoginNews>),
    /// All sessions of an account end: its password was changed or is void, or the account was
    /// disabled or deleted. This is never lost.
    SessionsEnded {
        /// The account.
        account: AccountId,
    },
    /// All sessions of all accounts end: this server could not learn in time which of them must.
    AllSessionsEnded,
    /// The sessions of mail programs of an account end: an app password was revoked. This is never
    /// lost.
    GatewaySessionsEnded {
        /// The account.
        account: AccountId,
    },
}

/// What sessions are told of a mail that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedMail {
    /// Username of the sender.
    pub from: Username,
    /// Full name of the sender.
    pub from_name: FullName,
    /// The mail's subject.
    pub subject: Subject,
}
