//! Accounts and mail in one SQLite file, each change durable before it is answered.
//!
//! One thread owns the file. It takes all jobs that wait, runs them in one transaction, commits
//! with a sync, and hands all answers back with one wake-up: the more wait, the more share a
//! sync, and a job that is alone waits for no company. A mail to many that is larger than a group has
//! a transaction for itself.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use correio_proto::{mail::Mail, message::Realm};

pub use self::open::{CreateStore, History, OpenError};
use self::{
    file::{Fatal, File},
    open::open,
    queue::{Queue, size},
};
use super::{Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted};
use crate::{clock::Clock, ids::Ticket, waker::Wake};

mod accounts;
mod cache;
mod file;
mod header;
mod index;
mod jobs;
mod log_state;
mod mails;
mod open;
mod queue;
mod recent;
mod row;
mod tables;

/// Jobs in one transaction at most, so that none waits long for the others' answers.
const GROUP_MAX: usize = 1000;

/// Jobs from which on a group takes in none that come while it runs. With all of them in one group,
/// the loop and this thread would wait for each other in turn.
const GROWN_MAX: usize = 128;

/// Bytes of mail, counted for each recipient, from which on a transaction takes no further job.
/// A mail that is larger has a transaction for itself.
const GROUP_BYTES_MAX: u64 = 8 << 20;

/// Bytes of pages from which on a group ends, and from which on the next one waits until those
/// that are done were taken: a page may take ten thousand times what the request for it does.
const PAGES_BYTES_MAX: usize = 4 << 20;

/// How much may wait for the store thread, and in it.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Jobs.
    pub queue_jobs: usize,
    /// Bytes of subjects and bodies, counted for each recipient. Mails that are larger than a group
    /// have a bound of their own.
    pub queue_bytes: u64,
    /// Mails, counted for each recipient, after which they are entered into the index of
    /// mailboxes. Until then they are found by a table in memory.
    pub recent_mails: usize,
    /// Whether an empty store is made where there is none.
    pub create: CreateStore,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            queue_jobs: 16_384,
            queue_bytes: 64 << 20,
            recent_mails: 8192,
            create: CreateStore::Auto,
        }
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct SqliteStore {
    realm: Realm,
    history: History,
    options: SqliteOptions,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Jobs>,
    changed: Condvar,
    finished: Mutex<Finished>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: Queue,
    /// Whether the thread waits for a job.
    is_idle: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Finished {
    done: Vec<(Ticket, StoreDone)>,
    /// Bytes of the pages among them.
    pages: usize,
    failed: Option<StoreFailed>,
    /// Whether nobody takes anything before the end.
    closed: bool,
}

impl SqliteStore {
    /// Opens the store in a directory, making both where there is none.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. What stands in the directory and is not understood is left as it is.
    pub fn open(
        directory: &Path,
        quota: Quota,
        options: SqliteOptions,
        wake: Arc<dyn Wake>,
    ) -> Result<Self, OpenError> {
        let (file, realm, history) = open(directory, quota, options)?;
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("store".to_owned());
        let served = shared.clone();
        let thread = thread
            .spawn(move || served.serve(file, &*wake))
            .map_err(|source| OpenError::Thread { source })?;
        Ok(Self { realm, history, options, shared, thread: Some(thread) })
    }

    /// What the store had seen when it was opened.
    #[must_use]
    pub fn history(&self) -> History {
        self.history
    }

    /// Lets the thread finish what is queued and end.
    fn stop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.changed.notify_all();
        lock(&self.shared.finished).closed = true;
        self.shared.taken.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its panics were caught and are told of as a failure.
            let _ = thread.join();
        }
    }
}

impl Store for SqliteStore {
    fn realm(&self) -> Realm {
        self.realm
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let mut queue = lock(&self.shared.queue);
        if !queue.waiting.push(ticket, job, self.options) {
            return Submitted::Full;
        }
        let is_idle = queue.is_idle;
        drop(queue);
        // A thread that is at work looks by itself; waking it would cost a system call.
        if is_idle {
            self.shared.changed.notify_one();
        }
        Submitted::Queued
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let mut finished = lock(&self.shared.finished);
        done.append(&mut finished.done);
        if std::mem::take(&mut finished.pages) >= PAGES_BYTES_MAX {
            self.shared.taken.notify_one();
        }
        finished.failed.clone().map_or(Ok(()), Err)
    }

    fn close(mut self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.stop();
        self.collect(done)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// The life of the store thread.
    fn serve(&self, mut file: File, wake: &dyn Wake) {
        let mut group = Group {
            jobs: Vec::new(),
            bytes: 0,
            clock: Clock::start(),
            large_since: None,
            queue: &self.queue,
        };
        while group.begin(&self.changed) {
            self.wait_for_room();
            let ran = catch_unwind(AssertUnwindSafe(|| file.run(&mut group)));
            let result = ran.unwrap_or_else(|_| Err(Fatal("the store thread panicked".into())));
            let failed = match result {
                Ok(answers) => {
                    // Those without an answer are the next group's first.
                    let count = answers.len().min(group.jobs.len());
                    let tickets = group.jobs.drain(..count).map(|(ticket, _)| ticket);
                    let mut finished = lock(&self.finished);
                    finished.pages += answers.iter().map(page_bytes).sum::<usize>();
                    finished.done.extend(tickets.zip(answers));
                    false
                }
                // What became of the group is unknown: nobody is told anything.
                Err(Fatal(text)) => {
                    lock(&self.finished).failed = Some(StoreFailed(text));
                    true
                }
            };
            wake.wake();
            if failed {
                return;
            }
            // After the answers: nobody waits for it.
            if let Err(Fatal(text)) = file.tidy() {
                lock(&self.finished).failed = Some(StoreFailed(text));
                wake.wake();
                return;
            }
            group.end();
        }
        if let Err(Fatal(text)) = file.close() {
            lock(&self.finished).failed = Some(StoreFailed(text));
        }
    }

    fn wait_for_room(&self) {
        let mut finished = lock(&self.finished);
        while finished.pages >= PAGES_BYTES_MAX && !finished.closed {
            finished = self.taken.wait(finished).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Jobs that are made durable together.
struct Group<'a> {
    jobs: Vec<(Ticket, StoreJob)>,
    bytes: u64,
    clock: Clock,
    /// When the group's single large job was begun, as an uptime; `None` for a group of small jobs.
    large_since: Option<Duration>,
    /// Where they come from.
    queue: &'a Mutex<Jobs>,
}

impl Group<'_> {
    /// The jobs, in the order in which they are to be done.
    fn jobs(&self) -> &[(Ticket, StoreJob)] {
        &self.jobs
    }

    /// Waits for jobs and takes those that are there, after those that the group before has left.
    /// False once there will be none.
    fn begin(&mut self, changed: &Condvar) -> bool {
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

    /// All of the group is done, and what follows from it.
    fn end(&mut self) {
        if let Some(begun) = self.large_since.take() {
            lock(self.queue).waiting.large_done(begun, self.clock.uptime());
        }
    }

    /// Takes those that have come meanwhile. False where there are none, or enough.
    fn grow(&mut self) -> bool {
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
fn page_bytes(done: &StoreDone) -> usize {
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
