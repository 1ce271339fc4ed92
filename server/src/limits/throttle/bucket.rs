//! A token bucket: it holds a number of tokens, and is refilled evenly.

use std::time::Duration;

/// The time in which a bucket becomes full that holds an hour's tokens.
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// How many tokens a bucket holds, and how fast it is refilled. A number alone stands for the
/// tokens of an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Tokens of a full bucket; 0 counts as 1.
    pub(super) tokens: u32,
    /// The time in which an empty bucket becomes full.
    pub(super) period: Duration,
}

impl From<u32> for Rate {
    fn from(per_hour: u32) -> Self {
        Self { tokens: per_hour, period: HOUR }
    }
}

impl Rate {
    /// Time to refill one token.
    fn refill(self) -> Duration {
        self.period / self.tokens.max(1)
    }

    /// Time to refill `count` tokens, at most all of a bucket.
    fn cost(self, count: u32) -> Duration {
        self.refill() * count.min(self.tokens.max(1))
    }
}

/// A bucket, full at first. It stores only the time at which it will be full again, as an uptime.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Time until the bucket holds `count` tokens: zero if it holds them already, at most the
    /// period of `rate`, or twice that if it owes some. A `count` above all tokens counts as all.
    pub(super) fn wait(self, now: Duration, rate: impl Into<Rate>, count: u32) -> Duration {
        let rate = rate.into();
        // Not the period: the division may have dropped nanoseconds.
        let whole = rate.cost(rate.tokens);
        let full_at = self.full_at.max(now).saturating_add(rate.cost(count));
        full_at.saturating_sub(now).saturating_sub(whole)
    }

    /// Takes `count` tokens, or none.
    ///
    /// # Errors
    ///
    /// The bucket holds fewer; the error is [`Bucket::wait`].
    pub(super) fn take_some(
        &mut self,
        now: Duration,
        rate: impl Into<Rate>,
        count: u32,
    ) -> Result<(), Duration> {
        let rate = rate.into();
        let wait = self.wait(now, rate, count);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.full_at = self.full_at.max(now).saturating_add(rate.cost(count));
        Ok(())
    }

    /// Takes `count` tokens, also those that the bucket does not hold yet: it owes them, and
    /// [`Bucket::wait`] is longer until they are refilled. It never owes more than it can hold.
    pub(super) fn owe(&mut self, now: Duration, rate: impl Into<Rate>, count: u32) {
        let rate = rate.into();
        let full_at = self.full_at.max(now).saturating_add(rate.cost(count));
        self.full_at = full_at.min(now.saturating_add(rate.cost(rate.tokens) * 2));
    }

    /// Puts tokens back. A bucket that was refilled meanwhile stays full: it never holds more than
    /// all tokens.
    pub(super) fn put_back(&mut self, rate: impl Into<Rate>, count: u32) {
        self.full_at = self.full_at.saturating_sub(rate.into().cost(count));
    }

    /// Whether the bucket is full.
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.full_at <= now
    }
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
}
