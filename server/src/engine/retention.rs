//! The schedule of retention: a run through all accounts at the start, and then once a day if the
//! policy has bounds.

use std::{sync::Arc, time::Duration};

use correio_proto::mail::Username;

use super::logins::Logins;
use crate::{
    clock::Now,
    day::{day, days_before},
    event::Event,
    ids::AccountId,
    limits::retention::{RetentionPolicy, WARNING_DAYS},
    session::effect::{Arrival, Effect},
    store::{
        StoreDone,
        admin::{AdminDone, Retention, SentWarning, WarningAbout, postmaster},
    },
};

/// See the module's description. At most one step is under way.
#[derive(Debug, Default)]
pub(super) struct RetentionSchedule {
    policy: RetentionPolicy,
    /// The day of the last complete run, in days since 1970.
    done_on: Option<u64>,
    run: Run,
    /// Lost logins up to the beginning of the last complete run.
    spared: u64,
}

/// The present run through all accounts.
#[derive(Debug, Default)]
enum Run {
    #[default]
    Idle,
    /// The next step is due at this uptime, and begins after this account.
    Due { at: Duration, after: Option<AccountId>, whole: Whole },
    /// The store does a step.
    Asked { whole: Whole },
}

/// The values that all steps of a run share.
#[derive(Clone, Debug)]
struct Whole {
    /// Accounts that had sessions when the run began, in ascending order.
    in_use: Arc<[AccountId]>,
    /// Logins that were lost before the run began.
    lost: u64,
}

impl RetentionSchedule {
    pub(super) fn new(policy: RetentionPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Begins a run, unless one is under way or has ended on this day. Without bounds there is one
    /// run, which takes back the warnings from a time with bounds. `lost` is the number of logins
    /// that were lost since the start.
    pub(super) fn begin(&mut self, now: Now, lost: u64, in_use: impl FnOnce() -> Vec<AccountId>) {
        let is_due = match self.done_on {
            None => true,
            Some(done_on) => self.policy.is_on() && done_on != day(now.wall),
        };
        if is_due && matches!(self.run, Run::Idle) {
            let whole = Whole { in_use: in_use().into(), lost };
            self.run = Run::Due { at: now.uptime, after: None, whole };
        }
    }

    /// When the next step is due (uptime).
    pub(super) fn due_at(&self) -> Option<Duration> {
        match self.run {
            Run::Due { at, .. } => Some(at),
            Run::Idle | Run::Asked { .. } => None,
        }
    }

    /// Takes the step that is due. Accounts whose logins are not recorded yet count as in use. If
    /// logins of unknown accounts were lost, the step spares all accounts, and takes their warnings
    /// back.
    pub(super) fn next_step(&mut self, now: Now, logins: &Logins) -> Option<Retention> {
        let Run::Due { at, after, whole } = &self.run else {
            return None;
        };
        if now.uptime < *at {
            return None;
        }
        let (after, whole) = (*after, whole.clone());
        let unrecorded = logins.accounts();
        let in_use = match unrecorded.is_empty() {
            true => whole.in_use.clone(),
            false => {
                let sessions = whole.in_use.iter().copied().collect();
                unrecorded.union(&sessions).copied().collect()
            }
        };
        self.run = Run::Asked { whole };
        let before = |days: u32| days_before(now.wall, days.into());
        Some(Retention {
            after,
            now: now.wall,
            mails_before: self.policy.mail_days.map(before),
            accounts_before: match logins.lost() > self.spared {
                true => None,
                false => self.policy.account_days.map(before),
            },
            warning_days: WARNING_DAYS,
            in_use,
        })
    }

    /// Takes a step's result; `None` if the store did not take the step. After a failure, the run
    /// begins anew within the hour.
    pub(super) fn stepped(&mut self, now: Now, done: Option<&StoreDone>) {
        let Run::Asked { whole } = std::mem::take(&mut self.run) else {
            return;
        };
        match done {
            Some(StoreDone::Admin(AdminDone::Retained { next: Some(next), .. })) => {
                self.run = Run::Due { at: now.uptime, after: Some(*next), whole };
            }
            Some(StoreDone::Admin(_)) => {
                self.done_on = Some(day(now.wall));
                self.spared = whole.lost;
            }
            _ => {}
        }
    }

    /// Ends the run, since the server stops.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// Logs the result of a step.
pub(super) fn log(done: &StoreDone) {
    match done {
        StoreDone::Admin(AdminDone::Retained { mails, accounts, warned, .. }) => {
            if *mails > 0 {
                Event::MailExpired { mails: *mails }.log();
            }
            for (_, username) in accounts {
                Event::AccountExpired { username }.log();
            }
            for SentWarning { username, about, .. } in warned {
                let about = match about {
                    WarningAbout::Mails(_) => "mails",
                    WarningAbout::Account => "account",
                };
                Event::AccountWarned { username, about }.log();
            }
        }
        StoreDone::Admin(_) => {
            let text = "nothing is deleted by age: the account postmaster would send the warnings, \
                        and a list or a user's account has that name";
            Event::ServerWarning { text }.log();
        }
        StoreDone::Unavailable(text) => Event::StoreUnavailable { text }.log(),
        _ => {}
    }
}

/// The effects of a step: the sessions of deleted accounts end, and the sessions of warned accounts
/// are told of the mail.
pub(super) fn effects(deleted: &[(AccountId, Username)], warned: &[SentWarning]) -> Vec<Effect> {
    let ended = deleted.iter().map(|(account, _)| *account);
    let mut effects: Vec<Effect> =
        ended.map(|account| Effect::EndSessions { account, except: None }).collect();
    let (from, _) = postmaster();
    effects.extend(warned.iter().map(|warning| Effect::MailArrived {
        accounts: vec![warning.account],
        arrival: Arrival {
            from: from.clone(),
            from_name: warning.from_name.clone(),
            subject: warning.subject.clone(),
        },
    }));
    effects
}

#[cfg(test)]
mod tests {
    use correio_proto::mail::Timestamp;

    use super::*;
    use crate::day::DAY;

    fn at(hours: u64) -> Now {
        let uptime = Duration::from_secs(hours * 3600);
        Now { uptime, wall: Timestamp(100 * DAY + hours * DAY / 24) }
    }

    fn stepped(next: Option<i64>) -> StoreDone {
        let next = next.map(AccountId);
        let (accounts, warned) = (Vec::new(), Vec::new());
        StoreDone::Admin(AdminDone::Retained { mails: 0, accounts, warned, next })
    }

    fn schedule() -> RetentionSchedule {
        RetentionSchedule::new(RetentionPolicy { mail_days: Some(30), account_days: None })
    }

    #[test]
    fn a_run_has_all_steps_and_comes_once_a_day() {
        let mut schedule = schedule();
        schedule.begin(at(1), 0, || vec![AccountId(3)]);
        let first = schedule.next_step(at(1), &Logins::default()).unwrap();
        assert_eq!((first.after, &first.in_use[..]), (None, &[AccountId(3)][..]));
        assert_eq!(first.mails_before, Some(Timestamp(at(1).wall.0 - 30 * DAY)));
        assert!(schedule.next_step(at(1), &Logins::default()).is_none(), "one at a time");
        schedule.begin(at(2), 0, Vec::new);
        assert!(schedule.next_step(at(2), &Logins::default()).is_none(), "one run at a time");
        schedule.stepped(at(2), Some(&stepped(Some(7))));
        assert_eq!(
            schedule.next_step(at(2), &Logins::default()).unwrap().after,
            Some(AccountId(7))
        );
        schedule.stepped(at(2), Some(&stepped(None)));
        schedule.begin(at(23), 0, Vec::new);
        assert!(schedule.next_step(at(23), &Logins::default()).is_none());
        schedule.begin(at(24), 0, Vec::new);
        assert!(schedule.next_step(at(24), &Logins::default()).is_some());
    }

    #[test]
    fn after_a_failure_the_run_begins_anew() {
        for failure in [None, Some(StoreDone::Unavailable("full".into()))] {
            let mut schedule = schedule();
            schedule.begin(at(1), 0, Vec::new);
            assert!(schedule.next_step(at(1), &Logins::default()).is_some());
            schedule.stepped(at(1), failure.as_ref());
            assert!(schedule.next_step(at(1), &Logins::default()).is_none());
            schedule.begin(at(2), 0, Vec::new);
            assert_eq!(schedule.next_step(at(2), &Logins::default()).unwrap().after, None);
        }
    }

    /// Logs accounts in without a record, until the list of their logins is full and one is lost.
    fn lose_a_login(logins: &mut Logins) {
        while logins.lost() == 0 {
            let account = AccountId(1 + logins.accounts().len() as i64);
            let (number, _) = logins.logged_in(account, Timestamp(0));
            logins.done(at(1), number, None);
        }
    }

    #[test]
    fn accounts_whose_logins_are_not_recorded_are_in_use() {
        let (mut schedule, mut logins) = (schedule(), Logins::default());
        schedule.begin(at(1), 0, || vec![AccountId(3), AccountId(5)]);
        logins.logged_in(AccountId(4), Timestamp(0));
        let (number, _) = logins.logged_in(AccountId(2), Timestamp(0));
        logins.done(at(1), number, None);
        let step = schedule.next_step(at(1), &logins).unwrap();
        assert_eq!(&step.in_use[..], [2, 3, 4, 5].map(AccountId));
    }

    #[test]
    fn after_lost_logins_a_whole_run_spares_all_accounts() {
        let policy = RetentionPolicy { mail_days: Some(30), account_days: Some(30) };
        let (mut schedule, mut logins) = (RetentionSchedule::new(policy), Logins::default());
        let spares = |hours: u64, logins: &Logins, schedule: &mut RetentionSchedule| {
            let step = schedule.next_step(at(hours), logins).unwrap();
            assert!(step.mails_before.is_some());
            step.accounts_before.is_none()
        };
        schedule.begin(at(1), logins.lost(), Vec::new);
        assert!(!spares(1, &logins, &mut schedule));
        lose_a_login(&mut logins);
        schedule.stepped(at(1), Some(&stepped(Some(7))));
        assert!(spares(1, &logins, &mut schedule), "the rest of this run");
        schedule.stepped(at(1), Some(&stepped(None)));
        for (hours, expected) in [(25, true), (49, false)] {
            schedule.begin(at(hours), logins.lost(), Vec::new);
            assert_eq!(spares(hours, &logins, &mut schedule), expected, "{hours}");
            schedule.stepped(at(hours), Some(&stepped(None)));
        }
    }

    #[test]
    fn without_bounds_there_is_one_run_which_deletes_nothing() {
        let mut schedule = RetentionSchedule::default();
        schedule.begin(at(1), 0, Vec::new);
        assert!(!schedule.next_step(at(1), &Logins::default()).unwrap().is_on());
        schedule.stepped(at(1), Some(&stepped(None)));
        schedule.begin(at(50), 0, || panic!("nobody asks"));
        assert!(schedule.next_step(at(50), &Logins::default()).is_none());
        assert!(schedule.due_at().is_none());
    }
}
