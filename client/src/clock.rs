//! The time of day, which may be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970 by this computer's clock. A clock that is set to a time before it counts as
/// one that stands at its start.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
