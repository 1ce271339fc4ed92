//! The group of jobs that the store thread makes durable together.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::queue::{GROUP_BYTES_MAX, Queue, size};
use crate::{clock::Clock, ids::Ticket, mutex::lock, store::StoreJob};

/// Most jobs in one transaction, so that no job waits long for the others' results.
const GROUP_MAX: usize = 1000;

/// A group that has this many jobs stops absorbing new arrivals. Otherwise loop and store thread
/// would alternate instead of overlapping.
const GROWN_MAX: usize = 128;

/// Bytes of pages of mails, and of pieces of contents, after which a group ends, and of uncollected
/// ones above which the next group waits: a page may be ten thousand times as large as the request
/// for it.
pub(super) const PAGES_BYTES_MAX: usize = 4 << 20;

/// Work of the jobs of a group together, as [`Tables::work`] counts it, above which the group ends:
/// the jobs before do not wait for further ones like these.
///
/// [`Tables::work`]: super::tables::Tables::work
const WORK_MAX: usize = 1000;

/// The queue as the store's two threads share it.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) waiting: Queue,
    /// Whether the store thread waits for a job.
    pub(super) is_idle: bool,
    /// Whether the store thread has upkeep to do although no job waits.
    pub(super) is_woken: bool,
    /// Whether the store is being closed, so that no further job comes.
    pub(super) closed: bool,
}

/// What [`Group::begin`] has waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The group has jobs.
    Jobs,
    /// No job waits, and there is upkeep to do.
    Idle,
    /// The store is closed and the queue is empty.
    Closed,
}

/// Jobs that are made durable together.
pub(super) struct Group<'a> {
    jobs: Vec<(Ticket, StoreJob)>,
    /// Bytes of the jobs as [`size`] counts them.
    bytes: u64,
    clock: Clock,
    /// When the group's single large job began, as an uptime; `None` for a group of small jobs.
    large_since: Option<Duration>,
    queue: &'a Mutex<Jobs>,
}

impl<'a> Group<'a> {
    /// An empty group, whose jobs come from this queue.
    pub(super) fn new(queue: &'a Mutex<Jobs>) -> Self {
        Self { jobs: Vec::new(), bytes: 0, clock: Clock::start(), large_since: None, queue }
    }

    /// The jobs, in the order of execution.
    pub(super) fn jobs(&self) -> &[(Ticket, StoreJob)] {
        &self.jobs
    }

    /// Waits for jobs and takes all that are there. Jobs that the previous group left unanswered
    /// come first. `upkeep` is the longest wait until the store thread has upkeep to do.
    pub(super) fn begin(&mut self, changed: &Condvar, upkeep: Option<Duration>) -> Begun {
        self.bytes = self.jobs.iter().map(|(_, job)| size(job)).sum();
        self.large_since = None;
        let upkeep = upkeep.map(|wait| self.clock.uptime() + wait);
        let mut queue = lock(self.queue);
        loop {
            if queue.closed {
                queue.waiting.end_rest();
            }
            let now = self.clock.uptime();
            if self.jobs.is_empty()
                && let Some((ticket, job)) = queue.waiting.pop_large(now)
            {
                self.large_since = Some(now);
                self.push(ticket, job);
                return Begun::Jobs;
            }
            if self.take(&mut queue.waiting) || !self.jobs.is_empty() {
                return Begun::Jobs;
            }
            let rest = queue.waiting.rest(now);
            if queue.closed && rest.is_none() {
                return Begun::Closed;
            }
            if std::mem::take(&mut queue.is_woken) || upkeep.is_some_and(|at| at <= now) {
                return Begun::Idle;
            }
            queue.is_idle = true;
            let upkeep = upkeep.map(|at| at.saturating_sub(now));
            queue = match rest.into_iter().chain(upkeep).min() {
                Some(wait) => {
                    let woken = changed.wait_timeout(queue, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
            queue.is_idle = false;
        }
    }

    /// Removes the first `count` jobs, which are done, and returns their tickets. The others
    /// become the first jobs of the next group.
    pub(super) fn take_done(&mut self, count: usize) -> impl Iterator<Item = Ticket> {
        let count = count.min(self.jobs.len());
        self.jobs.drain(..count).map(|(ticket, _)| ticket)
    }

    /// Ends the group, after its upkeep: the time of a large job is charged.
    pub(super) fn end(&mut self) {
        if let Some(begun) = self.large_since.take() {
            lock(self.queue).waiting.large_done(begun, self.clock.uptime());
        }
    }

    /// Takes jobs that arrived meanwhile. Returns false if there are none, or the group is full.
    pub(super) fn grow(&mut self) -> bool {
        if self.large_since.is_some() || self.jobs.len() >= GROWN_MAX {
            return false;
        }
        let mut queue = lock(self.queue);
        self.take(&mut queue.waiting)
    }

    /// Takes small jobs up to the bounds of a group. Returns whether there were any.
    fn take(&mut self, queue: &mut Queue) -> bool {
        let before = self.jobs.len();
        while self.jobs.len() < GROUP_MAX && self.bytes < GROUP_BYTES_MAX {
            let Some((ticket, job)) = queue.pop_small() else {
                break;
            };
            self.push(ticket, job);
        }
        self.jobs.len() > before
    }

    fn push(&mut self, ticket: Ticket, job: StoreJob) {
        self.bytes += size(&job);
        self.jobs.push((ticket, job));
    }
}

/// A job's place in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Other jobs may follow it.
    Between,
    /// It took long, or the jobs up to it did, and the group ends with it.
    Last,
}

impl Place {
    /// The place of a job after which the group has done so much work. A mail that is refused has
    /// looked at its recipients, too.
    pub(super) fn of(work: usize) -> Self {
        if work > WORK_MAX { Self::Last } else { Self::Between }
    }
}
