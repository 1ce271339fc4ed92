//! The group of jobs that the store thread makes durable together.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use correio_proto::mail::Mail;

use super::queue::{GROUP_BYTES_MAX, Queue, size};
use crate::{
    clock::Clock,
    ids::Ticket,
    store::{StoreDone, StoreJob},
};

/// Jobs in one transaction at most, so that none waits long for the others' answers.
const GROUP_MAX: usize = 1000;

/// Jobs from which on a group takes in none that come while it runs. With all of them in one group,
/// the loop and this thread would wait for each other in turn.
const GROWN_MAX: usize = 128;

/// Bytes of pages from which on a group ends, and from which on the next one waits until those
/// that are done were taken: a page may take ten thousand times what the request for it does.
pub(super) const PAGES_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) waiting: Queue,
    /// Whether the thread waits for a job.
    pub(super) is_idle: bool,
    pub(super) closed: bool,
}

/// Jobs that are made durable together.
pub(super) struct Group<'a> {
    jobs: Vec<(Ticket, StoreJob)>,
    bytes: u64,
    clock: Clock,
    /// When the group's single large job was begun, as an uptime; `None` for a group of small jobs.
    large_since: Option<Duration>,
    /// Where they come from.
    queue: &'a Mutex<Jobs>,
}

impl<'a> Group<'a> {
    pub(super) fn new(queue: &'a Mutex<Jobs>) -> Self {
        Self { jobs: Vec::new(), bytes: 0, clock: Clock::start(), large_since: None, queue }
    }

    /// The jobs, in the order in which they are to be done.
    pub(super) fn jobs(&self) -> &[(Ticket, StoreJob)] {
        &self.jobs
    }

    /// Waits for jobs and takes those that are there, after those that the group before has left.
    /// False once there will be none.
    pub(super) fn begin(&mut self, changed: &Condvar) -> bool {
        self.bytes = self.jobs.iter().map(|(_, job)| size(job)).sum();
        self.large_since = None;
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
                return true;
            }
            if self.take(&mut queue.waiting) || !self.jobs.is_empty() {
                return true;
            }
            let rest = queue.waiting.rest(now);
            if queue.closed && rest.is_none() {
                return false;
            }
            queue.is_idle = true;
            queue = match rest {
                Some(rest) => {
                    let woken = changed.wait_timeout(queue, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
            queue.is_idle = false;
        }
    }

    /// Takes the jobs that were answered, which are the first so many. The others are the first
    /// jobs of the next group.
    pub(super) fn take_answered(&mut self, count: usize) -> impl Iterator<Item = Ticket> {
        let count = count.min(self.jobs.len());
        self.jobs.drain(..count).map(|(ticket, _)| ticket)
    }

    /// All of the group is done, and what follows from it.
    pub(super) fn end(&mut self) {
        if let Some(begun) = self.large_since.take() {
            lock(self.queue).waiting.large_done(begun, self.clock.uptime());
        }
    }

    /// Takes those that have come meanwhile. False where there are none, or enough.
    pub(super) fn grow(&mut self) -> bool {
        if self.large_since.is_some() || self.jobs.len() >= GROWN_MAX {
            return false;
        }
        let mut queue = lock(self.queue);
        self.take(&mut queue.waiting)
    }

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

/// About what an answer takes in memory, where it is a page.
pub(super) fn page_bytes(done: &StoreDone) -> usize {
    let StoreDone::Page { mails, .. } = done else {
        return 0;
    };
    let bytes = |mail: &Mail| {
        let texts = mail.body.as_str().len() + mail.subject.as_str().len();
        texts + size_of_val(mail.to.as_slice()) + size_of::<Mail>()
    };
    mails.iter().map(bytes).sum()
}

/// What is behind these locks is whole at every moment; a panic elsewhere takes nothing from it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
