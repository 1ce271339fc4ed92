//! Configuration of all sessions of a server.

use std::time::Duration;

use correio_proto::{limits, message::Realm, tls::Security};

use crate::{
    auth::{hashing::Bcrypt, invite::RegistrationRules, resume_ticket::TicketPolicy},
    limits::list_creation::ListCreation,
};

/// Whom the server's directory is shown to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryPolicy {
    /// Everybody who is logged in finds every account.
    Members,
    /// Nobody. The server does not offer `find`.
    Off,
}

/// Configuration of all sessions of a server.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// TLS, or plaintext.
    pub security: Security,
    /// Random id of the store.
    pub realm: Realm,
    /// Longest body accepted, in bytes.
    pub body_max: usize,
    /// Largest content accepted in pieces, in bytes.
    pub content_max: u64,
    /// Fewest bytes of a piece that neither is empty nor ends its content; 0 for no limit.
    pub piece_min: usize,
    /// The rules of registration.
    pub registrations: RegistrationRules,
    /// Whom the directory is shown to.
    pub directory: DirectoryPolicy,
    /// Who may make lists.
    pub lists: ListCreation,
    /// How passwords are hashed for the store.
    pub bcrypt: Bcrypt,
    /// Whether sessions are given resume tickets.
    pub tickets: TicketPolicy,
    /// Time from opening a connection, or logging out, until it must be logged in. Requests do not
    /// extend it.
    pub login_timeout: Duration,
    /// How long a logged-in connection may be without a request, or with output that the client
    /// does not read. The client is pinged after half of this time.
    pub idle_timeout: Duration,
}

impl SessionConfig {
    /// Largest frame that a logged-in client may send, in bytes.
    #[must_use]
    pub fn frame_max(&self) -> usize {
        self.body_max.max(limits::PIECE_MAX) + limits::FRAME_OVERHEAD_MAX
    }
}
