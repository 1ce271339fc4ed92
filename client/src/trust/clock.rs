//! The time by which a certificate is judged.

use std::time::{Duration, SystemTimeError, UNIX_EPOCH};

use rustls::{pki_types::UnixTime, time_provider::TimeProvider};

/// This computer's clock. One that stands before 1970 gives no time: TLS then fails with an error
/// of its own, where the clock of rustls would end the thread.
#[derive(Debug)]
pub(super) struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        time(UNIX_EPOCH.elapsed())
    }
}

fn time(since_1970: Result<Duration, SystemTimeError>) -> Option<UnixTime> {
    since_1970.ok().map(UnixTime::since_unix_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_gives_no_time() {
        let before = UNIX_EPOCH.duration_since(UNIX_EPOCH + Duration::from_secs(1));
        assert!(time(before).is_none());
        assert_eq!(time(Ok(Duration::from_secs(7))).unwrap().as_secs(), 7);
        assert!(Clock.current_time().is_some());
    }
}
