//! All links, and the server's listener.

use std::{collections::VecDeque, net::SocketAddr};

use correio_server::protocol::Service;

use crate::{
    clock::Clock,
    pipe::{ClientEnd, Link, LinkConditions, LinkRef},
    rng::Rng,
};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Network {
    clock: Clock,
    rng: Rng,
    conditions: LinkConditions,
    links: Vec<LinkRef>,
    /// The servers' listeners, by number.
    listeners: Vec<Listener>,
}

/// Where a server accepts connections.
#[derive(Debug, Default)]
struct Listener {
    /// Connections that the server has not accepted yet.
    backlog: VecDeque<Arrival>,
    /// Whether the server listens.
    is_open: bool,
}

/// A connection that arrives at a server: the client's address, and the service that it wants.
pub(crate) type Arrival = (LinkRef, SocketAddr, Service);

impl Network {
    pub(crate) fn new(clock: Clock, rng: Rng, conditions: LinkConditions, servers: usize) -> Self {
        let mut listeners = Vec::new();
        listeners.resize_with(servers, Listener::default);
        Self { clock, rng, conditions, links: Vec::new(), listeners }
    }

    /// Number of servers.
    pub(crate) fn servers(&self) -> usize {
        self.listeners.len()
    }

    /// Connects to a service of a server, which need not have accepted yet; `None` if the server
    /// does not listen.
    pub(crate) fn connect(
        &mut self,
        from: SocketAddr,
        server: usize,
        to: Service,
    ) -> Option<ClientEnd> {
        let listener = self.listeners.get_mut(server).filter(|listener| listener.is_open)?;
        let link = Link::new(self.clock.clone(), self.rng.fork(), self.conditions.clone());
        self.links.push(link.clone());
        listener.backlog.push_back((link.clone(), from, to));
        Some(ClientEnd(link))
    }

    /// Sets the conditions of all links.
    pub(crate) fn set_conditions(&mut self, conditions: &LinkConditions) {
        self.conditions = conditions.clone();
        for link in &self.links {
            link.borrow_mut().set_conditions(conditions);
        }
    }

    /// Has a server listen.
    pub(crate) fn open(&mut self, server: usize) {
        if let Some(listener) = self.listeners.get_mut(server) {
            listener.is_open = true;
        }
    }

    /// Whether connections wait until a server accepts them.
    pub(crate) fn has_arrived(&self, server: usize) -> bool {
        self.listeners.get(server).is_some_and(|listener| !listener.backlog.is_empty())
    }

    /// Accepts the connection that has waited longest at a server.
    pub(crate) fn accept(&mut self, server: usize) -> Option<Arrival> {
        self.listeners.get_mut(server)?.backlog.pop_front()
    }

    /// Closes a server's listener and resets the connections in its backlog.
    pub(crate) fn close(&mut self, server: usize) {
        let Some(listener) = self.listeners.get_mut(server) else {
            return;
        };
        listener.is_open = false;
        for (link, ..) in listener.backlog.drain(..) {
            let mut link = link.borrow_mut();
            link.server_gone = true;
            link.reset();
        }
    }

    /// Delivers all pieces that are due.
    pub(crate) fn deliver(&mut self) {
        self.links.retain(|link| !link.borrow().is_over());
        for link in &self.links {
            link.borrow_mut().deliver();
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<u64> {
        self.links.iter().filter_map(|link| link.borrow().next_arrival()).min()
    }

    /// A random link.
    pub(crate) fn any(&self, rng: &mut Rng) -> Option<LinkRef> {
        self.links.get(rng.below(self.links.len())).cloned()
    }
}
