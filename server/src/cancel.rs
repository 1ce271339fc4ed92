//! Whether the user has asked a command to stop.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A flag that a signal sets, and that long work reads between its steps. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicUsize>);

impl Cancel {
    /// The number that a signal handler writes: that of the signal.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// The number of the signal that asked for the end, if one came.
    #[must_use]
    pub fn signal(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }

    /// Whether work is to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.signal().is_some()
    }
}
