//! Accounts and mail in one SQLite file, each change durable before it is reported.
//!
//! The store thread reads and writes the file. It takes all waiting jobs as a group, runs them in
//! one transaction, commits with a sync, and hands all results back with one wake-up: the more jobs
//! wait, the more share a sync, and a single job is not delayed. A mail to many recipients that is
//! larger than a group has a transaction for itself. The checkpoint thread moves the log into the
//! main file (`checkpoints.rs`), and the finder looks people up (`finder/`).
//!
//! In this folder "the log" is SQLite's write-ahead log, never the server's log.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use correio_proto::message::Realm;

pub use self::{
    check::{Checked, Finding},
    mail_reader::MailReader,
    migration::{
        SqliteMigrationError, SqliteMigrationSource, SqliteMigrationTarget, SqliteTargetState,
    },
    open_error::SqliteOpenError,
    options::SqliteOptions,
    schema::{Schema, SchemaObject},
    snapshot::SqliteSnapshot,
    snapshot_error::SnapshotError,
};
use self::{
    database::Database,
    fatal::Fatal,
    finder::Finder,
    group::{Begun, Group, Jobs, PAGES_BYTES_MAX},
    open::open,
    report::Report,
};
use super::{
    History, Quota, Store, StoreDone, StoreFailed, StoreHealth, StoreJob, Submitted,
    page_bytes::page_bytes,
};
use crate::{ids::Ticket, metrics::Level, mutex::lock, waker::Wake};

mod account_columns;
mod accounts;
mod admin;
mod app_password_jobs;
mod app_passwords;
mod cache;
mod census;
mod check;
mod check_admin;
mod check_app_passwords;
mod check_contents;
mod check_lists;
mod check_rules;
mod check_textures;
mod checkpoint_thread;
mod checkpoints;
mod connection;
mod content_cache;
mod contents;
mod counted_textures;
mod database;
mod fatal;
mod finder;
mod gateway;
mod group;
mod header;
mod index;
mod inline;
mod jobs;
mod list_changes;
mod lists;
mod mail_reader;
mod mails;
mod marker;
mod memtable;
mod migration;
mod open;
mod open_error;
mod options;
mod outlines;
mod pace;
mod pieces;
mod queue;
mod recipients;
mod report;
mod room;
mod row;
mod schema;
mod snapshot;
mod snapshot_error;
mod tables;
mod tail;
mod textures;
mod uploads;
mod wal_state;

/// The store in a SQLite file: the handle of its thread.
#[derive(Debug)]
pub struct SqliteStore {
    realm: Realm,
    history: History,
    options: SqliteOptions,
    shared: Arc<Shared>,
    finder: Arc<Finder>,
    report: Arc<Report>,
    thread: Option<JoinHandle<()>>,
    finder_thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Jobs>,
    changed: Condvar,
    finished: Mutex<Finished>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct Finished {
    done: Vec<(Ticket, StoreDone)>,
    /// Bytes of the pages of mails in `done`.
    pages: usize,
    failed: Option<StoreFailed>,
    /// Whether the store is being closed: the thread no longer waits until pages of mails are
    /// collected.
    closed: bool,
}

impl SqliteStore {
    /// Opens the store in a directory, and makes both if they do not exist.
    ///
    /// # Errors
    ///
    /// See [`SqliteOpenError`]. Files that are not understood are left as they are.
    pub fn open(
        directory: &Path,
        quota: Quota,
        options: SqliteOptions,
        wake: Arc<dyn Wake>,
    ) -> Result<Self, SqliteOpenError> {
        Self::open_with_schema(directory, quota, options, wake, &Schema::PRESENT)
    }

    /// As [`SqliteStore::open`], with a schema of the caller's: for tests of upgrades.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    #[doc(hidden)]
    pub fn open_with_schema(
        directory: &Path,
        quota: Quota,
        options: SqliteOptions,
        wake: Arc<dyn Wake>,
        schema: &Schema,
    ) -> Result<Self, SqliteOpenError> {
        let shared = Arc::new(Shared::default());
        let (database, realm, history) = open(directory, quota, options, schema, shared.clone())?;
        let finder = database.finder();
        let report = database.report();
        let (thread, finder_thread) = (None, None);
        let mut store =
            Self { realm, history, options, shared, finder, report, thread, finder_thread };
        let (served, found, told) = (store.shared.clone(), store.shared.clone(), wake.clone());
        store.thread = Some(spawn("store", move || served.serve(database, &*wake))?);
        let finder = store.finder.clone();
        let answer = move |ticket, done| {
            lock(&found.finished).done.push((ticket, done));
            told.wake();
        };
        store.finder_thread = Some(spawn("finder", move || finder.serve(answer))?);
        Ok(store)
    }

    /// The store's history as of its opening.
    #[must_use]
    pub fn history(&self) -> History {
        self.history
    }

    /// Closes the queues, and waits until the threads have done the queued jobs and ended.
    fn join(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.changed.notify_all();
        lock(&self.shared.finished).closed = true;
        self.shared.taken.notify_all();
        // Panics of jobs were caught and reported.
        let _ = self.thread.take().map(JoinHandle::join);
        // The store thread hands changes to the finder, and ends before it.
        self.finder.close();
        let _ = self.finder_thread.take().map(JoinHandle::join);
    }
}

fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, SqliteOpenError> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|source| SqliteOpenError::Thread { source })
}

impl Store for SqliteStore {
    fn realm(&self) -> Realm {
        self.realm
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let job = match job {
            StoreJob::Find { query, people } => {
                return match self.finder.push(ticket, query, people) {
                    true => Submitted::Queued,
                    false => Submitted::Full,
                };
            }
            job => job,
        };
        let mut queue = lock(&self.shared.queue);
        if !queue.waiting.push(ticket, job, self.options) {
            return Submitted::Full;
        }
        let is_idle = queue.is_idle;
        drop(queue);
        // A busy thread looks into the queue by itself; a wake-up would cost a system call.
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

    fn health(&self) -> StoreHealth<'_> {
        let queue = lock(&self.shared.queue);
        let level = Level { now: queue.waiting.len(), max: self.options.queue_jobs };
        drop(queue);
        let stopped = self.report.stopped();
        // Without jobs the thread measures the disk every few seconds once the report is asked for,
        // and at once while mail is refused.
        if self.report.watch() || stopped.is_some() {
            self.shared.wake();
        }
        let ready = match stopped {
            Some(stopped) => Err(stopped.as_str()),
            None if level.now >= level.max => Err("the store's queue is full"),
            None => Ok(()),
        };
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let max = size(self.options.uploads.bytes);
        let uploads = self.report.counts.upload_bytes.get();
        let uploads = uploads.map(|bytes| Level { now: size(bytes), max });
        StoreHealth {
            queue: Some(level),
            uploads,
            ready,
            counts: Some(&self.report.counts),
            shared: None,
        }
    }

    fn close(mut self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.join();
        self.collect(done)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.join();
    }
}

impl Wake for Shared {
    /// Wakes the store thread for upkeep.
    fn wake(&self) {
        let mut queue = lock(&self.queue);
        queue.is_woken = true;
        if queue.is_idle {
            self.changed.notify_one();
        }
    }
}

impl Shared {
    /// Runs the store thread.
    fn serve(&self, mut database: Database, wake: &dyn Wake) {
        let mut group = Group::new(&self.queue);
        loop {
            match group.begin(&self.changed, database.idle_wait()) {
                Begun::Jobs => {}
                Begun::Idle => {
                    if self.has_failed(database.tidy_idle(), wake) {
                        return;
                    }
                    continue;
                }
                Begun::Closed => break,
            }
            self.wait_for_room();
            let ran = catch_unwind(AssertUnwindSafe(|| database.run(&mut group)));
            let result = ran.unwrap_or_else(|_| Err(Fatal("the store thread panicked".into())));
            let failed = match result {
                Ok(results) => {
                    let tickets = group.take_done(results.len());
                    let mut finished = lock(&self.finished);
                    finished.pages += results.iter().map(page_bytes).sum::<usize>();
                    finished.done.extend(tickets.zip(results));
                    false
                }
                // Whether the group was committed is unknown: no job of it has a result.
                Err(Fatal(text)) => {
                    lock(&self.finished).failed = Some(StoreFailed(text));
                    true
                }
            };
            wake.wake();
            if failed {
                return;
            }
            // Upkeep comes after the results, so that no client waits for it.
            if self.has_failed(database.tidy(), wake) {
                return;
            }
            group.end();
        }
        if let Err(Fatal(text)) = database.close() {
            lock(&self.finished).failed = Some(StoreFailed(text));
        }
    }

    /// Reports a failure of upkeep, which ends the store. Returns whether there was one.
    fn has_failed(&self, result: Result<(), Fatal>, wake: &dyn Wake) -> bool {
        let Err(Fatal(text)) = result else {
            return false;
        };
        lock(&self.finished).failed = Some(StoreFailed(text));
        wake.wake();
        true
    }

    /// Waits until the uncollected pages of mails are within their bound.
    fn wait_for_room(&self) {
        let mut finished = lock(&self.finished);
        while finished.pages >= PAGES_BYTES_MAX && !finished.closed {
            finished = self.taken.wait(finished).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
