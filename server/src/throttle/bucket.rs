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
    /// Takes `count` of `per_hour`, or nothing. More than a whole hour's number counts as that.
    ///
    /// # Errors
    ///
    /// It holds fewer: how long until it holds as many, at most an hour.
    pub(super) fn take_some(
        &mut self,
        now: Duration,
        per_hour: u32,
        count: u32,
    ) -> Result<(), Duration> {
        let refill = HOUR / per_hour.max(1);
        // Not the hour itself, from which the division may have cut nanoseconds.
        let whole = refill * per_hour.max(1);
        let taken = refill * count.min(per_hour.max(1));
        let full_at = self.full_at.max(now).saturating_add(taken);
        match full_at.saturating_sub(now).checked_sub(whole) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.full_at = full_at;
                Ok(())
            }
        }
    }

    /// Takes one.
    ///
    /// # Errors
    ///
    /// As [`Bucket::take_some`].
    pub(super) fn take(&mut self, now: Duration, per_hour: u32) -> Result<(), Duration> {
        self.take_some(now, per_hour, 1)
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
                assert_eq!(bucket.take(now, per_hour), Ok(()));
            }
            let refill = HOUR / per_hour;
            assert_eq!(bucket.take(now, per_hour), Err(refill));
            let one = now + refill;
            assert_eq!(
                bucket.take(one - Duration::from_nanos(1), per_hour),
                Err(Duration::from_nanos(1))
            );
            assert_eq!(bucket.take(one, per_hour), Ok(()));
            assert_eq!(bucket.take(one, per_hour), Err(refill));
        }
    }

    #[test]
    fn a_bucket_holds_no_more_than_the_hour() {
        let mut bucket = Bucket::default();
        for now in [Duration::ZERO, HOUR * 1_000] {
            let taken = (0..100).filter(|_| bucket.take(now, 10).is_ok()).count();
            assert_eq!(taken, 10);
        }
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(Duration::ZERO, u32::MAX), Ok(()));
        assert_eq!(bucket.take(Duration::MAX, u32::MAX), Ok(()));
        assert_eq!(bucket.take(Duration::MAX, 1), Ok(()));
    }
}
