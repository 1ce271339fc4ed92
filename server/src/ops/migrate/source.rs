//! The store that a migration reads.

use correio_proto::message::Realm;

use super::{error::MigrateError, place::Migration, side::Side};
use crate::{
    cancel::Cancel,
    store::{
        migration::{
            BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
            MigrationValue,
        },
        postgres::PostgresMigrationSource,
        sqlite::SqliteMigrationSource,
    },
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

    /// Refuses a source that a server has used meanwhile.
    pub(super) fn require_unused(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(source) => Ok(source.require_unused()?),
            Self::Postgres(source) => Ok(source.require_unused()?),
        }
    }
}

impl Side for Source {
    fn key(&self, table: MigrationTable) -> &'static [usize] {
        match self {
            Self::Sqlite(_) => SqliteMigrationSource::key(table),
            Self::Postgres(_) => table.key(),
        }
    }

    fn page(
        &mut self,
        table: MigrationTable,
        after: &[MigrationValue],
        limits: BatchLimits,
    ) -> Result<Vec<MigrationRow>, MigrateError> {
        Ok(match self {
            Self::Sqlite(source) => source.page(table, after, limits)?,
            Self::Postgres(source) => source.page(table, after, limits)?,
        })
    }

    fn settings(&mut self) -> Result<MigrationSettings, MigrateError> {
        Ok(match self {
            Self::Sqlite(source) => source.settings()?,
            Self::Postgres(source) => source.settings()?,
        })
    }

    fn numbers(&mut self) -> Result<MigrationNumbers, MigrateError> {
        Ok(match self {
            Self::Sqlite(source) => source.numbers()?,
            Self::Postgres(source) => source.numbers()?,
        })
    }
}
