//! Groups of jobs as transactions, and which errors end the store.

use std::{fs, sync::Arc};

use rusqlite::{Connection, ErrorCode, ffi};

use super::jobs::run_job;
use crate::{
    store::{Quota, StoreDone, StoreJob},
    ticket::Ticket,
};

/// An error after which the file cannot be trusted with another acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Fatal(pub(super) Arc<str>);

/// Rows changed after which the log is moved into the main file: about 40 MB of log.
const CHECKPOINT_CHANGES: u64 = 10_000;

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    connection: Connection,
    quota: Quota,
    /// What [`Connection::total_changes`] said at the last checkpoint.
    checkpointed: u64,
    /// Held for as long as the file is open: another server on this directory refuses to start.
    _lock: fs::File,
}

impl File {
    pub(super) fn new(connection: Connection, quota: Quota, lock: fs::File) -> Self {
        Self { connection, quota, checkpointed: 0, _lock: lock }
    }

    /// Runs a group of jobs and makes what they changed durable. There is an answer for each.
    pub(super) fn run(&mut self, group: &[(Ticket, StoreJob)]) -> Result<Vec<StoreDone>, Fatal> {
        let jobs: Vec<&StoreJob> = group.iter().map(|(_, job)| job).collect();
        let error = match self.transaction(&jobs) {
            Ok(answers) => return Ok(answers),
            Err(error) => error,
        };
        self.roll_back(&error)?;
        if is_full(&error) {
            // The log may hold room that the disk has not; what waits in it moves to the main file.
            self.checkpoint("TRUNCATE")?;
        }
        // One job may have spoiled it for all, or only a part fits on the disk: each by itself.
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(match self.transaction(&[job]) {
                Ok(mut answer) => answer.pop().unwrap_or_else(|| unavailable(&error)),
                Err(error) => {
                    self.roll_back(&error)?;
                    unavailable(&error)
                }
            });
        }
        Ok(answers)
    }

    fn transaction(&mut self, jobs: &[&StoreJob]) -> rusqlite::Result<Vec<StoreDone>> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let answers = jobs
            .iter()
            .map(|job| run_job(&self.connection, self.quota, job))
            .collect::<rusqlite::Result<_>>()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(answers)
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
        Ok(())
    }

    /// Moves the log into the main file once there is much of it. A sync that fails here is as
    /// fatal as any: what it was for is acknowledged already, and is still in the log.
    pub(super) fn checkpoint_if_due(&mut self) -> Result<(), Fatal> {
        let changes = self.connection.total_changes();
        if changes.saturating_sub(self.checkpointed) < CHECKPOINT_CHANGES {
            return Ok(());
        }
        self.checkpointed = changes;
        self.checkpoint("PASSIVE")
    }

    fn checkpoint(&self, mode: &str) -> Result<(), Fatal> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        match self.connection.query_row(&sql, [], |_| Ok(())) {
            // Without room for it the log stays beside the file, whole.
            Err(error) if is_fatal(&error) => Err(Fatal(error.to_string().into())),
            _ => Ok(()),
        }
    }

    /// Moves everything into the main file.
    pub(super) fn close(self) -> Result<(), Fatal> {
        self.checkpoint("TRUNCATE")
    }
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
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}
