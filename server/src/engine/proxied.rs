//! Connections that trusted proxies open for their clients, whose addresses their headers name.

use super::{
    CountedAs, REJECTED_MAX, Server,
    connection::{CloseReason, Origin, Transport},
};
use crate::{
    clock::Now,
    event::Event,
    ids::ConnId,
    limits::{admission::Admission, network::Network},
};

impl<T: Transport> Server<T> {
    /// Requires a PROXY header of version 2 from these peers, and believes the address in it. From
    /// all others a header is a protocol error.
    #[must_use]
    pub fn behind(mut self, proxies: Vec<Network>) -> Self {
        self.proxies = proxies;
        self
    }

    /// Admits the client whose address a trusted proxy has named. A connection that has given way
    /// meanwhile is on its way out.
    pub(super) fn identify(&mut self, now: Now, id: ConnId, origin: Origin) {
        self.make_ready(id);
        let Some(entry) = self.connections.get_mut(id) else {
            return;
        };
        let peer = entry.connection.identify(origin);
        let protocol = entry.connection.protocol().as_str();
        match self.admission.identified(id, peer.ip().into()) {
            None => return,
            Some(Admission::Admitted) => {}
            Some(Admission::Instead(displaced)) => {
                self.closed.push((displaced, CloseReason::Displaced));
            }
            Some(Admission::Rejected(rejection)) => {
                let reason = rejection.as_str();
                Event::ConnectionRefused { address: peer, reason, protocol }.log();
                self.counts.rejected(peer.ip(), rejection.as_str());
                if self.rejected >= REJECTED_MAX {
                    return self.closed.push((id, CloseReason::ByServer));
                }
                self.rejected += 1;
                entry.counted_as = CountedAs::Rejected;
                self.with(id, now, |entry, context| entry.connection.reject(context, rejection));
                return;
            }
        }
        self.counts.opened(peer.ip());
        Event::ConnectionOpened { connection: id, address: peer, protocol }.log();
    }
}
