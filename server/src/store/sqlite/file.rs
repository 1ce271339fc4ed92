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

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) connection: Connection,
    pub(super) quota: Quota,
    /// Held for as long as the file is open: another server on this directory refuses to start.
    pub(super) _lock: fs::File,
}

impl File {
    /// Runs a group of jobs and makes what they changed durable. There is an answer for each.
    pub(super) fn run(&mut self, group: &[(Ticket, StoreJob)]) -> Result<Vec<StoreDone>, Fatal> {
        let jobs: Vec<&StoreJob> = group.iter().map(|(_, job)| job).collect();
        let error = match self.transaction(&jobs) {
            Ok(answers) => return Ok(answers),
            Err(error) => error,
        };
        self.roll_back(&error)?;
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

    /// Moves everything into the main file.
    pub(super) fn close(self) -> Result<(), Fatal> {
        let checkpointed = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        match checkpointed {
            // Without room for it the log stays beside the file, whole; the next start reads it.
            Err(error) if is_fatal(&error) => Err(Fatal(error.to_string().into())),
            _ => Ok(()),
        }
    }
}

fn unavailable(error: &rusqlite::Error) -> StoreDone {
    StoreDone::Unavailable(error.to_string().into())
}

/// Whether an error leaves open what is on the disk, or says that it is damaged. A full disk does
/// neither, and neither does a refused value.
fn is_fatal(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => match error.code {
            ErrorCode::DiskFull => false,
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
        | rusqlite::Error::InvalidColumnType(..) => true,
        _ => false,
    }
}
