//! So many an hour: a bucket that holds the whole hour's number and is refilled evenly.

use std::time::Duration;

/// What the numbers are for.
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// A bucket, full at first. It remembers one moment: when it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// How long until it holds `count` of `per_hour`: zero where it does, at most an hour. More
    /// than a whole hour's number counts as that.
    pub(super) fn wait(self, now: Duration, per_hour: u32, count: u32) -> Duration {
        let refill = refill(per_hour);
        // Not the hour itself, from which the division may have cut nanoseconds.
        let whole = refill * per_hour.max(1);
        let full_at = self.full_at.max(now).saturating_add(cost(per_hour, count));
        full_at.saturating_sub(now).saturating_sub(whole)
    }

    /// Takes `count` of `per_hour`, or nothing.
    ///
    /// # Errors
    ///
    /// It holds fewer: [`Bucket::wait`].
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

    /// Puts back what was taken. A bucket that was refilled meanwhile stays full: it never holds
    /// more than the hour's number.
    pub(super) fn put_back(&mut self, per_hour: u32, count: u32) {
        self.full_at = self.full_at.saturating_sub(cost(per_hour, count));
    }

    /// Whether it holds the whole hour's number.
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.full_at <= now
    }
}

/// How long the refill of one takes.
fn refill(per_hour: u32) -> Duration {
    HOUR / per_hour.max(1)
}

/// How long the refill of so many takes.
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
        // What comes back after an hour comes back to a full bucket.
        let later = now + 2 * HOUR;
        bucket.put_back(10, 6);
        assert!(bucket.is_full(later));
        let taken = (0..100).filter(|_| bucket.take_some(later, 10, 1).is_ok()).count();
        assert_eq!(taken, 10);
    }
}
