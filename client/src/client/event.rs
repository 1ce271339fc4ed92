//! Output of a client: answers, notices, and reasons to give a connection up.

use std::{io, time::Duration};

use correio_proto::{
    message::{ErrorReply, NewMail, Reply, Welcome},
    wrong_protocol::WrongProtocol,
};

use crate::trust::Untrusted;

/// Identifies a request of a client: in the event of its answer, and to abandon the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// An event; see [`super::Client::poll`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The greeting was exchanged on a new connection.
    Greeted(Welcome),
    /// A request has its answer. An abandoned request has no such event.
    Answer {
        /// The request.
        id: RequestId,
        /// The server's reply, which may be a refusal ([`Reply::Error`]), or why there is no reply.
        outcome: Result<Reply, Failure>,
        /// Time from the last sending of the request to its answer.
        took: Duration,
    },
    /// A mail has arrived for the account that is logged in.
    NewMail(NewMail),
    /// The server is about to close the connection; reconnect after a moment.
    ShuttingDown,
    /// The session ended without being logged out. Requests that need one fail until a login.
    SessionEnded,
}

/// Result of [`super::Client::drive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// The connection would block: call again when it is ready.
    Idle,
    /// There may be more to read: call again soon, even without readiness.
    Again,
}

/// Why a request has no answer from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The deadline of the request has passed.
    #[error("no answer before the deadline")]
    TimedOut,
    /// The request needs a session, and the session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The content is above the server's limit. Nothing was sent.
    #[error("the content has {size} bytes, above {limit}")]
    TooLarge {
        /// The content, in bytes.
        size: u64,
        /// The largest content that the server takes, in bytes.
        limit: u64,
    },
    /// The content is a message, and the server takes none. Nothing was sent.
    #[error("the server takes no messages")]
    NoMessages,
    /// [`super::ClientConfig::requests_max`] requests are under way.
    #[error("too many requests are under way")]
    Overloaded,
}

/// Why a connection is unusable. Close it, call [`super::Client::disconnected`], and reconnect if
/// that may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The operating system reports an error.
    #[error("{1}")]
    Io(io::ErrorKind, String),
    /// The peer speaks another protocol.
    #[error("the peer speaks {}", .0.name())]
    WrongProtocol(WrongProtocol),
    /// The server's certificate is not trusted; nothing was sent to it.
    #[error(transparent)]
    Untrusted(Untrusted),
    /// The peer does not speak TLS 1.3.
    #[error("the peer does not speak TLS 1.3")]
    NoTls,
    /// TLS failed for another reason.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The peer breaks the protocol.
    #[error("the peer breaks the protocol: {0}")]
    Protocol(String),
    /// The server speaks other versions of the protocol.
    #[error("the server speaks other versions of the protocol: {0:?}")]
    Version(Vec<u32>),
    /// The server refuses the connection.
    #[error("the server refused the connection: {}", .0.text)]
    Rejected(ErrorReply),
    /// Nothing arrived for too long although an answer was due.
    #[error("the server fell silent")]
    Silent,
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind(), error.to_string())
    }
}
