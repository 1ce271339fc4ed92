//! A token bucket: it holds an hour's number of tokens and is refilled evenly.

use std::time::Duration;

/// The time in which an empty bucket becomes full.
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// A bucket, full at first. It stores only the time at which it will be full again, as an uptime.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Time until the bucket holds `count` of `per_hour` tokens: zero if it holds them already, at
    /// most an hour, or two if it owes some. A `count` above `per_hour` counts as `per_hour`.
    pub(super) fn wait(self, now: Duration, per_hour: u32, count: u32) -> Duration {
        let refill = refill(per_hour);
        // Not [`HOUR`]: the division may have dropped nanoseconds.
        let whole = refill * per_hour.max(1);
        let full_at = self.full_at.max(now).saturating_add(cost(per_hour, count));
        full_at.saturating_sub(now).saturating_sub(whole)
    }

    /// Takes `count` of `per_hour` tokens, or none.
    ///
    /// # Errors
    ///
    /// The bucket holds fewer; the error is [`Bucket::wait`].
    pub(super) fn take_some(
        &mut self,
        now: Duration,
        per_hour: u32,
        count: u32,
    ) -> Result<(), Duration> {
        let wait = self.wait(now, per_hour, count);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.full_at = self.full_at.max(now).saturating_add(cost(per_hour, count));
        Ok(())
    }

    /// Takes `count` of `per_hour` tokens, also those that the bucket does not hold yet: it owes
    /// them, and [`Bucket::wait`] is longer until they are refilled. It never owes more than
    /// `per_hour`.
    pub(super) fn owe(&mut self, now: Duration, per_hour: u32, count: u32) {
        let full_at = self.full_at.max(now).saturating_add(cost(per_hour, count));
        self.full_at = full_at.min(now.saturating_add(cost(per_hour, per_hour) * 2));
    }

    /// Puts tokens back. A bucket that was refilled meanwhile stays full: it never holds more than
    /// `per_hour`.
    pub(super) fn put_back(&mut self, per_hour: u32, count: u32) {
        self.full_at = self.full_at.saturating_sub(cost(per_hour, count));
    }

    /// Whether the bucket is full.
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.full_at <= now
    }
}

/// Time to refill one token.
fn refill(per_hour: u32) -> Duration {
    HOUR / per_hour.max(1)
}

/// Time to refill `count` tokens, at most `per_hour` of them.
fn cost(per_hour: u32, count: u32) -> Duration {
    refill(per_hour) * count.min(per_hour.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_hour_and_is_refilled_evenly() {
        for per_hour in [1, 7, 60, 3_600, 1_000_000] {
            let now = Duration::from_secs(77);
            let mut bucket = Bucket::default();
            for _ in 0..per_hour {
                assert_eq!(bucket.take_some(now, per_hour, 1), Ok(()));
            }
            let refill = HOUR / per_hour;
            assert_eq!(bucket.take_some(now, per_hour, 1), Err(refill));
            let one = now + refill;
            assert_eq!(
                bucket.take_some(one - Duration::from_nanos(1), per_hour, 1),
                Err(Duration::from_nanos(1))
            );
            assert_eq!(bucket.take_some(one, per_hour, 1), Ok(()));
            assert_eq!(bucket.take_some(one, per_hour, 1), Err(refill));
        }
    }

    #[test]
    fn a_bucket_holds_no_more_than_the_hour() {
        let mut bucket = Bucket::default();
        for now in [Duration::ZERO, HOUR * 1_000] {
            let taken = (0..100).filter(|_| bucket.take_some(now, 10, 1).is_ok()).count();
            assert_eq!(taken, 10);
        }
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take_some(Duration::ZERO, u32::MAX, 1), Ok(()));
        assert_eq!(bucket.take_some(Duration::MAX, u32::MAX, 1), Ok(()));
        assert_eq!(bucket.take_some(Duration::MAX, 1, 1), Ok(()));
    }

    #[test]
    fn what_is_owed_is_refilled_first_and_is_at_most_the_hour() {
        let now = Duration::from_secs(77);
        let mut bucket = Bucket::default();
        bucket.owe(now, 10, 4);
        assert_eq!(bucket.take_some(now, 10, 6), Ok(()), "the bucket had them");
        bucket.owe(now, 10, 5);
        assert_eq!(bucket.wait(now, 10, 1), HOUR / 10 * 6);
        for count in [1, 7, 10_000, u32::MAX] {
            bucket.owe(now, 10, count);
            assert!(bucket.wait(now, 10, 1) <= HOUR + HOUR / 10);
        }
        assert_eq!(bucket.wait(now, 10, 10), HOUR * 2);
        assert_eq!(bucket.wait(now + HOUR, 10, 1), HOUR / 10);
        assert_eq!(bucket.take_some(now + HOUR * 2, 10, 10), Ok(()));
        bucket.owe(Duration::MAX, u32::MAX, u32::MAX);
    }

    #[test]
    fn what_is_put_back_can_be_taken_again_and_no_more_than_that() {
        let now = Duration::from_secs(77);
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take_some(now, 10, 6), Ok(()));
        for _ in 0..100 {
            assert_eq!(bucket.take_some(now, 10, 4), Ok(()));
            assert_eq!(bucket.wait(now, 10, 1), HOUR / 10);
            bucket.put_back(10, 4);
        }
        assert_eq!(bucket.take_some(now, 10, 5), Err(HOUR / 10));
        // Tokens that are put back after an hour find a full bucket.
        let later = now + 2 * HOUR;
        bucket.put_back(10, 6);
        assert!(bucket.is_full(later));
        let taken = (0..100).filter(|_| bucket.take_some(later, 10, 1).is_ok()).count();
        assert_eq!(taken, 10);
    }
}
