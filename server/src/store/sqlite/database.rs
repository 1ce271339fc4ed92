//! The open database file: groups of jobs as transactions, checkpoints, and errors that end the
//! store.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use rusqlite::{Connection, ErrorCode, config::DbConfig, ffi, hooks::Wal};

use super::{
    cache::AccountCache,
    content_cache::{ContentCache, Dropped},
    group::{Group, PAGES_BYTES_MAX, page_bytes},
    index,
    jobs::run_job,
    memtable::Memtable,
    options::SqliteOptions,
    pieces,
    tables::Tables,
    wal_state,
};
use crate::store::{Quota, StoreDone, StoreJob};

/// An error after which the file cannot be trusted with another acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Fatal(pub(super) Arc<str>);

/// Bytes of new log after which a checkpoint moves it into the main file.
const CHECKPOINT_BYTES: u64 = 40 << 20;

/// Free bytes on the disk below which no new mail or account is accepted: enough for a checkpoint
/// of a whole log, and for deletions meanwhile.
const RESERVE: u64 = 64 << 20;

/// Refuse new mail once the memtable is this many times over its flush threshold: flushing keeps
/// failing.
const MEMTABLE_OVERDUE: usize = 8;

/// The open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    quota: Quota,
    memtable: Memtable,
    /// Mails after which the memtable is flushed.
    memtable_mails: usize,
    accounts: AccountCache,
    contents: ContentCache,
    directory: PathBuf,
    page_size: u64,
    /// Database pages in the log, as SQLite reports after each commit.
    log_pages: Arc<AtomicU32>,
    /// Database pages in the log at the last checkpoint.
    checkpointed: u32,
    /// Whether the whole log is in the main file, so that the next change begins a new log.
    is_new_log: bool,
    /// The connection's count of changes when the transaction began.
    changes_before: u64,
    /// Locked while the file is open: another server on this directory refuses to start.
    _lock: fs::File,
}

impl Database {
    /// Takes over a connection that was opened and checked.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn new(
        mut connection: Connection,
        quota: Quota,
        options: SqliteOptions,
        directory: PathBuf,
        lock: fs::File,
    ) -> rusqlite::Result<Self> {
        let page_size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let log_pages = Arc::new(AtomicU32::new(0));
        let told = log_pages.clone();
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            memtable: Memtable::read(&connection)?,
            connection,
            quota,
            memtable_mails: options.memtable_mails,
            accounts: AccountCache::default(),
            contents: ContentCache::new(options.uploads),
            directory,
            page_size: u64::from(page_size),
            log_pages,
            checkpointed: 0,
            is_new_log: false,
            changes_before: 0,
            _lock: lock,
        })
    }

    /// Runs a group of jobs, and jobs that arrive meanwhile, and makes their changes durable.
    /// Returns the results of the first jobs, in order; the others must wait until there is room
    /// for further pages of mails.
    pub(super) fn run(&mut self, group: &mut Group<'_>) -> Result<Vec<StoreDone>, Fatal> {
        let intake = self.intake();
        let error = match self.transaction(intake, group) {
            Ok(results) => return Ok(results),
            Err(error) => error,
        };
        self.roll_back(&error)?;
        if is_full(&error) {
            // The log may take room that the disk lacks: a checkpoint empties it.
            self.checkpoint("TRUNCATE")?;
        }
        // One job may have made the transaction fail, or only some fit on the disk: try each alone.
        let (mut results, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        for (_, job) in group.jobs() {
            results.push(match self.alone(intake, job) {
                Ok(result) => result,
                Err(error) => {
                    self.roll_back(&error)?;
                    unavailable(&error)
                }
            });
            pages += results.last().map_or(0, page_bytes);
            if pages >= PAGES_BYTES_MAX {
                break;
            }
        }
        Ok(results)
    }

    /// Stops intake if free space falls below [`RESERVE`], or below half of a small disk. If the
    /// file system does not report its space, only failed writes stop intake.
    fn intake(&self) -> Intake {
        if self.memtable.mails() >= self.memtable_mails.saturating_mul(MEMTABLE_OVERDUE) {
            return Intake::Stopped;
        }
        let Ok(disk) = rustix::fs::statvfs(&self.directory) else {
            return Intake::Open;
        };
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let reserve = RESERVE.min(bytes(disk.f_blocks) / 2);
        let free = bytes(disk.f_bavail);
        if free >= reserve || free.saturating_add(self.unused_bytes()) >= reserve {
            return Intake::Open;
        }
        Intake::Stopped
    }

    /// Bytes of free pages in the main file, which never shrinks.
    fn unused_bytes(&self) -> u64 {
        let pragma =
            |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let pages = pragma("freelist_count").unwrap_or(0);
        u64::from(pages) * u64::from(pragma("page_size").unwrap_or(0))
    }

    fn transaction(
        &mut self,
        intake: Intake,
        group: &mut Group<'_>,
    ) -> rusqlite::Result<Vec<StoreDone>> {
        self.begin()?;
        let (mut results, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        while pages < PAGES_BYTES_MAX {
            if let Some((_, job)) = group.jobs().get(results.len()) {
                let result = self.run_one(intake, job)?;
                pages += page_bytes(&result);
                results.push(result);
            // The same sync makes these durable, too; the group does not wait for them.
            } else if !group.grow() {
                break;
            }
        }
        self.commit()?;
        Ok(results)
    }

    /// Runs one job in a transaction of its own.
    fn alone(&mut self, intake: Intake, job: &StoreJob) -> rusqlite::Result<StoreDone> {
        self.begin()?;
        let result = self.run_one(intake, job)?;
        self.commit()?;
        Ok(result)
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        self.changes_before = self.connection.total_changes();
        self.connection.prepare_cached("BEGIN")?.execute([]).map(drop)
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        // Transactions that only read must not need room on the disk.
        let begins_log = self.is_new_log && self.connection.total_changes() > self.changes_before;
        if begins_log {
            wal_state::begin(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.is_new_log &= !begins_log;
        Ok(())
    }

    fn run_one(&mut self, intake: Intake, job: &StoreJob) -> rusqlite::Result<StoreDone> {
        match intake {
            Intake::Stopped if takes_in(job) => {
                Ok(StoreDone::Unavailable("the disk is almost full".into()))
            }
            Intake::Open | Intake::Stopped => {
                let (db, quota) = (&self.connection, self.quota);
                let (memtable, accounts) = (&mut self.memtable, &mut self.accounts);
                let contents = &mut self.contents;
                run_job(&mut Tables { db, quota, memtable, accounts, contents }, job)
            }
        }
    }

    /// Rolls a failed transaction back. Returns [`Fatal`] if the state on disk is unknown or
    /// damaged.
    fn roll_back(&mut self, error: &rusqlite::Error) -> Result<(), Fatal> {
        if is_fatal(error) {
            return Err(Fatal(error.to_string().into()));
        }
        if !self.connection.is_autocommit() {
            let rolled_back = self.connection.execute_batch("ROLLBACK");
            rolled_back.map_err(|error| Fatal(error.to_string().into()))?;
        }
        // SQLite may have rolled back by itself. Either way caches and memtable are out of date.
        self.accounts.clear();
        self.contents.clear();
        let read = self.memtable.reload(&self.connection);
        read.map_err(|error| Fatal(error.to_string().into()))
    }

    /// Does upkeep between groups: deletes some dropped pieces, flushes the memtable, and moves the
    /// log, whatever is due.
    pub(super) fn tidy(&mut self) -> Result<(), Fatal> {
        if self.contents.dropped == Dropped::DiskFull {
            self.contents.dropped = Dropped::Pieces;
        }
        self.tidy_slice()?;
        if self.memtable.is_due(self.memtable_mails) {
            self.flush_memtable()?;
        }
        self.checkpoint_if_due()
    }

    /// Whether [`Database::tidy_slice`] has something to do.
    pub(super) fn has_slices(&self) -> bool {
        self.contents.dropped == Dropped::Pieces
    }

    /// Deletes some dropped pieces, so few that the next group hardly waits for it. On a full disk
    /// they stay until after the next group.
    pub(super) fn tidy_slice(&mut self) -> Result<(), Fatal> {
        if !self.has_slices() {
            return Ok(());
        }
        let more = self.begin().and_then(|()| {
            let more = pieces::delete_slice(&self.connection)?;
            self.commit().map(|()| more)
        });
        match more {
            Ok(true) => {}
            Ok(false) => self.contents.dropped = Dropped::Nothing,
            Err(error) => {
                self.roll_back(&error)?;
                self.contents.dropped = Dropped::DiskFull;
            }
        }
        self.checkpoint_if_due()
    }

    /// Flushes the memtable into the index of mailboxes. On a full disk it stays, for another try.
    fn flush_memtable(&mut self) -> Result<(), Fatal> {
        let flushed = self
            .begin()
            .and_then(|()| index::flush(&self.connection, &self.memtable))
            .and_then(|()| self.commit());
        match flushed {
            Ok(()) => {
                index::flushed(&mut self.memtable, &mut self.accounts);
                Ok(())
            }
            Err(error) if is_full(&error) => self.roll_back(&error),
            // Memory and file may disagree from now on.
            Err(error) => Err(Fatal(error.to_string().into())),
        }
    }

    /// Moves the log into the main file once enough of it is new. A sync that fails here is fatal
    /// like any other: the data is acknowledged already, although it is still in the log.
    fn checkpoint_if_due(&mut self) -> Result<(), Fatal> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpointed {
            // The whole log was moved, and a new one has begun.
            self.checkpointed = 0;
        }
        let new = pages.saturating_sub(self.checkpointed);
        if u64::from(new) * self.page_size < CHECKPOINT_BYTES {
            return Ok(());
        }
        self.checkpointed = pages;
        if let Err(error) = self.mark(|connection| wal_state::moving(connection, pages)) {
            self.roll_back(&error)?;
        }
        self.checkpoint("PASSIVE")
    }

    /// Moves the log into the main file, as far as there is room on the disk.
    fn checkpoint(&mut self, mode: &str) -> Result<(), Fatal> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let whole = |row: &rusqlite::Row<'_>| {
            let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(!is_busy && pages == moved)
        };
        match self.connection.query_row(&sql, [], whole) {
            // On a full disk the log stays beside the file, whole.
            Err(error) if is_fatal(&error) => Err(Fatal(error.to_string().into())),
            Err(_) => Ok(()),
            Ok(is_whole) => {
                self.is_new_log |= is_whole;
                Ok(())
            }
        }
    }

    /// Marks the main file as open before anything is acknowledged, so that it is refused without
    /// its log from now on. On a full disk the first change marks it.
    pub(super) fn begin_log(&mut self) -> Result<(), Fatal> {
        self.checkpoint("TRUNCATE")?;
        if !self.is_new_log {
            return Ok(());
        }
        match self.mark(wal_state::begin) {
            Ok(()) => self.checkpoint("TRUNCATE"),
            Err(error) => self.roll_back(&error),
        }
    }

    /// Changes the row in `wal_state` in a transaction of its own.
    fn mark(
        &mut self,
        mark: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        self.begin()?;
        mark(&self.connection)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.is_new_log = false;
        Ok(())
    }

    /// Flushes the memtable and moves the log, so that the main file is whole without a log. On a
    /// full disk the log stays.
    pub(super) fn close(mut self) -> Result<(), Fatal> {
        if self.memtable.mails() > 0 {
            self.flush_memtable()?;
        }
        if let Err(error) = self.mark(wal_state::end) {
            return self.roll_back(&error);
        }
        self.checkpoint("TRUNCATE")?;
        if self.is_new_log {
            let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let set = self.connection.set_db_config(keep_log, false);
            set.map_err(|error| Fatal(error.to_string().into()))?;
        }
        Ok(())
    }
}

/// Whether new mails and accounts are accepted.
#[derive(Clone, Copy, Debug)]
enum Intake {
    Open,
    Stopped,
}

/// Whether a job makes the file larger. Other jobs go on when the disk is almost full.
fn takes_in(job: &StoreJob) -> bool {
    match job {
        StoreJob::Send { .. } | StoreJob::CreateAccount { .. } => true,
        // An empty piece asks how far the upload is.
        StoreJob::Upload { bytes, .. } => !bytes.as_bytes().is_empty(),
        _ => false,
    }
}

fn unavailable(error: &rusqlite::Error) -> StoreDone {
    StoreDone::Unavailable(error.to_string().into())
}

/// Whether the disk was full. A file system reports an exceeded quota as a failed write, so every
/// failed write counts: the transaction was neither committed nor acknowledged.
fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if is_full_code(*error))
}

fn is_full_code(error: ffi::Error) -> bool {
    error.code == ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_WRITE
}

/// Whether an error leaves the state on disk unknown, or reports damage. A full disk does neither,
/// and neither does a refused value.
fn is_fatal(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => match error.code {
            _ if is_full_code(*error) => false,
            // A failed sync is among them. The kernel may then have dropped the unwritten data, so
            // that a second sync succeeds without meaning anything.
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen => true,
            _ => error.extended_code == ffi::SQLITE_INTERNAL,
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..)
        // The index or the memtable names a mail that the table lacks.
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}
