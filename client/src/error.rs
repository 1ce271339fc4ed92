//! What can go wrong between a program and a server, as the program tells a person.

use std::{fmt, net::SocketAddr, time::Duration};

use correio_proto::{
    message::{ErrorCode, ErrorReply},
    wrong_protocol::WrongProtocol,
};

use crate::{Address, Untrusted, storage::mailbox::MailboxError};

/// Why there is no connection to a server. The text names every address that was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address, or cannot be looked up now.
    #[error("the name {host} was not found: {detail}")]
    NameNotFound {
        /// The name.
        host: String,
        /// What the resolver says.
        detail: String,
    },
    /// The host is there and nothing listens on the port.
    #[error("the connection was refused{}", Tried(.tried))]
    Refused {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// No answer within the deadline, to the look-up, the connection or the greeting.
    #[error("no answer within the time allowed{}", Tried(.tried))]
    TimedOut {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// Something answers, and it is not a correio server.
    #[error("this is not a correio server{}{}", Spoken(*.spoken), Tried(.tried))]
    NotCorreio {
        /// What it speaks, where that was recognised. TLS where none is expected, for one.
        spoken: Option<WrongProtocol>,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// The server's certificate is not trusted; nothing was said to it.
    #[error(transparent)]
    Untrusted(Untrusted),
    /// What answers does not speak TLS 1.3. A server in a laboratory may speak without TLS.
    #[error("the server does not speak TLS 1.3{}", Tried(.tried))]
    NoTls {
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// TLS failed for another reason.
    #[error("TLS failed: {detail}{}", Tried(.tried))]
    Tls {
        /// What is wrong, in English.
        detail: String,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
    /// A correio server that does not speak this client's version of the protocol.
    #[error("the server speaks other versions of the protocol: {spoken:?}")]
    OtherVersion {
        /// Those it speaks.
        spoken: Vec<u32>,
    },
    /// A correio server that takes no further connection now.
    #[error("the server is busy{}", Later(*.retry_after))]
    Busy {
        /// When to try again, where the server says it.
        retry_after: Option<Duration>,
    },
    /// A correio server that refuses this client for another reason.
    #[error("the server refused the connection: {}", .0.text)]
    Rejected(ErrorReply),
    /// The caller gave up.
    #[error("cancelled")]
    Cancelled,
    /// Another error of the network or of this computer.
    #[error("{detail}{}", Tried(.tried))]
    Io {
        /// What the operating system says.
        detail: String,
        /// The addresses that were tried.
        tried: Vec<Attempt>,
    },
}

/// One address of a host and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// What went wrong, in English.
    pub failure: String,
}

/// Why a request did not succeed. Requests that change something are made so that asking again
/// with the same id is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The server's answer is no.
    #[error("{}", .0.text)]
    Refused(ErrorReply),
    /// The connection broke and could not be made again before the deadline. Whether the server
    /// did what was asked is not known.
    #[error("the server cannot be reached: {0}")]
    Unreachable(ConnectError),
    /// Connected, and no answer came before the deadline. Whether the server did what was asked
    /// is not known.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The caller gave up. Whether the server did what was asked is not known.
    #[error("cancelled")]
    Cancelled,
    /// The session ended without being logged out: the password was changed or the account
    /// deleted elsewhere, or the server's store is another one. Log in again.
    #[error("the session has ended; log in again")]
    SessionEnded,
    /// The server says that it keeps the mail of another one that is known and that it cannot be;
    /// no credential was made for it.
    #[error("the server says that it keeps the mail of {keeper}, which is known as another server")]
    OtherServersRealm {
        /// The server that is known to keep that mail.
        keeper: Address,
    },
    /// The file of known servers cannot be used; no credential was made.
    #[error("{0}")]
    KnownServers(String),
    /// A body above what the server accepts; nothing was sent.
    #[error("the mail is too large: its body may have at most {limit} bytes")]
    TooLarge {
        /// The longest body, in bytes.
        limit: u32,
    },
    /// Too many requests of this program are under way.
    #[error("too many requests are under way")]
    Overloaded,
    /// The network thread of this service has ended.
    #[error("the service is closed")]
    Closed,
}

impl RequestError {
    /// The server's code, where the server refused.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            _ => None,
        }
    }
}

/// Why not all mail was received. What was saved before is in the mailbox and counts as new.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The server or the way to it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The local mailbox.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The server sent pages that make no sense.
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

/// What was recognised, as the end of a sentence.
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
