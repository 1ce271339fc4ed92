//! What a session borrows from the server for one call.

use std::net::SocketAddr;

use crate::{
    clock::Now,
    event::Event,
    ids::ConnId,
    limits::{prefix::Prefix, throttle::Throttle},
    metrics::counts::Counts,
    session::{config::SessionConfig, effect::Effect, registry::SessionRegistry},
};

/// See the module's description.
pub(crate) struct SessionContext<'a> {
    /// The time.
    pub(crate) now: Now,
    /// The session's connection.
    pub(crate) connection: ConnId,
    /// The client's address.
    pub(crate) peer: SocketAddr,
    /// Configuration of all sessions.
    pub(crate) config: &'a SessionConfig,
    /// Limits on attempts, registrations and mails.
    pub(crate) throttle: &'a mut Throttle,
    /// What is counted for the metrics.
    pub(crate) counts: &'a mut Counts,
    /// Collects effects on other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Open sessions by account; decides which clients get notices.
    pub(crate) registry: &'a SessionRegistry,
}

impl SessionContext<'_> {
    /// The address prefix that the connection's attempts are counted under.
    pub(crate) fn prefix(&self) -> Prefix {
        self.peer.ip().into()
    }

    /// Logs and counts input that no client of the connection's protocol sends.
    pub(crate) fn report_protocol_error(&mut self, text: &str) {
        self.counts.protocol_error(self.peer.ip());
        Event::ProtocolError { connection: self.connection, address: self.peer, text }.log();
    }
}
