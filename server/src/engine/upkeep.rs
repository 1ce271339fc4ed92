//! Jobs that the server submits for itself: logins are recorded, old records and uploads are pruned
//! each hour, and the steps of retention follow once a day.

use std::time::Duration;

use correio_proto::{limits, mail::Timestamp};

use super::{
    logins::Logins,
    retention::{self, RetentionSchedule},
};
use crate::{
    clock::Now,
    ids::{AccountId, ConnId, Ticket},
    limits::retention::RetentionPolicy,
    session::effect::Effect,
    store::{
        StoreDone, StoreJob,
        admin::{AdminDone, AdminJob},
    },
};

/// How often old idempotency records are pruned from the store.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// The id of the server itself among connections. No connection ever has it.
const SERVER: ConnId = ConnId { index: u32::MAX, generation: u32::MAX };

/// Ticket of pruning.
const PRUNE_TICKET: Ticket = Ticket { connection: SERVER, serial: 0 };

/// Ticket of the steps of retention.
const RETENTION_TICKET: Ticket = Ticket { connection: SERVER, serial: 1 };

/// The tickets of logins follow this one.
const BEFORE_LOGINS: u64 = RETENTION_TICKET.serial;

/// When the server's own jobs are due.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// When to prune next (uptime); `None` once the server stops.
    prune_at: Option<Duration>,
    retention: RetentionSchedule,
    logins: Logins,
}

impl Upkeep {
    pub(super) fn new(policy: RetentionPolicy) -> Self {
        let retention = RetentionSchedule::new(policy);
        Self { prune_at: Some(Duration::ZERO), retention, logins: Logins::default() }
    }

    /// When the next job is due (uptime).
    pub(super) fn due_at(&self) -> Option<Duration> {
        let times = [self.prune_at, self.retention.due_at(), self.logins.due_at()];
        times.into_iter().flatten().min()
    }

    /// The job that records a login.
    pub(super) fn logged_in(&mut self, account: AccountId, now: Now) -> (Ticket, StoreJob) {
        login(self.logins.logged_in(account, now.wall))
    }

    /// Takes the jobs that are due. `in_use` gives the accounts with sessions, in ascending order.
    pub(super) fn due(
        &mut self,
        now: Now,
        in_use: impl FnOnce() -> Vec<AccountId>,
    ) -> Vec<(Ticket, StoreJob)> {
        let mut jobs = Vec::new();
        if self.prune_at.is_some_and(|at| now.uptime >= at) {
            self.prune_at = Some(now.uptime + PRUNE_EVERY);
            let ago = |seconds: u64| Timestamp(now.wall.0.saturating_sub(seconds * 1000));
            let before = ago(limits::IDEMPOTENCY_KEPT_SECONDS);
            let uploads_before = ago(limits::UPLOAD_KEPT_SECONDS);
            jobs.push((PRUNE_TICKET, StoreJob::Prune { before, uploads_before }));
            self.retention.begin(now, self.logins.lost(), in_use);
            self.logins.retry(now);
        }
        jobs.extend(self.logins.due(now).into_iter().map(login));
        if let Some(step) = self.retention.next_step(now, &self.logins) {
            jobs.push((RETENTION_TICKET, StoreJob::Admin(AdminJob::Retain(step))));
        }
        jobs
    }

    /// Learns a job's result; `None` if the store did not take the job. Returns what the result
    /// does to sessions.
    pub(super) fn done(
        &mut self,
        now: Now,
        ticket: Ticket,
        done: Option<&StoreDone>,
    ) -> Vec<Effect> {
        if ticket == RETENTION_TICKET {
            self.retention.stepped(now, done);
        }
        if let Some(number @ 1..) = ticket.serial.checked_sub(BEFORE_LOGINS) {
            self.logins.done(now, number, done);
        }
        match done {
            Some(StoreDone::Pruned { more: true, .. }) => {
                self.prune_at = self.prune_at.map(|_| now.uptime);
            }
            Some(done) if ticket == RETENTION_TICKET => {
                retention::log(done);
                if let StoreDone::Admin(AdminDone::Retained { accounts, warned, .. }) = done {
                    return retention::effects(accounts, warned);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// Gives up all jobs, since the server stops.
    pub(super) fn end(&mut self) {
        self.prune_at = None;
        self.retention.end();
        self.logins.end();
    }

    /// Whether a ticket is one of the server's own jobs.
    pub(super) fn is_own(ticket: Ticket) -> bool {
        ticket.connection == SERVER
    }
}

/// A login's job, with the ticket of its number.
fn login((number, job): (u64, StoreJob)) -> (Ticket, StoreJob) {
    (Ticket { connection: SERVER, serial: BEFORE_LOGINS + number }, job)
}
