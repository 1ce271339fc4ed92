//! Counts the signals that ask a run to end.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Number of signals: the first ends the load and still reports, the second ends the program at
/// once.
#[derive(Clone, Debug, Default)]
pub struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// Counts one more signal.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether no signal has come.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.count() == 0
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}
