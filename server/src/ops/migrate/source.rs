//! The store that a migration reads.

use correio_proto::message::Realm;

use super::{error::MigrateError, place::Migration};
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

    /// The columns of a table's key, in the order of reading.
    pub(super) fn key(&self, table: MigrationTable) -> &'static [usize] {
        match self {
            Self::Sqlite(_) => SqliteMigrationSource::key(table),
            Self::Postgres(_) => table.key(),
        }
    }

    /// Rows of a table after a key; empty after the last one.
    pub(super) fn page(
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

    pub(super) fn settings(&mut self) -> Result<MigrationSettings, MigrateError> {
        Ok(match self {
            Self::Sqlite(source) => source.settings()?,
            Self::Postgres(source) => source.settings()?,
        })
    }

    pub(super) fn numbers(&mut self) -> Result<MigrationNumbers, MigrateError> {
        Ok(match self {
            Self::Sqlite(source) => source.numbers()?,
            Self::Postgres(source) => source.numbers()?,
        })
    }

    /// Refuses a source that a server has used meanwhile. A directory's lock keeps servers away.
    pub(super) fn require_unused(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(source) => Ok(source.require_unused()?),
        }
    }
}
