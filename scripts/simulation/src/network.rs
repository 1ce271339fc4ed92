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
    /// Connections that the server has not accepted yet.
    pub(crate) backlog: VecDeque<(LinkRef, SocketAddr, Service)>,
    /// Whether the server listens.
    pub(crate) is_open: bool,
}

impl Network {
    pub(crate) fn new(clock: Clock, rng: Rng, conditions: LinkConditions) -> Self {
        let (links, backlog) = (Vec::new(), VecDeque::new());
        Self { clock, rng, conditions, links, backlog, is_open: false }
    }

    /// Connects to a service of the server, which need not have accepted yet; `None` if no server
    /// listens.
    pub(crate) fn connect(&mut self, from: SocketAddr, to: Service) -> Option<ClientEnd> {
        if !self.is_open {
            return None;
        }
        let link = Link::new(self.clock.clone(), self.rng.fork(), self.conditions.clone());
        self.links.push(link.clone());
        self.backlog.push_back((link.clone(), from, to));
        Some(ClientEnd(link))
    }

    /// Sets the conditions of all links.
    pub(crate) fn set_conditions(&mut self, conditions: &LinkConditions) {
        self.conditions = conditions.clone();
        for link in &self.links {
            link.borrow_mut().set_conditions(conditions);
        }
    }

    /// Closes the listener and resets the connections in its backlog.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
        for (link, ..) in self.backlog.drain(..) {
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
