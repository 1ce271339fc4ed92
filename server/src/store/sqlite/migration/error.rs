//! Why a store in a directory cannot be read or written as a whole.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    data_directory::DATABASE,
    store::sqlite::{
        fatal::is_without_room, open_error::SqliteOpenError, snapshot_error::SnapshotError,
    },
    sysexits,
};

/// Why a store in a directory cannot be read or written as a whole.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum SqliteMigrationError {
    #[error(transparent)]
    Open(SqliteOpenError),
    #[error("there is no {DATABASE} in {}: name the data directory of the server", path.display())]
    NoStore { path: PathBuf },
    #[error("{} is not a correio database; it was left as it is: name another directory", path.display())]
    Foreign { path: PathBuf },
    #[error("cannot use {}: {source}; name a directory that this user may use, or run the command as the server's user", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("a server or another command uses {}: stop it first", path.display())]
    InUse { path: PathBuf },
    #[error("{} has another store already; nothing was changed: name another directory", path.display())]
    OtherStore { path: PathBuf },
    #[error("{} is damaged ({reason}): move it away and begin anew", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("there is no room on the disk of {}; make room, and the same command goes on", path.display())]
    NoRoom { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: rusqlite::Error },
}

impl SqliteMigrationError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Open(error) => error.exit_status(),
            Self::NoStore { .. } | Self::Foreign { .. } => sysexits::CONFIG,
            Self::Unusable { .. } => sysexits::NO_PERMISSION,
            Self::Snapshot(error) => error.exit_status(),
            Self::InUse { .. } => sysexits::UNAVAILABLE,
            Self::OtherStore { .. } => sysexits::CANNOT_CREATE,
            Self::Damaged { .. } => sysexits::CONFIG,
            Self::NoRoom { .. } | Self::Write { .. } => sysexits::IO,
        }
    }

    /// The error of writing a copy.
    pub(super) fn of_copy(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match is_without_room(&source) {
            true => Self::NoRoom { path },
            false => Self::Write { path, source },
        }
    }
}

/// The texts of a server's start name its settings; those of a migration name places.
impl From<SqliteOpenError> for SqliteMigrationError {
    fn from(error: SqliteOpenError) -> Self {
        match error {
            SqliteOpenError::NoStore { path } => Self::NoStore { path },
            SqliteOpenError::Foreign { path } => Self::Foreign { path },
            SqliteOpenError::Directory { path, source }
            | SqliteOpenError::Unreadable { path, source } => Self::Unusable { path, source },
            SqliteOpenError::InUse { path } => Self::InUse { path },
            error => Self::Open(error),
        }
    }
}
