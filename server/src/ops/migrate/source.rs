//! The store that a migration reads.

use correio_proto::message::Realm;

use super::{error::MigrateError, place::Migration, side::Side};
use crate::{
    cancel::Cancel,
    store::{postgres::PostgresMigrationSource, sqlite::SqliteMigrationSource},
};

/// The store that a migration reads, as of one moment.
#[derive(Debug)]
pub(super) enum Source {
    Sqlite(Box<SqliteMigrationSource>),
    Postgres(Box<PostgresMigrationSource>),
}

impl Source {
    pub(super) fn open(migration: &Migration, cancel: &Cancel) -> Result<Self, MigrateError> {
        Ok(match migration {
            Migration::ToDatabase { from, .. } => {
                Self::Sqlite(Box::new(SqliteMigrationSource::open(from, cancel)?))
            }
            Migration::ToDirectory { from, .. } => {
                Self::Postgres(Box::new(PostgresMigrationSource::open(from)?))
            }
        })
    }

    pub(super) fn realm(&self) -> Realm {
        match self {
            Self::Sqlite(source) => source.realm(),
            Self::Postgres(source) => source.realm(),
        }
    }

    /// What reads this store.
    pub(super) fn side(&mut self) -> Side<'_> {
        match self {
            Self::Sqlite(source) => Side::SqliteSource(source),
            Self::Postgres(source) => Side::Postgres(source.reader()),
        }
    }

    /// Refuses a source that a server has used meanwhile.
    pub(super) fn require_unused(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(source) => Ok(source.require_unused()?),
            Self::Postgres(source) => Ok(source.require_unused()?),
        }
    }
}
