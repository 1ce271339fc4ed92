//! Delays before reconnecting. Random numbers are arguments, as time is elsewhere.

use std::time::Duration;

/// Maximum of the first delay; it doubles with every failure.
const FIRST: Duration = Duration::from_millis(200);

/// Maximum delay; keeps recovery under a minute, connect timeout included.
const LONGEST: Duration = Duration::from_secs(10);

/// Bounds of the delay after a server's announced stop: the server needs a moment, and not all
/// clients may return at once.
const RESTART: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Delay after a further failure: between half and all of 0.2 s, 0.4 s, … 10 s.
    pub(crate) fn after_failure(&mut self, random: u64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let longest = doubled.min(LONGEST);
        between(longest / 2, longest, random)
    }

    /// Delay after an announced stop. It counts as a failure, so that the delays grow for a server
    /// that stops again and again.
    pub(crate) fn after_shutdown(&mut self, random: u64) -> Duration {
        let [shortest, longest] = RESTART;
        self.after_failure(random).max(between(shortest, longest, random))
    }

    /// Resets the delays, after a connection that lasted.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn between(shortest: Duration, longest: Duration, random: u64) -> Duration {
    let span = longest.saturating_sub(shortest);
    shortest + span.mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_maximum() {
        let mut backoff = Backoff::default();
        let longest: Vec<_> = (0..8).map(|_| backoff.after_failure(u64::MAX).as_millis()).collect();
        assert_eq!(longest, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        for _ in 0..100 {
            assert_eq!(backoff.after_failure(0), LONGEST / 2);
        }
        backoff.reset();
        assert_eq!(backoff.after_failure(0), FIRST / 2);
    }

    #[test]
    fn clients_come_back_apart() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after_shutdown(0), RESTART[0]);
        assert_eq!(backoff.after_shutdown(u64::MAX), RESTART[1]);
        let middle = backoff.after_shutdown(u64::MAX / 2);
        assert!(RESTART[0] < middle && middle < RESTART[1]);
    }

    #[test]
    fn a_server_that_stops_again_and_again_is_asked_ever_more_rarely() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.after_shutdown(u64::MAX).as_millis()).collect();
        assert_eq!(waits, [3000, 3000, 3000, 3000, 3200, 6400, 10_000, 10_000]);
        backoff.reset();
        assert_eq!(backoff.after_shutdown(u64::MAX), RESTART[1]);
    }
}
