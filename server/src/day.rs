//! Days of times in milliseconds, in UTC.

use correio_proto::mail::Timestamp;

/// Milliseconds of a day.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a time's day since 1970.
#[must_use]
pub fn day(now: Timestamp) -> u64 {
    now.0 / DAY
}

/// The begin of a time's day.
#[must_use]
pub fn begin_of_day(now: Timestamp) -> Timestamp {
    Timestamp(now.0 - now.0 % DAY)
}
