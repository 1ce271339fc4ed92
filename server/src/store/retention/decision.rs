//! What a step of retention does with an account and with the mails of its mailbox, decided from
//! values alone, so that all stores do the same.

use std::ops::ControlFlow;

use correio_proto::mail::{MailRef, Seq, Timestamp};

use super::{DELETED_STEP, MailsWarning, WarningPeriod};
use crate::{
    day::begin_of_day,
    ids::AccountId,
    store::admin::{Retention, WarningAbout},
};

/// What retention reads of an account before it decides.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct AccountTimes {
    /// The day of the last login that is known, or of the last run that found it in use.
    pub(in crate::store) used_at: Option<Timestamp>,
    pub(in crate::store) created_at: Option<Timestamp>,
    /// The day of the warning that it will be deleted, as a number of days of retention.
    pub(in crate::store) warned_on: Option<u64>,
}

/// What a step does with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum AccountDecision {
    /// The account stays as it is.
    Keep,
    /// The warning is taken back.
    TakeBack,
    /// This day is recorded as one of its use, and the warning is taken back.
    SetUsed,
    /// Its owner is warned.
    Warn,
    /// It is deleted.
    Delete,
}

/// Decides about an account.
pub(in crate::store) fn decide(
    account: AccountId,
    times: AccountTimes,
    retention: &Retention,
    period: WarningPeriod,
) -> AccountDecision {
    let unwarned = match times.warned_on {
        Some(_) => AccountDecision::TakeBack,
        None => AccountDecision::Keep,
    };
    let Some(before) = retention.accounts_before else {
        return unwarned;
    };
    let is_in_use = retention.in_use.binary_search(&account).is_ok();
    // The clock may have been behind at a login after the account was made.
    let last_used = times.used_at.max(times.created_at).filter(|_| !is_in_use);
    match (last_used, times.warned_on) {
        (None, None) if times.used_at >= Some(begin_of_day(retention.now)) => AccountDecision::Keep,
        (None, _) => AccountDecision::SetUsed,
        (Some(last_used), _) if last_used >= period.soon(before) => unwarned,
        (Some(_), None) => AccountDecision::Warn,
        (Some(last_used), Some(warned_on)) => {
            match last_used < before && period.is_over(warned_on) {
                true => AccountDecision::Delete,
                false => AccountDecision::Keep,
            }
        }
    }
}

/// A mail of a mailbox, as retention sees it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct WaitingMail {
    pub(in crate::store) mail: MailRef,
    pub(in crate::store) sent_at: Timestamp,
    pub(in crate::store) is_postmaster: bool,
}

/// What a step does with the mails of a mailbox, which it sees from the oldest on.
#[derive(Debug)]
pub(in crate::store) struct MailsDecision {
    /// Mails that are deleted now, at most [`DELETED_STEP`].
    pub(in crate::store) old: Vec<MailRef>,
    /// Number of mails that the next warning is about, at most [`WarningAbout::MAILS_MAX`].
    pub(in crate::store) later: u32,
    before: Timestamp,
    soon: Timestamp,
    warned: Option<MailsWarning>,
    today: u64,
    /// The latest time of the mails so far. A mail did not come before those that stand before it:
    /// an earlier time is from a clock that was behind.
    latest: Timestamp,
}

impl MailsDecision {
    /// Begins with no mail. `None` while the days after the warning are not over: no mail is
    /// deleted then, and no other warning sent.
    pub(in crate::store) fn begin(
        before: Timestamp,
        warned: Option<MailsWarning>,
        period: WarningPeriod,
    ) -> Option<Self> {
        let is_over = warned.is_none_or(|warned| period.is_over(warned.on));
        is_over.then(|| Self {
            old: Vec::new(),
            later: 0,
            before,
            soon: period.soon(before),
            warned,
            today: period.today,
            latest: Timestamp(0),
        })
    }

    /// Decides about the next mail. Breaks if the step looks at no more mails.
    pub(in crate::store) fn see(&mut self, next: &WaitingMail) -> ControlFlow<()> {
        let at = self.latest.max(next.sent_at);
        self.latest = at;
        if at >= self.soon || self.is_cut() || self.later >= WarningAbout::MAILS_MAX {
            return ControlFlow::Break(());
        }
        let is_due = at < self.before;
        if is_due && self.warned.is_some_and(|warned| warned.covers(next.mail.seq, at)) {
            self.old.push(next.mail);
        } else {
            self.later += u32::from(!next.is_postmaster);
        }
        ControlFlow::Continue(())
    }

    /// Whether the step deletes as many mails as it may: the next one goes on in this mailbox.
    pub(in crate::store) fn is_cut(&self) -> bool {
        self.old.len() >= DELETED_STEP
    }

    /// The warning about the later mails. `last` is the last number that the store has given: a
    /// warning is about no mail that comes after it.
    pub(in crate::store) fn warning(&self, last: Seq) -> MailsWarning {
        MailsWarning { on: self.today, before: self.soon, last }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use correio_proto::mail::MailId;

    use super::*;
    use crate::day::DAY;

    const ACCOUNT: AccountId = AccountId(7);

    /// The hundredth day since 1970, and the twentieth of retention. Accounts are deleted after
    /// thirty days.
    fn retention(in_use: &[AccountId]) -> Retention {
        Retention {
            after: None,
            now: Timestamp(100 * DAY),
            mails_before: None,
            accounts_before: Some(Timestamp(70 * DAY)),
            warning_days: 7,
            in_use: Arc::from(in_use),
        }
    }

    fn decided(
        used_on: Option<u64>,
        warned_on: Option<u64>,
        in_use: &[AccountId],
    ) -> AccountDecision {
        let retention = retention(in_use);
        let used_at = used_on.map(|day| Timestamp(day * DAY));
        let times = AccountTimes { used_at, created_at: None, warned_on };
        decide(ACCOUNT, times, &retention, WarningPeriod::new(20, &retention))
    }

    #[test]
    fn an_account_is_deleted_after_a_warning_whose_days_are_over() {
        use AccountDecision::{Delete, Keep, SetUsed, TakeBack, Warn};
        for (used_on, warned_on, expected) in [
            (Some(60), None, Warn),
            (Some(60), Some(13), Keep),
            (Some(60), Some(12), Delete),
            (Some(77), None, Warn),
            (Some(77), Some(12), Keep),
            (Some(78), None, Keep),
            (Some(78), Some(12), TakeBack),
            (None, None, SetUsed),
        ] {
            assert_eq!(decided(used_on, warned_on, &[]), expected, "{used_on:?} {warned_on:?}");
        }
    }

    #[test]
    fn an_account_in_use_stays_and_its_day_is_recorded_once() {
        let of = |used_on, warned_on| decided(Some(used_on), warned_on, &[ACCOUNT]);
        assert_eq!(of(60, Some(12)), AccountDecision::SetUsed);
        assert_eq!(of(100, Some(12)), AccountDecision::SetUsed, "the warning is taken back");
        assert_eq!(of(100, None), AccountDecision::Keep);
    }

    #[test]
    fn mails_are_seen_up_to_the_first_that_is_not_concerned() {
        let retention = retention(&[]);
        let period = WarningPeriod::new(20, &retention);
        let warned = MailsWarning { on: 12, before: Timestamp(65 * DAY), last: Seq(2) };
        let mail = |seq: u64, day: u64| {
            let id = "018bcfe5-6800-7000-8000-000000000000".parse::<MailId>().unwrap();
            let mail = MailRef { seq: Seq(seq), id };
            WaitingMail { mail, sent_at: Timestamp(day * DAY), is_postmaster: false }
        };
        let mut decision = MailsDecision::begin(Timestamp(70 * DAY), Some(warned), period).unwrap();
        for (seq, day) in [(1, 60), (2, 66), (3, 61)] {
            assert!(decision.see(&mail(seq, day)).is_continue(), "{seq}");
        }
        assert!(decision.see(&mail(4, 78)).is_break());
        let old: Vec<_> = decision.old.iter().map(|mail| mail.seq).collect();
        assert_eq!((old, decision.later), (vec![Seq(1)], 2));
        let running = MailsWarning { on: 13, ..warned };
        assert!(MailsDecision::begin(Timestamp(70 * DAY), Some(running), period).is_none());
    }
}
