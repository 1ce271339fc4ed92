//! Days of times in milliseconds, in UTC.

use correio_proto::mail::Timestamp;

/// Milliseconds of a day.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a time's day since 1970.
#[must_use]
pub fn day(at: Timestamp) -> u64 {
    at.0 / DAY
}

/// The begin of a time's day.
#[must_use]
pub fn begin_of_day(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0 % DAY)
}

/// The time that many days after another, or the last that there is.
#[must_use]
pub fn days_after(at: Timestamp, days: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(days.saturating_mul(DAY)))
}

/// The time that many days before another, or the begin of 1970.
#[must_use]
pub fn days_before(at: Timestamp, days: u64) -> Timestamp {
    Timestamp(at.0.saturating_sub(days.saturating_mul(DAY)))
}
