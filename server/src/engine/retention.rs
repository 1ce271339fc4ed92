//! When the steps of retention are due: once on each day, and at the start.

use std::{sync::Arc, time::Duration};

use correio_proto::mail::{Timestamp, Username};

use crate::{
    clock::Now,
    event::Event,
    ids::AccountId,
    limits::retention::{NOTICE_DAYS, RetentionPolicy},
    session::effect::{Arrival, Effect},
    store::{
        StoreDone,
        admin::{AdminDone, POSTMASTER, Retention, SentWarning, WarningAbout},
    },
};

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// See the module's description. At most one step is under way.
#[derive(Debug, Default)]
pub(super) struct RetentionSchedule {
    policy: RetentionPolicy,
    /// The day of the last run that came to its end, as a number since 1970.
    done_on: Option<u64>,
    run: Run,
}

/// A run through all accounts.
#[derive(Debug, Default)]
enum Run {
    #[default]
    Idle,
    /// The next step, which begins after an account, is due at an uptime.
    Due { at: Duration, after: Option<AccountId>, in_use: Arc<[AccountId]> },
    /// The store has a step.
    Asked { in_use: Arc<[AccountId]> },
}

impl RetentionSchedule {
    pub(super) fn new(policy: RetentionPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Begins a run, unless one is under way or has ended on this day.
    pub(super) fn begin(&mut self, now: Now, in_use: impl FnOnce() -> Vec<AccountId>) {
        let is_due = self.policy.is_on() && self.done_on != Some(now.wall.0 / DAY);
        if is_due && matches!(self.run, Run::Idle) {
            self.run = Run::Due { at: now.uptime, after: None, in_use: in_use().into() };
        }
    }

    /// When the next step is due (uptime).
    pub(super) fn due_at(&self) -> Option<Duration> {
        match self.run {
            Run::Due { at, .. } => Some(at),
            Run::Idle | Run::Asked { .. } => None,
        }
    }

    /// Takes the step that is due.
    pub(super) fn next_step(&mut self, now: Now) -> Option<Retention> {
        let Run::Due { at, after, in_use } = &self.run else {
            return None;
        };
        if now.uptime < *at {
            return None;
        }
        let (after, in_use) = (*after, in_use.clone());
        self.run = Run::Asked { in_use: in_use.clone() };
        let before =
            |days: u32| Timestamp(now.wall.0.saturating_sub(u64::from(days).saturating_mul(DAY)));
        Some(Retention {
            after,
            now: now.wall,
            mails_before: self.policy.mail_days.map(before),
            accounts_before: self.policy.account_days.map(before),
            notice_days: NOTICE_DAYS,
            in_use,
        })
    }

    /// Learns a step's result; `None` for one that the store did not take. After a failure, the run
    /// begins anew within the hour.
    pub(super) fn stepped(&mut self, now: Now, done: Option<&StoreDone>) {
        let Run::Asked { in_use } = std::mem::take(&mut self.run) else {
            return;
        };
        match done {
            Some(StoreDone::Admin(AdminDone::Retained { next: Some(next), .. })) => {
                self.run = Run::Due { at: now.uptime, after: Some(*next), in_use };
            }
            Some(StoreDone::Admin(_)) => self.done_on = Some(now.wall.0 / DAY),
            _ => {}
        }
    }

    /// Ends the run, since the server stops.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// Logs what a step has done.
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
            let text = "nothing is deleted by age: a list has the name of the postmaster, who \
                        would send the warnings";
            Event::ServerWarning { text }.log();
        }
        StoreDone::Unavailable(text) => Event::StoreUnavailable { text }.log(),
        _ => {}
    }
}

/// The sessions of deleted accounts end, and those of warned ones are told of the mail.
pub(super) fn effects(deleted: &[(AccountId, Username)], warned: &[SentWarning]) -> Vec<Effect> {
    let ended = deleted.iter().map(|(account, _)| *account);
    let mut effects: Vec<Effect> =
        ended.map(|account| Effect::EndSessions { account, except: None }).collect();
    let Ok(from) = POSTMASTER.parse::<Username>() else {
        return effects;
    };
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
    use super::*;

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
        schedule.begin(at(1), || vec![AccountId(3)]);
        let first = schedule.next_step(at(1)).unwrap();
        assert_eq!((first.after, &first.in_use[..]), (None, &[AccountId(3)][..]));
        assert_eq!(first.mails_before, Some(Timestamp(at(1).wall.0 - 30 * DAY)));
        assert!(schedule.next_step(at(1)).is_none(), "one at a time");
        schedule.begin(at(2), Vec::new);
        assert!(schedule.next_step(at(2)).is_none(), "one run at a time");
        schedule.stepped(at(2), Some(&stepped(Some(7))));
        assert_eq!(schedule.next_step(at(2)).unwrap().after, Some(AccountId(7)));
        schedule.stepped(at(2), Some(&stepped(None)));
        schedule.begin(at(23), Vec::new);
        assert!(schedule.next_step(at(23)).is_none());
        schedule.begin(at(24), Vec::new);
        assert!(schedule.next_step(at(24)).is_some());
    }

    #[test]
    fn after_a_failure_the_run_begins_anew() {
        for failure in [None, Some(StoreDone::Unavailable("full".into()))] {
            let mut schedule = schedule();
            schedule.begin(at(1), Vec::new);
            assert!(schedule.next_step(at(1)).is_some());
            schedule.stepped(at(1), failure.as_ref());
            assert!(schedule.next_step(at(1)).is_none());
            schedule.begin(at(2), Vec::new);
            assert_eq!(schedule.next_step(at(2)).unwrap().after, None);
        }
    }

    #[test]
    fn without_bounds_there_is_no_run() {
        let mut schedule = RetentionSchedule::default();
        schedule.begin(at(1), || panic!("nobody asks"));
        assert!(schedule.next_step(at(1)).is_none() && schedule.due_at().is_none());
    }
}
