//! Jobs that a session defers, and their results.

use std::time::Duration;

use crate::{
    auth::hashing::{HashDone, HashJob},
    store::{StoreDone, StoreJob},
};

/// Work that is done elsewhere.
#[derive(Debug)]
pub(crate) enum Job {
    /// By a worker.
    Hash(HashJob),
    /// By the store.
    Store(StoreJob),
}

/// What comes back of a [`Job`].
#[derive(Debug)]
pub(crate) enum Done {
    /// From a worker.
    Hash(HashDone),
    /// From the store.
    Store(StoreDone),
    /// From nobody: the queue is full.
    Busy {
        /// Which queue.
        queue: QueueName,
        /// When another try is worth it.
        retry_after: Duration,
    },
}

/// The queues that jobs wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueName {
    /// That of the bcrypt workers.
    Hash,
    /// That of the store.
    Store,
}

impl QueueName {
    /// As it is logged.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Store => "store",
        }
    }
}
