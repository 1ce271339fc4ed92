//! Counts failures, and computes the wait that follows from them.
//!
//! An attempt is charged before its result is known, and counts as a failure until then.

use std::time::Duration;

/// The wait after the first failure that is not free.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait. A person who forgot a password can wait that long.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Number of doublings from the first wait to the longest.
pub(super) const DOUBLINGS: u32 = 10;

/// While there is no wait, one failure is forgotten each time this has passed.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How long a charge counts without a result. No login takes as long, and a charge whose result
/// never comes must not count for ever.
const RESULT_MAX: Duration = WAIT_MAX;

/// Failures and attempts of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    failures: u32,
    /// When the wait for the failures ends, as an uptime. Failures are forgotten from then on only,
    /// so that a wait never becomes shorter.
    waited_at: Duration,
    /// Attempts without a result.
    unsettled: u32,
    /// When the latest attempt was charged.
    charged_at: Duration,
}

impl Tally {
    /// Number of failures and of attempts without a result.
    pub(super) fn count(self, now: Duration) -> u32 {
        let Self { failures, unsettled, .. } = self.at(now);
        failures.saturating_add(unsettled)
    }

    /// Number of attempts without a result.
    pub(super) fn unsettled(self, now: Duration) -> u32 {
        self.at(now).unsettled
    }

    /// When the next attempt may be made, if `free` failures cause no wait: now or earlier, or at
    /// most [`WAIT_MAX`] from now.
    pub(super) fn ready_at(self, now: Duration, free: u32) -> Duration {
        let count = self.count(now);
        let Self { waited_at, unsettled, charged_at, .. } = self.at(now);
        match (count < free, unsettled) {
            (true, _) => now,
            (false, 0) => waited_at,
            (false, _) => waited_at.max(charged_at.saturating_add(wait_after(count, free))),
        }
    }

    /// Charges an attempt.
    pub(super) fn charge(&mut self, now: Duration) {
        *self = self.at(now);
        self.unsettled = self.unsettled.saturating_add(1);
        self.charged_at = now;
    }

    /// Refunds charges.
    pub(super) fn release(&mut self, now: Duration, charges: u32) {
        *self = self.at(now);
        self.unsettled = self.unsettled.saturating_sub(charges);
    }

    /// Turns a charge into a failure. Failures are counted up to `most`.
    pub(super) fn fail(&mut self, now: Duration, most: u32) {
        self.release(now, 1);
        self.add(now, most);
    }

    /// Counts a failure that was not charged here. Failures are counted up to `most`.
    pub(super) fn add(&mut self, now: Duration, most: u32) {
        *self = self.at(now);
        if self.failures < most {
            self.failures += 1;
        }
    }

    /// Turns a charge into a failure, and starts a wait if there were `free` failures before.
    pub(super) fn fail_and_wait(&mut self, now: Duration, free: u32) {
        self.release(now, 1);
        self.add_and_wait(now, free);
    }

    /// Counts a failure that was not charged here, and starts a wait as [`Tally::fail_and_wait`]
    /// does.
    pub(super) fn add_and_wait(&mut self, now: Duration, free: u32) {
        // Further failures would make no wait longer, but would be remembered for longer.
        self.add(now, free.saturating_add(DOUBLINGS));
        let wait = wait_after(self.failures, free);
        if !wait.is_zero() {
            self.waited_at = self.waited_at.max(now.saturating_add(wait));
        }
    }

    /// The tally with outdated failures and charges forgotten.
    fn at(mut self, now: Duration) -> Self {
        let quiet = now.saturating_sub(self.waited_at);
        let forgotten = quiet.as_secs() / FORGET_EVERY.as_secs();
        match u32::try_from(forgotten) {
            Ok(forgotten) if forgotten < self.failures => {
                self.failures -= forgotten;
                self.waited_at += FORGET_EVERY * forgotten;
            }
            _ => {
                self.failures = 0;
                self.waited_at = now;
            }
        }
        if now.saturating_sub(self.charged_at) >= RESULT_MAX {
            self.unsettled = 0;
        }
        self
    }
}

/// The wait after failure number `count`, if `free` failures cause none.
fn wait_after(count: u32, free: u32) -> Duration {
    match count.checked_sub(free) {
        None => Duration::ZERO,
        Some(further) => FIRST_WAIT.saturating_mul(1 << further.min(DOUBLINGS)).min(WAIT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: u32 = 5;
    const START: Duration = Duration::from_secs(1_000);

    fn failed(times: u32) -> Tally {
        let mut tally = Tally::default();
        (0..times).for_each(|_| tally.fail_and_wait(START, FREE));
        tally
    }

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = (FREE - 1..FREE + 14)
            .map(|times| failed(times).ready_at(START, FREE).saturating_sub(START).as_secs())
            .collect();
        let expected = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900];
        assert_eq!(waits, expected);
    }

    #[test]
    fn one_failure_a_minute_is_forgotten() {
        let tally = failed(4);
        for (seconds, left) in [(0, 4), (59, 4), (60, 3), (179, 2), (180, 1), (240, 0), (9_999, 0)]
        {
            assert_eq!(tally.count(START + Duration::from_secs(seconds)), left, "{seconds} s");
        }
    }

    #[test]
    fn a_free_failure_does_not_begin_the_minute_anew() {
        let mut tally = failed(2);
        tally.fail_and_wait(START + Duration::from_secs(59), FREE);
        assert_eq!(tally.count(START + Duration::from_secs(60)), 2);
    }

    #[test]
    fn nothing_is_forgotten_while_there_is_a_wait() {
        let tally = failed(100);
        assert_eq!(tally.count(START + WAIT_MAX), FREE + DOUBLINGS);
        assert_eq!(tally.count(START + WAIT_MAX + FORGET_EVERY), FREE + DOUBLINGS - 1);
    }

    #[test]
    fn a_shorter_wait_ends_no_longer_one() {
        let mut tally = Tally::default();
        (0..5).for_each(|_| tally.fail_and_wait(START, 1));
        let ready_at = tally.ready_at(START, 1);
        tally.fail_and_wait(START, FREE);
        assert_eq!(tally.ready_at(START, FREE), ready_at);
    }

    #[test]
    fn a_failure_that_was_not_charged_leaves_the_charges() {
        let mut tally = Tally::default();
        tally.charge(START);
        (0..FREE).for_each(|_| tally.add_and_wait(START, FREE));
        assert_eq!((tally.unsettled(START), tally.count(START)), (1, FREE + 1));
        tally.release(START, 1);
        assert_eq!(tally.ready_at(START, FREE), failed(FREE).ready_at(START, FREE));
    }

    #[test]
    fn charges_count_until_they_are_taken_back_or_too_old() {
        let mut tally = failed(3);
        tally.charge(START);
        tally.charge(START);
        assert_eq!(tally.ready_at(START, FREE), START + FIRST_WAIT);
        let mut taken_back = tally;
        taken_back.release(START, 1);
        assert!(taken_back.ready_at(START, FREE) <= START);
        taken_back.release(START, 7);
        assert_eq!(taken_back.count(START), 3);
        let late = START + RESULT_MAX;
        assert_eq!(tally.unsettled(late - Duration::from_nanos(1)), 2);
        assert_eq!(tally.count(late), 0);
    }
}
