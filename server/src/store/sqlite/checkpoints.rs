//! Decides when the log is moved into the main file, and by which thread.
//!
//! The log begins anew, in the same file, when a change is written after everything in it was
//! moved. While mail keeps coming, a checkpoint beside the store thread never gets there: jobs are
//! committed meanwhile. So the checkpoint thread moves the log in parts, and once little is left,
//! the store thread moves that rest between two groups.
//!
//! Each part ends with a commit that notes it (`wal_state.rs`). A read transaction that begins
//! right after this commit, the pin, keeps the checkpoint from moving anything later.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use rusqlite::{Connection, hooks::Wal};

use super::{
    checkpoint_thread::{CheckpointThread, Moved, Part, checkpoint},
    connection::{Locking, connect, keep_log},
    fatal::Fatal,
    open_error::{SqliteOpenError, failure},
    wal_state,
};
use crate::waker::Wake;

/// Bytes of new log that the checkpoint thread moves at a time. With fewer, pages that many commits
/// change would be moved more often; with more, a sync would take longer.
const PART_BYTES: u64 = 8 << 20;

/// Bytes of log from which on the parts follow each other until the rest is small.
const RESTART_BYTES: u64 = 16 << 20;

/// Bytes of log that the store thread moves between two groups: a few milliseconds.
const REST_BYTES: u64 = 1 << 20;

/// Bytes of log at which the store thread waits for the checkpoint thread and moves the rest,
/// however much it is: the disk is too slow for what comes in.
const FULL_BYTES: u64 = 40 << 20;

/// Bytes of new log that the store thread leaves to the checkpoint thread even if the log is full.
/// Groups make less until the log is full, so that a single transaction has made most of it.
const LARGE_BYTES: u64 = 48 << 20;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// A group of jobs, which may be the last of a part.
    Group,
    /// Any other step.
    Step,
    /// A slice of room that is given back: as a group, but not counted by SQLite as a change.
    Room,
    /// The mark that the database is closed.
    End,
}

/// What is to be moved after a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Due {
    #[default]
    Nothing,
    /// A part, by the checkpoint thread.
    Part,
    /// The rest, by the store thread.
    Rest,
}

/// The log, as the store thread knows it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    thread: CheckpointThread,
    /// Whether the checkpoint thread has been asked and its result is not collected.
    is_running: bool,
    /// Holds the pin while the checkpoint thread is at work.
    pin: Connection,
    page_size: u64,
    /// Database pages in the log, as SQLite reports after each commit.
    log_pages: Arc<AtomicU32>,
    /// `log_pages` after the last commit that was looked at.
    seen: u32,
    /// Database pages in the log at the end of the last part.
    noted: u32,
    /// Whether the last part of this log was moved to its end.
    is_moved: bool,
    /// Whether the log is to be moved to its end even if it is short, so that SQLite cuts the main
    /// file.
    is_cut: bool,
    /// Pages of log at which the store thread moves the rest, however much it is.
    full_at: u64,
    /// Other programs' changes up to the commit that ends a part, as SQLite counts them.
    data_version: u32,
    /// Whether the whole log is in the main file, so that the next change begins a new log.
    is_new_log: bool,
    /// Length of the main file after the last checkpoint.
    main_bytes: u64,
    /// Bytes that checkpoints have cut off the main file.
    given_back: u64,
    /// SQLite's connections lock the main file. Closing any other handle of it would give up their
    /// locks, so this one is closed after them.
    main: Arc<File>,
}

impl Checkpoints {
    /// Starts the checkpoint thread beside the store's connection. `is_new_log` says whether the
    /// main file has the whole log.
    pub(super) fn start(
        path: &Path,
        store: &mut Connection,
        is_new_log: bool,
        wake: Arc<dyn Wake>,
    ) -> Result<Self, SqliteOpenError> {
        let failed = |source| failure(path, source);
        let log_pages = Arc::new(AtomicU32::new(0));
        let told = log_pages.clone();
        let hook = move |_: &mut Wal, pages: i32| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        store.wal_hook(Some(hook)).map_err(failed)?;
        let page_size: u32 =
            store.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(failed)?;
        let page_size = u64::from(page_size);
        let main = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| SqliteOpenError::Directory { path: path.to_owned(), source })?;
        let main = Arc::new(main);
        let moving = helper(path).map_err(failed)?;
        let thread = CheckpointThread::start(moving, main.clone(), wake)
            .map_err(|source| SqliteOpenError::Thread { source })?;
        let mut started = Self {
            thread,
            is_running: false,
            pin: helper(path).map_err(failed)?,
            page_size,
            log_pages,
            seen: 0,
            noted: 0,
            is_moved: false,
            is_cut: false,
            full_at: FULL_BYTES / page_size,
            data_version: 0,
            is_new_log,
            main_bytes: 0,
            given_back: 0,
            main,
        };
        started.measure();
        Ok(started)
    }

    /// Bytes that checkpoints have cut off the main file since the start.
    pub(super) fn given_back(&self) -> u64 {
        self.given_back
    }

    /// Notes in the open transaction, which has changed the database, what its commit means for the
    /// log. Returns what [`Checkpoints::proceed`] is to do after the commit.
    pub(super) fn note(&mut self, store: &Connection, commit: Commit) -> rusqlite::Result<Due> {
        match commit {
            Commit::End => return Ok(Due::Nothing),
            _ if self.is_new_log => wal_state::begin(store)?,
            Commit::Step => {}
            Commit::Group | Commit::Room => {
                let due = self.due();
                if due != Due::Nothing {
                    // The commit writes a page at least, so that each note is higher than the last.
                    wal_state::moving(store, self.pages().saturating_add(1))?;
                    self.data_version = data_version(store)?;
                }
                return Ok(due);
            }
        }
        Ok(Due::Nothing)
    }

    fn due(&self) -> Due {
        let pages = u64::from(self.pages());
        let new = self.bytes(self.new_pages());
        if self.is_running {
            Due::Nothing
        } else if pages >= self.full_at {
            if new >= LARGE_BYTES { Due::Part } else { Due::Rest }
        } else if self.is_cut && !self.is_moved {
            Due::Part
        } else if self.is_moved && (self.is_cut || self.bytes(pages) >= RESTART_BYTES) {
            if new <= REST_BYTES { Due::Rest } else { Due::Part }
        } else if new >= PART_BYTES {
            Due::Part
        } else {
            Due::Nothing
        }
    }

    /// Asks for a checkpoint of the whole log, however short it is.
    pub(super) fn cut(&mut self) {
        self.is_cut = !self.is_new_log;
    }

    /// Withdraws what [`Checkpoints::cut`] has asked for.
    pub(super) fn give_up(&mut self) {
        self.is_cut = false;
    }

    /// Whether a commit is needed for the checkpoint of the whole log to go on.
    pub(super) fn is_cutting(&self) -> bool {
        self.is_cut && !self.is_running
    }

    /// Learns of a commit with changes.
    pub(super) fn committed(&mut self) {
        self.is_new_log = false;
        let pages = self.pages();
        if pages < self.seen {
            // A new log has begun.
            self.noted = 0;
            self.is_moved = false;
            self.full_at = FULL_BYTES / self.page_size;
        }
        self.seen = pages;
    }

    /// Moves what [`Checkpoints::note`] found due, or asks the checkpoint thread to. Nothing may
    /// have been committed since.
    pub(super) fn proceed(&mut self, due: Due, store: &Connection) -> Result<(), Fatal> {
        match due {
            Due::Nothing => {}
            Due::Part => {
                self.pin.execute_batch("BEGIN")?;
                wal_state::read(&self.pin)?;
                if self.bytes(self.new_pages()) >= LARGE_BYTES {
                    self.full_at = u64::from(self.pages()) + FULL_BYTES / self.page_size;
                }
                let statement = self.pin.prepare_cached("PRAGMA page_count")?;
                let pages: u32 = { statement }.query_row([], |row| row.get(0))?;
                let bytes = self.bytes(u64::from(pages));
                // The pin sees a later state if another program has written since the commit.
                let is_own = data_version(store)? == self.data_version;
                let database_bytes = is_own.then_some(bytes);
                self.noted = self.pages();
                self.is_running = true;
                self.thread.ask(Part { pages: self.noted, database_bytes });
            }
            Due::Rest => {
                self.noted = self.pages();
                let moved = checkpoint(store, "PASSIVE")?;
                self.tried(moved);
            }
        }
        if self.is_running && u64::from(self.pages()) >= self.full_at {
            self.wait()?;
        }
        Ok(())
    }

    /// Takes the checkpoint thread's result, if there is one.
    pub(super) fn collect(&mut self) -> Result<(), Fatal> {
        if let Some(result) = self.thread.collect() {
            self.is_running = false;
            self.measure();
            // Without the pin, a new log may begin.
            self.pin.execute_batch("COMMIT")?;
            let pages = result?.map_or(0, |moved| moved.pages);
            self.is_moved = pages >= self.noted;
            self.is_new_log |= pages >= self.pages();
            self.is_cut &= !self.is_new_log && self.is_moved;
        }
        Ok(())
    }

    /// Waits until the checkpoint thread is idle.
    pub(super) fn wait(&mut self) -> Result<(), Fatal> {
        self.thread.wait();
        self.collect()
    }

    /// Moves the whole log and empties its file. Returns false where the disk has no room, or
    /// another program reads an earlier state.
    pub(super) fn empty(&mut self, store: &Connection) -> Result<bool, Fatal> {
        self.wait()?;
        let moved = checkpoint(store, "TRUNCATE")?;
        self.tried(moved);
        Ok(self.is_new_log)
    }

    /// Learns how far a checkpoint of the whole log came.
    fn tried(&mut self, moved: Option<Moved>) {
        self.measure();
        let is_whole = moved.is_some_and(Moved::is_whole);
        self.is_new_log |= is_whole;
        self.is_cut = false;
        if !is_whole {
            // The disk is full, or another program reads an earlier state: the log grows until
            // then.
            self.is_moved = false;
            self.full_at = u64::from(self.pages()) + FULL_BYTES / self.page_size;
        }
    }

    /// Counts what a checkpoint has cut off the main file. Only checkpoints change its length.
    fn measure(&mut self) {
        let Ok(main) = self.main.metadata() else {
            return;
        };
        self.given_back += self.main_bytes.saturating_sub(main.len());
        self.main_bytes = main.len();
    }

    /// Ends the checkpoint thread, and then closes the store's connection as the last one.
    pub(super) fn end(self, store: Connection) {
        let Self { thread, pin, main, .. } = self;
        drop(thread);
        drop(pin);
        drop(store);
        // Closing this handle any earlier would give up the connections' locks.
        drop(main);
    }

    pub(super) fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Pages of the log after the last part.
    fn new_pages(&self) -> u64 {
        u64::from(self.pages().saturating_sub(self.noted))
    }

    fn bytes(&self, pages: u64) -> u64 {
        pages * self.page_size
    }

    fn pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }
}

/// SQLite's count of the changes that this connection did not make.
fn data_version(store: &Connection) -> rusqlite::Result<u32> {
    store.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// A connection that needs no memory for pages, and that leaves the log to the store's connection.
fn helper(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, Locking::Shared)?;
    connection.pragma_update(None, "cache_size", 16)?;
    keep_log(&connection, true)?;
    Ok(connection)
}
