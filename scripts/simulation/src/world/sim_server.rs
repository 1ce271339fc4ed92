//! A server in the simulated world, whether it runs or not.

use crate::{hasher::SimHasher, reactor::Reactor, store::SimStore};

/// A server, and what its process works with.
pub(super) struct SimServer {
    pub(super) reactor: Option<Reactor>,
    pub(super) hasher: SimHasher,
    /// The server's own handle.
    pub(super) store: SimStore,
    /// Number of starts so far.
    pub(super) starts: u32,
    /// Time of the next start, while the server does not run.
    pub(super) start_at: u64,
    /// When the store can be reached again, while it cannot.
    pub(super) cut_until: Option<u64>,
    /// Since when the store can be reached.
    pub(super) reached_since: u64,
}

impl SimServer {
    pub(super) fn new(hasher: SimHasher, store: SimStore) -> Self {
        Self {
            reactor: None,
            hasher,
            store,
            starts: 0,
            start_at: 0,
            cut_until: None,
            reached_since: 0,
        }
    }
}
