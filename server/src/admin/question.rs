//! What the operator asks of a running server besides its store.

use std::net::IpAddr;

use correio_proto::mail::Username;

use super::reply::{ServerView, SessionView};
use crate::ids::{AccountId, ConnId};

/// Sessions in one answer.
pub(crate) const SESSIONS_PAGE: usize = 1000;

/// A question to the server that owns the connections. The driver of a stopped server's store
/// answers [`ServerAnswer::NotRunning`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerQuestion {
    /// Open sessions of connections with larger numbers, at most [`SESSIONS_PAGE`]. Answered by
    /// `Sessions`.
    Sessions {
        /// Only those of connections after this one.
        after: Option<ConnId>,
    },
    /// End the session of a connection. Answered by `Ended`.
    EndConnection(ConnId),
    /// End all sessions of an account. Answered by `Ended`.
    EndAccount(AccountId),
    /// Forget the failed attempts from an address. Answered by `Forgotten`.
    UnblockAddress(IpAddr),
    /// Forget the failed attempts to log in to an account. Answered by `Forgotten`.
    UnblockAccount(Username),
    /// The server's state. Answered by `Status`.
    Status,
    /// Time for the store's queue, which was full, to get room. Answered by `Waited`, a quarter of
    /// a second later.
    Wait,
}

/// An answer to a [`ServerQuestion`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerAnswer {
    /// No server runs.
    NotRunning,
    /// Open sessions.
    Sessions {
        /// The sessions, in the order of their connections' numbers.
        sessions: Vec<SessionView>,
        /// Whether there are more.
        more: bool,
    },
    /// Sessions were ended: this many.
    Ended(u32),
    /// Entries of failed attempts were forgotten: this many.
    Forgotten(u32),
    /// The server's state.
    Status(ServerView),
    /// The time is over.
    Waited,
}
