//! Errors of connecting, of requests and of receiving. Their texts are in English.

use std::{fmt, net::SocketAddr, time::Duration};

use correio_proto::{
    message::{ErrorCode, ErrorReply},
    wrong_protocol::WrongProtocol,
};

use crate::{
    address::Address,
    storage::{mailbox::MailboxError, outgoing::ContentError},
    trust::Untrusted,
};

/// Why there is no connection to a server. The text names every address that was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address, or cannot be looked up now.
    #[error("the name {host} was not found: {detail}")]
    NameNotFound {
        /// The name.
        host: String,
        /// The resolver's error.
        detail: String,
    },
    /// The host answers, but nothing listens on the port.
    #[error("the connection was refused{}", Tried(.tried))]
    Refused {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// The look-up, the connection or the greeting had no answer before the deadline.
    #[error("no answer within the time allowed{}", Tried(.tried))]
    TimedOut {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// The peer is not a correio server.
    #[error("this is not a correio server{}{}", Spoken(*.spoken), Tried(.tried))]
    NotCorreio {
        /// The protocol that the peer speaks, if it was recognised (also TLS if none is expected).
        spoken: Option<WrongProtocol>,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// The server's certificate is not trusted; nothing was sent to it.
    #[error(transparent)]
    Untrusted(Untrusted),
    /// The peer does not speak TLS 1.3.
    #[error("the server does not speak TLS 1.3{}", Tried(.tried))]
    NoTls {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// TLS failed for another reason.
    #[error("TLS failed: {detail}{}", Tried(.tried))]
    Tls {
        /// The problem, in English.
        detail: String,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// The correio server does not speak this client's version of the protocol.
    #[error("the server speaks other versions of the protocol: {spoken:?}")]
    OtherVersion {
        /// The server's versions.
        spoken: Vec<u32>,
    },
    /// The correio server takes no further connection now.
    #[error("the server is busy{}", Later(*.retry_after))]
    Busy {
        /// When to try again, if the server says it.
        retry_after: Option<Duration>,
    },
    /// The correio server refuses this client for another reason.
    #[error("the server refused the connection: {}", .0.text)]
    Rejected(ErrorReply),
    /// The call was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Another error of the network or of this computer.
    #[error("{detail}{}", Tried(.tried))]
    Io {
        /// The operating system's error.
        detail: String,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
}

/// A failed attempt to connect to one address of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// The failure, in English.
    pub failure: String,
}

/// Why a request did not succeed. Requests that change something may safely be repeated with the
/// same id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The server refused the request.
    #[error("{}", .0.text)]
    Refused(ErrorReply),
    /// The connection broke and could not be made again before the deadline. Whether the server
    /// executed the request is unknown.
    #[error("the server cannot be reached: {0}")]
    Unreachable(ConnectError),
    /// No answer came before the deadline, although the connection stands. Whether the server
    /// executed the request is unknown.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The call was cancelled. Whether the server executed the request is unknown.
    #[error("cancelled")]
    Cancelled,
    /// The session ended without being logged out: the password was changed or the account
    /// deleted elsewhere, or the server's store is another one. Log in again.
    #[error("the session has ended; log in again")]
    SessionEnded,
    /// The server claims the realm of another known server, which it cannot be. No credential was
    /// made for it.
    #[error("the server says that it keeps the mail of {keeper}, which is known as another server")]
    OtherServersRealm {
        /// The server that is known to own the realm.
        keeper: Address,
    },
    /// The file of known servers cannot be used; no credential was made.
    #[error("{0}")]
    KnownServers(String),
    /// The content is above the server's limit; nothing was sent.
    #[error("the mail is too large: its content has {size} bytes, and may have at most {limit}")]
    TooLarge {
        /// The content, in bytes.
        size: u64,
        /// The largest content, in bytes.
        limit: u64,
    },
    /// The content is an RFC 5322 message, and the server takes none; nothing was sent.
    #[error("the server takes no e-mail with attachments")]
    NoMessages,
    /// The server's answer breaks the protocol.
    #[error("the server sent an answer that makes no sense: {0}")]
    Answer(&'static str),
    /// Too many requests of this program are under way.
    #[error("too many requests are under way")]
    Overloaded,
    /// The network thread of this service has ended.
    #[error("the service is closed")]
    Closed,
}

impl RequestError {
    /// The server's code, if the server refused the request.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            _ => None,
        }
    }
}

/// Why a mail was not sent. Sending the same mail again is safe, and goes on with an upload that
/// was interrupted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The content cannot be read, or was changed meanwhile.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The call was cancelled before it sent the mail: only a part of the content may be on the
    /// server.
    #[error("cancelled before the mail was sent")]
    CancelledUnsent,
}

/// Why not all mail was received. Mails saved before are in the mailbox and count as new.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The local mailbox failed.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The server sent a page that breaks the protocol.
    #[error("the server sent a page that makes no sense: {0}")]
    Page(&'static str),
}

/// The addresses tried, as the end of a sentence.
struct Tried<'a>(&'a [Attempt]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attempt) in self.0.iter().enumerate() {
            let lead = if index == 0 { " (" } else { "; " };
            write!(f, "{lead}{}: {}", attempt.address, attempt.failure)?;
        }
        f.write_str(if self.0.is_empty() { "" } else { ")" })
    }
}

/// The recognised protocol, as the end of a sentence.
struct Spoken(Option<WrongProtocol>);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(protocol) => write!(f, ": it speaks {}", protocol.name()),
            None => Ok(()),
        }
    }
}

/// When to try again, as the end of a sentence.
struct Later(Option<Duration>);

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, "; try again in {} s", wait.as_secs()),
            None => Ok(()),
        }
    }
}
