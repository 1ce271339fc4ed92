//! Why a migration ended.

use crate::{
    store::{
        postgres::PostgresMigrationError,
        sqlite::{SnapshotError, SqliteMigrationError},
    },
    sysexits,
};

/// Why a migration ended.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum MigrateError {
    #[error("{0}; nothing was deleted at the source")]
    Directory(SqliteMigrationError),
    #[error("{0}; nothing was deleted at the source")]
    Database(#[from] PostgresMigrationError),
    #[error("stopped by a signal; the same command goes on where this one ended")]
    Interrupted,
    #[error(
        "the copy differs from the source, and no server serves it: {differences}. Empty the target and begin anew; one cause is a server that has changed the source between two commands"
    )]
    Differs { differences: String },
    #[error(
        "{place} has this store already, in another state ({differences}): a server has changed one of the two since they were the same. Nothing was changed; to copy the store again, name an empty place"
    )]
    Apart { place: String, differences: String },
}

impl MigrateError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Directory(error) => error.exit_status(),
            Self::Database(error) => error.exit_status(),
            Self::Interrupted => sysexits::IO,
            Self::Differs { .. } => sysexits::CONFIG,
            Self::Apart { .. } => sysexits::CANNOT_CREATE,
        }
    }
}

impl From<SqliteMigrationError> for MigrateError {
    fn from(error: SqliteMigrationError) -> Self {
        match error {
            SqliteMigrationError::Snapshot(SnapshotError::Interrupted) => Self::Interrupted,
            error => Self::Directory(error),
        }
    }
}

impl From<SnapshotError> for MigrateError {
    fn from(error: SnapshotError) -> Self {
        SqliteMigrationError::from(error).into()
    }
}
