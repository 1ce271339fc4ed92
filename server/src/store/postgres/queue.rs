//! The queue of a lane.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use correio_proto::message::ListChange;

use super::deadline::Deadline;
use crate::{
    ids::Ticket,
    mutex::lock,
    store::{StoreJob, gateway::GatewayJob},
};

/// Most jobs that a lane takes at once, so that no job waits long for the others' results.
const GROUP_MAX: usize = 500;

/// Bytes of jobs, as [`size`] counts them, after which a lane takes no further job at once.
const GROUP_BYTES_MAX: u64 = 8 << 20;

/// Bytes of a row that only names an account, about.
const ROW_BYTES: u64 = 64;

/// The jobs that wait for a lane.
#[derive(Debug)]
pub(super) struct LaneQueue {
    jobs: Mutex<Jobs>,
    changed: Condvar,
    jobs_max: usize,
    bytes_max: u64,
    patience: Duration,
}

/// A job that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) job: StoreJob,
    /// When it is given up, if the database cannot be reached.
    pub(super) deadline: Deadline,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<Waiting>,
    bytes: u64,
    closed: bool,
}

/// What [`LaneQueue::take`] has waited for.
pub(super) enum Taken {
    /// Jobs, in the order of submission.
    Jobs(Vec<Waiting>),
    /// No job came in time.
    Nothing,
    /// The queue is closed and empty.
    Closed,
}

impl LaneQueue {
    /// An empty queue for so many jobs, and bytes of jobs. A job is given up after `patience`.
    pub(super) fn new(jobs_max: usize, bytes_max: u64, patience: Duration) -> Self {
        let (jobs, changed) = (Mutex::default(), Condvar::new());
        Self { jobs, changed, jobs_max, bytes_max, patience }
    }

    /// Number of jobs that wait.
    pub(super) fn len(&self) -> usize {
        lock(&self.jobs).waiting.len()
    }

    /// Whether no job waits, and further ones may come.
    pub(super) fn is_idle(&self) -> bool {
        let jobs = lock(&self.jobs);
        jobs.waiting.is_empty() && !jobs.closed
    }

    /// Appends a job. Returns false if there is no room for it. A job that is larger than the whole
    /// room is taken while nothing else waits.
    pub(super) fn push(&self, ticket: Ticket, job: StoreJob) -> bool {
        let bytes = size(&job);
        let mut jobs = lock(&self.jobs);
        let is_full = jobs.bytes > 0 && bytes > 0 && jobs.bytes + bytes > self.bytes_max;
        if jobs.waiting.len() >= self.jobs_max || is_full {
            return false;
        }
        jobs.bytes += bytes;
        jobs.waiting.push_back(Waiting { ticket, job, deadline: Deadline::after(self.patience) });
        drop(jobs);
        self.changed.notify_all();
        true
    }

    /// Waits for jobs, at most for this long, and takes those that are there, within the bounds of
    /// a group.
    pub(super) fn take(&self, wait: Duration) -> Taken {
        let jobs = lock(&self.jobs);
        let is_empty = |jobs: &mut Jobs| jobs.waiting.is_empty() && !jobs.closed;
        let waited = self.changed.wait_timeout_while(jobs, wait, is_empty);
        let (mut jobs, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
            let Some(waiting) = jobs.waiting.pop_front() else {
                break;
            };
            bytes += size(&waiting.job);
            group.push(waiting);
        }
        jobs.bytes = jobs.bytes.saturating_sub(bytes);
        match group.is_empty() {
            false => Taken::Jobs(group),
            true if jobs.closed => Taken::Closed,
            true => Taken::Nothing,
        }
    }

    /// Records that no further job comes.
    pub(super) fn close(&self) {
        lock(&self.jobs).closed = true;
        self.changed.notify_all();
    }

    /// Waits for so long, or until no further job comes.
    pub(super) fn wait_until_closed(&self, time: Duration) {
        let is_open = |jobs: &mut Jobs| !jobs.closed;
        let waited = self.changed.wait_timeout_while(lock(&self.jobs), time, is_open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether no further job comes.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.jobs).closed
    }
}

/// Bytes that a job counts for in its queue: about as many as it writes.
fn size(job: &StoreJob) -> u64 {
    match job {
        StoreJob::Send { mail, .. } => {
            mail.quota_bytes().min(mail.content.inline_size() as u64 + ROW_BYTES)
                + mail.to.as_slice().len() as u64 * ROW_BYTES
        }
        StoreJob::ChangeList { change: ListChange::Add { members, .. }, .. } => {
            members.as_slice().len() as u64 * ROW_BYTES
        }
        StoreJob::Upload { bytes, .. } | StoreJob::Gateway(GatewayJob::Stage { bytes, .. }) => {
            bytes.as_bytes().len() as u64
        }
        _ => 0,
    }
}
