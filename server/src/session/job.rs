//! Jobs that a session defers, and their results.

use std::time::Duration;

use crate::{
    auth::hashing::{HashDone, HashJob},
    store::{StoreDone, StoreJob},
};

/// Work that a worker or the store does for a session.
#[derive(Debug)]
pub(crate) enum Job {
    /// For a bcrypt worker.
    Hash(HashJob),
    /// For the store.
    Store(StoreJob),
}

/// Result of a [`Job`].
#[derive(Debug)]
pub(crate) enum Done {
    /// A worker's result.
    Hash(HashDone),
    /// The store's result.
    Store(StoreDone),
    /// The job was not taken: the queue is full.
    Busy {
        /// The queue that is full.
        queue: QueueName,
        /// How long the client should wait before it tries again.
        retry_after: Duration,
    },
}

/// The queues that jobs wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueName {
    /// The queue of the bcrypt workers.
    Hash,
    /// The store's queue.
    Store,
}

impl QueueName {
    /// The queue's name in the log.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Store => "store",
        }
    }
}
