//! Why reading a snapshot ended.

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use crate::{cancel::Cancel, sysexits};

/// Why reading a snapshot ended.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum SnapshotError {
    #[error("stopped by a signal")]
    Interrupted,
    #[error("{} is damaged ({reason}): `correiod check` lists what is wrong", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} was written by an older correio (schema {found}, this one reads {known}): start its server once, which upgrades the schema", path.display())]
    Older { path: PathBuf, found: u32, known: u32 },
    #[error("a server uses {} for itself: try again, or stop the server", path.display())]
    Busy { path: PathBuf },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: rusqlite::Error },
    #[error("no room for the copy {}: the disk is full", path.display())]
    Full { path: PathBuf },
    #[error("cannot write the copy {}: {source}", path.display())]
    Write { path: PathBuf, source: rusqlite::Error },
    #[error("the path {} is not in UTF-8, which SQLite needs", path.display())]
    Name { path: PathBuf },
}

impl SnapshotError {
    /// The exit status of a command that ends with this error, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Interrupted | Self::Read { .. } | Self::Full { .. } | Self::Write { .. } => {
                sysexits::IO
            }
            Self::Damaged { .. } | Self::Older { .. } => sysexits::CONFIG,
            Self::Busy { .. } => sysexits::UNAVAILABLE,
            Self::Name { .. } => sysexits::CANNOT_CREATE,
        }
    }

    /// The error of an operation that only reads.
    pub(super) fn of_source(path: &Path, source: rusqlite::Error, cancel: &Cancel) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) if cancel.is_asked() => Self::Interrupted,
            // `Unknown` is SQLITE_ERROR: the schema lacks what a query names, although its version
            // was checked, so that its text is damaged.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
                Self::Damaged { path, reason: source.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(_) => Self::Read { path, source },
            // A value that does not parse was damaged.
            None => Self::Damaged { path, reason: source.to_string() },
        }
    }

    /// The error of an operation that reads a database and writes a copy.
    pub(super) fn of_copy(
        path: &Path,
        copy: &Path,
        source: rusqlite::Error,
        cancel: &Cancel,
    ) -> Self {
        let is_read = matches!(
            source.sqlite_error().map(|error| error.extended_code),
            Some(ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ)
        );
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path: copy.to_owned() },
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly)
                if !is_read =>
            {
                Self::Write { path: copy.to_owned(), source }
            }
            _ => Self::of_source(path, source, cancel),
        }
    }
}
