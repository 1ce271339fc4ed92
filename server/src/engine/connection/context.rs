//! What a connection is lent while it is driven.

use std::{net::SocketAddr, time::Duration};

use correio_proto::SpareBuffers;

use crate::{
    auth::hashing::{Accepted, Hasher},
    clock::Now,
    ids::{ConnId, Ticket},
    limits::{budget::Budget, throttle::Throttle},
    session::{
        Done, Job, QueueName, Scope, SessionConfig, effect::Effect, registry::SessionRegistry,
    },
    store::{Store, Submitted},
};

/// When a job whose store queue was full is worth another try.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// What a connection is lent while it is driven.
pub(crate) struct Context<'a> {
    /// The time.
    pub(crate) now: Now,
    /// What is the same for every session.
    pub(crate) config: &'a SessionConfig,
    /// Where store jobs go.
    pub(crate) store: &'a mut dyn Store,
    /// Where hash jobs go.
    pub(crate) hasher: &'a mut dyn Hasher,
    /// Takes what concerns other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Who is there.
    pub(crate) registry: &'a SessionRegistry,
    /// Who may try how often.
    pub(crate) throttle: &'a mut Throttle,
    /// What partly received frames may take of all connections together.
    pub(crate) input: &'a mut Budget,
    /// What replies that are not taken may take of all connections together.
    pub(crate) output: &'a mut Budget,
    /// Buffers that are not in use.
    pub(crate) spare: &'a mut SpareBuffers,
}

impl Context<'_> {
    /// What a session is lent of it, for one call.
    pub(super) fn scope(&mut self, connection: ConnId, peer: SocketAddr) -> Scope<'_> {
        Scope {
            now: self.now,
            connection,
            peer,
            config: self.config,
            throttle: self.throttle,
            effects: self.effects,
            registry: self.registry,
        }
    }

    /// Hands a job in. What comes back at once is returned.
    pub(super) fn submit(&mut self, ticket: Ticket, job: Job) -> Option<Done> {
        match job {
            Job::Hash(job) => match self.hasher.submit(ticket, job) {
                Accepted::Queued => None,
                Accepted::Full { retry_after } => {
                    Some(Done::Busy { queue: QueueName::Hash, retry_after })
                }
            },
            Job::Store(job) => match self.store.submit(ticket, job) {
                Submitted::Queued => None,
                Submitted::Done(done) => Some(Done::Store(done)),
                Submitted::Full => {
                    Some(Done::Busy { queue: QueueName::Store, retry_after: STORE_RETRY })
                }
            },
        }
    }
}
