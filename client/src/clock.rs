//! The time of day, which may be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970 by this computer's clock. A clock before 1970 counts as the start of 1970.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
