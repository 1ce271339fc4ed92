//! Groups of jobs as transactions, and which errors end the store.

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
    group::{Group, PAGES_BYTES_MAX, page_bytes},
    index,
    jobs::run_job,
    memtable::Memtable,
    tables::Tables,
    wal_state,
};
use crate::store::{Quota, StoreDone, StoreJob};

/// An error after which the file cannot be trusted with another acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Fatal(pub(super) Arc<str>);

/// Bytes of log after which it is moved into the main file.
const CHECKPOINT_BYTES: u64 = 40 << 20;

/// Room on the disk below which nothing is taken in any more, in bytes: enough to move a whole
/// log into the main file, and for those who delete meanwhile.
const RESERVE: u64 = 64 << 20;

/// How many times as many mails as are due for the index may wait for it.
const MEMTABLE_OVERDUE: usize = 8;

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    connection: Connection,
    quota: Quota,
    memtable: Memtable,
    /// How many of them there may be.
    memtable_mails: usize,
    accounts: AccountCache,
    directory: PathBuf,
    page_size: u64,
    /// Pages that are in the log, as SQLite tells after each commit.
    log_pages: Arc<AtomicU32>,
    /// How many of them had been there at the last checkpoint.
    checkpointed: u32,
    /// Whether all of the log is in the main file, so that the next change begins it anew.
    is_new_log: bool,
    /// Changes that the connection had made when the transaction began.
    changes_before: u64,
    /// Held for as long as the file is open: another server on this directory refuses to start.
    _lock: fs::File,
}

impl File {
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn new(
        mut connection: Connection,
        quota: Quota,
        memtable_mails: usize,
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
            memtable_mails,
            accounts: AccountCache::default(),
            directory,
            page_size: u64::from(page_size),
            log_pages,
            checkpointed: 0,
            is_new_log: false,
            changes_before: 0,
            _lock: lock,
        })
    }

    /// Runs a group of jobs, and those that come meanwhile, and makes what they changed durable.
    /// There is an answer for each of the first ones; the others have no room for theirs yet.
    pub(super) fn run(&mut self, group: &mut Group<'_>) -> Result<Vec<StoreDone>, Fatal> {
        let intake = self.intake();
        let error = match self.transaction(intake, group) {
            Ok(answers) => return Ok(answers),
            Err(error) => error,
        };
        self.roll_back(&error)?;
        if is_full(&error) {
            // The log may hold room that the disk has not; what waits in it moves to the main file.
            self.checkpoint("TRUNCATE")?;
        }
        // One job may have spoiled it for all, or only a part fits on the disk: each by itself.
        let (mut answers, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        for (_, job) in group.jobs() {
            answers.push(match self.alone(intake, job) {
                Ok(answer) => answer,
                Err(error) => {
                    self.roll_back(&error)?;
                    unavailable(&error)
                }
            });
            pages += answers.last().map_or(0, page_bytes);
            if pages >= PAGES_BYTES_MAX {
                break;
            }
        }
        Ok(answers)
    }

    /// Nothing is taken in where the reserve is touched: half of the disk where that is small.
    /// Where the file system does not tell, its own refusal to write has to do.
    fn intake(&self) -> Intake {
        // They could not be entered into the index, again and again.
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

    /// What deleted mail left in the main file, which never shrinks.
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
        let (mut answers, mut pages) = (Vec::with_capacity(group.jobs().len()), 0);
        while pages < PAGES_BYTES_MAX {
            if let Some((_, job)) = group.jobs().get(answers.len()) {
                let answer = self.run_one(intake, job)?;
                pages += page_bytes(&answer);
                answers.push(answer);
            // The sync that follows does for these too; nobody is waited for.
            } else if !group.grow() {
                break;
            }
        }
        self.commit()?;
        Ok(answers)
    }

    fn alone(&mut self, intake: Intake, job: &StoreJob) -> rusqlite::Result<StoreDone> {
        self.begin()?;
        let answer = self.run_one(intake, job)?;
        self.commit()?;
        Ok(answer)
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        self.changes_before = self.connection.total_changes();
        self.connection.prepare_cached("BEGIN")?.execute([]).map(drop)
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        // Whatever only reads needs no room on the disk.
        let numbers = self.is_new_log && self.connection.total_changes() > self.changes_before;
        if numbers {
            wal_state::begin(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.is_new_log &= !numbers;
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
                run_job(&mut Tables { db, quota, memtable, accounts }, job)
            }
        }
    }

    /// Takes back what a failed transaction did, unless the error is the end of the store.
    fn roll_back(&mut self, error: &rusqlite::Error) -> Result<(), Fatal> {
        if is_fatal(error) {
            return Err(Fatal(error.to_string().into()));
        }
        if !self.connection.is_autocommit() {
            let rolled_back = self.connection.execute_batch("ROLLBACK");
            rolled_back.map_err(|error| Fatal(error.to_string().into()))?;
        }
        // SQLite may have taken it back by itself. What was noted of it is wrong now.
        self.accounts.clear();
        let read = self.memtable.reload(&self.connection);
        read.map_err(|error| Fatal(error.to_string().into()))
    }

    /// What is to be done from time to time, when nobody waits.
    pub(super) fn tidy(&mut self) -> Result<(), Fatal> {
        if self.memtable.is_due(self.memtable_mails) {
            self.flush_memtable()?;
        }
        self.checkpoint_if_due()
    }

    /// Enters recent mails into the index of mailboxes. Where there is no room for it they stay
    /// what they are, for another try.
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
            // The file says other things than this thread knows of it.
            Err(error) => Err(Fatal(error.to_string().into())),
        }
    }

    /// Moves the log into the main file once there is much of it. A sync that fails here is as
    /// fatal as any: what it was for is acknowledged already, and is still in the log.
    fn checkpoint_if_due(&mut self) -> Result<(), Fatal> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpointed {
            // All of it was moved, and it has begun anew.
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

    fn checkpoint(&mut self, mode: &str) -> Result<(), Fatal> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let whole = |row: &rusqlite::Row<'_>| {
            let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(!is_busy && pages == moved)
        };
        match self.connection.query_row(&sql, [], whole) {
            // Without room for it the log stays beside the file, whole.
            Err(error) if is_fatal(&error) => Err(Fatal(error.to_string().into())),
            Err(_) => Ok(()),
            Ok(is_whole) => {
                self.is_new_log |= is_whole;
                Ok(())
            }
        }
    }

    /// Says in the main file that a server has it open, before anything is acknowledged: without
    /// its log the file is refused from then on. Where the disk has no room for it, the first
    /// change says it.
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

    /// Changes the state of the log in a transaction of its own.
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

    /// Moves everything to its place in the main file, which is whole without a log then. Where
    /// the disk has no room for it, the log stays.
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

/// Whether anything new is taken in.
#[derive(Clone, Copy, Debug)]
enum Intake {
    Open,
    Stopped,
}

/// Whether a job makes the file larger. Those that shorten it or only read go on without room.
fn takes_in(job: &StoreJob) -> bool {
    matches!(job, StoreJob::Send { .. } | StoreJob::CreateAccount { .. })
}

fn unavailable(error: &rusqlite::Error) -> StoreDone {
    StoreDone::Unavailable(error.to_string().into())
}

/// Whether there was no room. A quota's end comes as a failed write, and so may others do: none
/// of them was committed, and nothing was said of them yet.
fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if is_full_code(*error))
}

fn is_full_code(error: ffi::Error) -> bool {
    error.code == ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_WRITE
}

/// Whether an error leaves open what is on the disk, or says that it is damaged. A full disk does
/// neither, and neither does a refused value.
fn is_fatal(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => match error.code {
            _ if is_full_code(*error) => false,
            // Among them a failed sync. After it the kernel may have dropped what it could not
            // write, so that a second sync succeeds and means nothing.
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
        // A mail that must be there.
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}
