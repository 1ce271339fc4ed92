//! What the threads of the store report of themselves to the loop: measurements, and whether the
//! database answers.

use super::loss::LossLog;
use crate::metrics::StoreCounts;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Measurements.
    pub(super) counts: StoreCounts,
    /// Losses of the database.
    pub(super) losses: LossLog,
}
