//! Rules of retention that the stores share: what a step decides, when a warning is over, and the
//! mail that warns.

use correio_proto::mail::{Seq, Timestamp};

pub(super) use self::warning::warning;
use super::admin::Retention;
use crate::day::days_after;

pub(super) mod decision;
mod warning;

/// Accounts that one step looks at.
pub(super) const ACCOUNTS_STEP: usize = 200;

/// Mails that one step deletes, so that no other job waits for more than some milliseconds.
pub(super) const DELETED_STEP: usize = 200;

/// Work of a step after which the next begins: as many rows as are read in about a millisecond.
pub(super) const STEP_WORK: usize = 1000;

/// Work of a deletion, and of a warning, as a number of rows that are read.
pub(super) const WRITE_WORK: usize = 4;

/// A warning about the mails of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MailsWarning {
    /// The day of the warning, as a number of days of retention.
    pub(super) on: u64,
    /// It is about mails of before this time,
    pub(super) before: Timestamp,
    /// and up to this one: a later number may have an earlier time, from a clock that was set back.
    pub(super) last: Seq,
}

impl MailsWarning {
    /// Whether the warning is about a mail.
    pub(super) fn covers(self, seq: Seq, at: Timestamp) -> bool {
        at < self.before && seq <= self.last
    }
}

/// The days between a warning and the deletion, of which the present one has the number `today`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WarningPeriod {
    pub(super) today: u64,
    days: u64,
    now: Timestamp,
}

impl WarningPeriod {
    pub(super) fn new(today: u64, retention: &Retention) -> Self {
        Self { today, days: u64::from(retention.warning_days), now: retention.now }
    }

    /// Whether the days after a warning are over. The warning may have come at the end of its day,
    /// and the present one may have just begun: whole days lie between them.
    pub(super) fn is_over(self, warned_on: u64) -> bool {
        self.today > warned_on.saturating_add(self.days)
    }

    /// What will be before the bound of retention when a warning of today is over, and is there
    /// now: a warning is not about what comes after it.
    pub(super) fn soon(self, before: Timestamp) -> Timestamp {
        days_after(before, self.days + 1).min(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_lie_between_a_warning_and_its_end() {
        let period = |today| WarningPeriod { today, days: 7, now: Timestamp(0) };
        assert!(!period(17).is_over(10), "the seventh day has only begun");
        assert!(period(18).is_over(10));
    }
}
