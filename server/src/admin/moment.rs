//! A time in the operator's replies.

use std::fmt;

use correio_proto::mail::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time, written as in RFC 3339, in UTC and to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    fn in_utc(self) -> jiff::Timestamp {
        // A time after the year 9999 cannot be written.
        let seconds = i64::try_from(self.0.0 / 1000).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
    }

    /// The time for people: `2026-11-27 06:30 UTC`.
    #[must_use]
    pub fn for_people(self) -> String {
        self.in_utc().strftime("%Y-%m-%d %H:%M UTC").to_string()
    }

    /// The day for people: `2026-11-27`.
    #[must_use]
    pub fn day(self) -> String {
        self.in_utc().strftime("%Y-%m-%d").to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.in_utc().strftime("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let seconds = u64::try_from(time.as_second()).map_err(de::Error::custom)?;
        Ok(Self(Timestamp(seconds.saturating_mul(1000))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read_back() {
        let moment = Moment(Timestamp(1_795_761_000_999));
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, "\"2026-11-27T06:30:00Z\"");
        let read: Moment = serde_json::from_str(&text).unwrap();
        assert_eq!(read, Moment(Timestamp(1_795_761_000_000)), "to the second");
        assert_eq!(moment.for_people(), "2026-11-27 06:30 UTC");
        assert_eq!(moment.day(), "2026-11-27");
        assert!(Moment(Timestamp(u64::MAX)).to_string().starts_with("9999-"));
    }
}
