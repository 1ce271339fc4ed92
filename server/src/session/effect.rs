//! What a session does to connections other than its own.

use correio_proto::message::Notice;

use crate::ids::{AccountId, ConnId};

/// Handed to the server after the session's call; sessions do not know one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A connection became a session of an account.
    LoggedIn {
        /// Which connection.
        connection: ConnId,
        /// Whose.
        account: AccountId,
    },
    /// A connection is no session of an account any more.
    LoggedOut {
        /// Which connection.
        connection: ConnId,
        /// Whose it was.
        account: AccountId,
    },
    /// Every session of these accounts is told something.
    Notify {
        /// Which accounts.
        accounts: Vec<AccountId>,
        /// What.
        notice: Notice,
    },
    /// Every session of an account ends, its connection with it.
    EndSessions {
        /// Whose.
        account: AccountId,
        /// The one that goes on.
        except: ConnId,
    },
}
