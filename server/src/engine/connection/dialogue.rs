//! The protocol half of a connection: the session of the listener's protocol.

use crate::{
    ids::{ConnId, Ticket},
    protocol::Protocol,
    session::{Identity, Session, SessionContext, Settlement},
};

/// A connection's session, by protocol.
#[derive(Debug)]
pub(super) enum Dialogue {
    /// Correio's own protocol.
    Correio(Session),
}

impl Dialogue {
    /// A dialogue in which nothing was said yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Correio => Self::Correio(Session::default()),
        }
    }

    /// The account that is logged in.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Correio(session) => session.identity(),
        }
    }

    /// The ticket of the job that the dialogue waits for.
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        match self {
            Self::Correio(session) => session.waiting_for(connection),
        }
    }

    /// Whether the dialogue waits for a store job.
    pub(super) fn is_storing(&self) -> bool {
        match self {
            Self::Correio(session) => session.is_storing(),
        }
    }

    /// Settles the charge of the request in progress, if there is one, with the throttle.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        match self {
            Self::Correio(session) => session.settle(context, settlement),
        }
    }
}
