//! What the lanes report of themselves to the loop: measurements, and whether the database answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::metrics::StoreCounts;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Measurements.
    pub(super) counts: StoreCounts,
    /// Lanes that wait for the database.
    waiting: AtomicUsize,
}

impl Report {
    /// Whether a lane waits for the database.
    pub(super) fn outage(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Records that a lane has lost the database, until the guard is dropped.
    pub(super) fn lost(&self) -> Lost<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Lost(self)
    }
}

/// A lane without the database.
pub(super) struct Lost<'a>(&'a Report);

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
