//! Logins whose day the store has not recorded yet. A login takes the warning of retention back, so
//! that none may be forgotten after a full queue or a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use correio_proto::mail::Timestamp;

use crate::{
    clock::Now,
    ids::AccountId,
    store::{StoreDone, StoreJob},
};

/// Accounts whose logins are kept after failures. Beyond them, logins are counted as lost.
const FAILED_MAX: usize = 10_000;

/// Jobs that are under way while failed ones are submitted again.
const ASKED_MAX: usize = 100;

/// A login, as the store is to record it.
#[derive(Clone, Copy, Debug)]
struct Login {
    account: AccountId,
    at: Timestamp,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// The number of the last job.
    last: u64,
    /// Logins whose jobs the store has, by number: as many as its queue holds.
    asked: BTreeMap<u64, Login>,
    /// The last logins that the store has failed to record.
    failed: BTreeMap<AccountId, Timestamp>,
    /// When to submit failed ones again (uptime).
    retry_at: Option<Duration>,
    lost: u64,
}

impl Logins {
    /// The job that records a login, and its number.
    pub(super) fn logged_in(&mut self, account: AccountId, at: Timestamp) -> (u64, StoreJob) {
        self.last += 1;
        self.asked.insert(self.last, Login { account, at });
        (self.last, StoreJob::SetUsed { account, now: at })
    }

    /// Learns a job's result; `None` if the store did not take the job.
    pub(super) fn done(&mut self, now: Now, number: u64, done: Option<&StoreDone>) {
        let Some(login) = self.asked.remove(&number) else {
            return;
        };
        if matches!(done, Some(StoreDone::Changed | StoreDone::NoAccount)) {
            // The store works: others may succeed, too.
            if !self.failed.is_empty() {
                self.retry_at = Some(now.uptime);
            }
        } else if self.failed.len() < FAILED_MAX || self.failed.contains_key(&login.account) {
            let at = self.failed.entry(login.account).or_insert(login.at);
            *at = login.at.max(*at);
        } else {
            self.lost += 1;
        }
    }

    /// Has the failed ones submitted again.
    pub(super) fn retry(&mut self, now: Now) {
        self.retry_at = Some(now.uptime).filter(|_| !self.failed.is_empty());
    }

    /// When jobs are due again (uptime).
    pub(super) fn due_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Takes the jobs that are due again, with their numbers.
    pub(super) fn due(&mut self, now: Now) -> Vec<(u64, StoreJob)> {
        if self.retry_at.is_none_or(|at| now.uptime < at) {
            return Vec::new();
        }
        self.retry_at = None;
        let mut jobs = Vec::new();
        while self.asked.len() < ASKED_MAX
            && let Some((account, at)) = self.failed.pop_first()
        {
            jobs.push(self.logged_in(account, at));
        }
        jobs
    }

    /// The accounts whose logins are not recorded.
    pub(super) fn accounts(&self) -> BTreeSet<AccountId> {
        let asked = self.asked.values().map(|login| login.account);
        asked.chain(self.failed.keys().copied()).collect()
    }

    /// How many logins were lost: those of any account.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Submits nothing again, since the server stops.
    pub(super) fn end(&mut self) {
        self.retry_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now { uptime: Duration::ZERO, wall: Timestamp(0) };

    fn failure() -> StoreDone {
        StoreDone::Unavailable("full".into())
    }

    fn fail(logins: &mut Logins, account: i64, at: u64, done: Option<&StoreDone>) {
        let (number, _) = logins.logged_in(AccountId(account), Timestamp(at));
        logins.done(START, number, done);
    }

    fn accounts(logins: &Logins) -> Vec<i64> {
        logins.accounts().into_iter().map(|AccountId(id)| id).collect()
    }

    #[test]
    fn a_login_that_was_not_recorded_is_kept_and_submitted_again_with_its_time() {
        let mut logins = Logins::default();
        fail(&mut logins, 7, 5, None);
        fail(&mut logins, 7, 4, Some(&failure()));
        assert_eq!((accounts(&logins), logins.due_at()), (vec![7], None));
        logins.retry(START);
        let jobs = logins.due(START);
        let [(number, StoreJob::SetUsed { account: AccountId(7), now: Timestamp(5) })] = &jobs[..]
        else {
            panic!("one job was expected, not {jobs:?}");
        };
        assert_eq!(accounts(&logins), [7], "until the store has recorded it");
        logins.done(START, *number, Some(&StoreDone::Changed));
        assert_eq!((accounts(&logins), logins.due_at()), (vec![], None));
    }

    #[test]
    fn after_a_success_the_failed_ones_follow_some_at_a_time() {
        let mut logins = Logins::default();
        for account in 1..=150 {
            fail(&mut logins, account, 1, Some(&failure()));
        }
        fail(&mut logins, 200, 1, Some(&StoreDone::Changed));
        assert_eq!(logins.due_at(), Some(START.uptime));
        let jobs = logins.due(START);
        assert_eq!((jobs.len(), accounts(&logins).len()), (ASKED_MAX, 150));
        for (number, _) in jobs {
            logins.done(START, number, Some(&StoreDone::NoAccount));
        }
        assert_eq!(logins.due(START).len(), 50);
    }

    #[test]
    fn beyond_a_number_of_accounts_logins_are_counted_as_lost() {
        let mut logins = Logins::default();
        for account in 1..=FAILED_MAX as i64 {
            fail(&mut logins, account, 1, None);
        }
        fail(&mut logins, 1, 2, None);
        assert_eq!(logins.lost(), 0, "one account is kept once");
        fail(&mut logins, FAILED_MAX as i64 + 1, 1, None);
        assert_eq!((logins.lost(), logins.accounts().len()), (1, FAILED_MAX));
    }
}
