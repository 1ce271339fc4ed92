//! Which of SQLite's errors end the store, and which are a full disk.

use std::{io, sync::Arc};

use rusqlite::{ErrorCode, ffi};

/// An error after which the file cannot be trusted with another acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Fatal(pub(super) Arc<str>);

impl From<rusqlite::Error> for Fatal {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string().into())
    }
}

impl From<io::Error> for Fatal {
    fn from(error: io::Error) -> Self {
        Self(format!("disk I/O error: {error}").into())
    }
}

/// Whether the disk was full. A file system reports an exceeded quota as a failed write, so every
/// failed write counts: the transaction was neither committed nor acknowledged.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if is_full_code(*error))
}

fn is_full_code(error: ffi::Error) -> bool {
    error.code == ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_WRITE
}

/// Whether an error leaves the state on disk unknown, or reports damage. A full disk does neither,
/// and neither does a refused value.
pub(super) fn is_fatal(error: &rusqlite::Error) -> bool {
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
