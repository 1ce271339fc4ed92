//! What a connection borrows from the server while it is driven.

use std::time::Duration;

use correio_proto::SpareBuffers;

use crate::{
    admin::{Lifecycle, ServerQuestion},
    auth::hashing::{Accepted, Hasher},
    gateway::GatewayConfig,
    ids::Ticket,
    limits::budget::Budget,
    metrics::{Monitoring, facts::Connections},
    session::{Done, Job, QueueName, SessionContext},
    store::{Store, Submitted},
};

/// How long a client should wait after the store's queue was full.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// See the module's description.
pub(crate) struct ServerContext<'a> {
    /// The part for the connection's session.
    pub(crate) session: SessionContext<'a>,
    /// Configuration of the gateways, if the server has them.
    pub(crate) gateways: Option<&'a GatewayConfig>,
    /// Takes store jobs.
    pub(crate) store: &'a mut dyn Store,
    /// Takes hash jobs.
    pub(crate) hasher: &'a mut dyn Hasher,
    /// Memory budget for incomplete frames, shared by all connections.
    pub(crate) input: &'a mut Budget,
    /// Memory budget for replies not yet sent, shared by all connections.
    pub(crate) output: &'a mut Budget,
    /// Number of connections, for the metrics.
    pub(crate) connections: Connections,
    /// What the metrics need besides.
    pub(crate) monitoring: &'a Monitoring,
    /// Collects questions of the operator's sessions, each under its ticket.
    pub(crate) questions: &'a mut Vec<(Ticket, ServerQuestion)>,
    /// Whether the server goes on.
    pub(crate) lifecycle: Lifecycle,
    /// Buffers for connections that have something in progress.
    pub(crate) spare: &'a mut SpareBuffers,
}

impl ServerContext<'_> {
    /// Submits a job. Returns the result if the store has it at once or the queue is full.
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
