//! The server's part in its metrics: opens connections of HTTP, which have places of their own, and
//! counts iterations and connections.

use std::{net::SocketAddr, time::Duration};

use correio_proto::tls::Security;

use super::{
    CountedAs, Entry, HTTP_MAX, Server,
    connection::{Connection, Dialogue, Transport},
};
use crate::{
    clock::Now,
    event::Event,
    ids::ConnId,
    metrics::{Monitoring, facts::Connections},
    protocol::Protocol,
};

impl<T: Transport> Server<T> {
    /// Sets the source of the metrics that clients of HTTP are shown.
    #[must_use]
    pub fn monitored(mut self, monitoring: Monitoring) -> Self {
        self.monitoring = monitoring;
        self
    }

    /// Counts an iteration of the loop that took this long, without its wait.
    pub fn iterated(&mut self, took: Duration) {
        self.counts.iteration.observe(took);
    }

    /// The present numbers of connections.
    pub(super) fn connections_now(&self) -> Connections {
        let (anonymous, logged_in) = self.admission.counts();
        Connections {
            anonymous,
            logged_in,
            submission: self.programs.submission,
            pop3: self.programs.pop3,
            rejected: self.rejected,
            http: self.http,
            max: self.connections_max,
        }
    }

    /// Opens a connection of HTTP. Returns `None` and drops the transport if too many are open.
    pub(super) fn open_http(&mut self, now: Now, transport: T, peer: SocketAddr) -> Option<ConnId> {
        if self.http >= HTTP_MAX {
            let (reason, protocol) = ("too_many_http", Protocol::Http.as_str());
            Event::ConnectionRefused { address: peer, reason, protocol }.log();
            self.counts.refused.add(reason);
            return None;
        }
        self.http += 1;
        let slot = self.connections.vacant();
        let id = slot.id();
        let (dialogue, security) = (Dialogue::http(), Security::Plaintext);
        let connection = Connection::new(id, peer, dialogue, transport, &security, now);
        let timer_at = connection.deadline(&self.config);
        self.deadlines.add(timer_at, id);
        slot.insert(Entry::new(connection, CountedAs::Http, timer_at));
        self.ready.push(id);
        Some(id)
    }
}
