//! The configuration that all sessions of a server share.

use std::time::Duration;

use correio_proto::{limits, message::Realm, tls::Security};

use crate::auth::{hashing::Bcrypt, invite::Registrations};

/// What is the same for every session of a server.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// How connections are protected.
    pub security: Security,
    /// Random id of the store.
    pub realm: Realm,
    /// Longest body accepted, in bytes.
    pub body_max: usize,
    /// Who may register.
    pub registrations: Registrations,
    /// How stored hashes are made.
    pub bcrypt: Bcrypt,
    /// How long a connection may take until it is logged in; absolute.
    pub login_timeout: Duration,
    /// How long a connection that is logged in may be silent, or take for one frame in either
    /// direction. It is pinged at half of it.
    pub idle_timeout: Duration,
}

impl SessionConfig {
    /// Largest frame that a session which is logged in may send, in bytes.
    #[must_use]
    pub fn frame_max(&self) -> usize {
        self.body_max + limits::FRAME_OVERHEAD_MAX
    }
}
