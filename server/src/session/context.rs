//! What a session borrows from the server for one call.

use std::net::SocketAddr;

use crate::{
    clock::Now,
    ids::ConnId,
    limits::throttle::{Prefix, Throttle},
    session::{config::SessionConfig, effect::Effect, registry::SessionRegistry},
};

/// What a session is lent for one call.
pub(crate) struct SessionContext<'a> {
    /// The time.
    pub(crate) now: Now,
    /// Which connection it is.
    pub(crate) connection: ConnId,
    /// Where the connection comes from.
    pub(crate) peer: SocketAddr,
    /// What is the same for every session.
    pub(crate) config: &'a SessionConfig,
    /// Who may try how often.
    pub(crate) throttle: &'a mut Throttle,
    /// Takes what concerns other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Who is there to be told of something.
    pub(crate) registry: &'a SessionRegistry,
}

impl SessionContext<'_> {
    /// Whose attempts those of this connection are.
    pub(crate) fn prefix(&self) -> Prefix {
        self.peer.ip().into()
    }
}
