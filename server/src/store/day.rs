//! Days of times, in UTC.

use correio_proto::mail::Timestamp;

/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a time's day since 1970.
pub(super) fn day(now: Timestamp) -> u64 {
    now.0 / DAY
}

/// The begin of a time's day.
pub(super) fn begin_of_day(now: Timestamp) -> Timestamp {
    Timestamp(now.0 - now.0 % DAY)
}
