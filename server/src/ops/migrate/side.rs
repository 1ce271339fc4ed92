//! Reads one side of a migration: its source, or its target.

use super::error::MigrateError;
use crate::store::{
    migration::{
        BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
        MigrationValue,
    },
    postgres::PostgresMigrationReader,
    sqlite::{SqliteMigrationSource, SqliteMigrationTarget},
};

/// A store that can be read as a whole: the source, or the target.
#[derive(Debug)]
pub(super) enum Side<'a> {
    SqliteSource(&'a SqliteMigrationSource),
    SqliteTarget(&'a SqliteMigrationTarget),
    Postgres(PostgresMigrationReader<'a>),
}

impl Side<'_> {
    /// The columns of a table's key, in the order of reading.
    pub(super) fn key(&self, table: MigrationTable) -> &'static [usize] {
        match self {
            Self::SqliteSource(_) => SqliteMigrationSource::key(table),
            Self::SqliteTarget(_) => SqliteMigrationTarget::key(table),
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
            Self::SqliteSource(source) => source.page(table, after, limits)?,
            Self::SqliteTarget(target) => target.page(table, after, limits)?,
            Self::Postgres(reader) => reader.page(table, after, limits)?,
        })
    }

    /// What the store has besides rows.
    pub(super) fn settings(&mut self) -> Result<MigrationSettings, MigrateError> {
        Ok(match self {
            Self::SqliteSource(source) => source.settings()?,
            Self::SqliteTarget(target) => target.settings()?,
            Self::Postgres(reader) => reader.settings()?,
        })
    }

    /// The numbers above which new ones are given.
    pub(super) fn numbers(&mut self) -> Result<MigrationNumbers, MigrateError> {
        Ok(match self {
            Self::SqliteSource(source) => source.numbers()?,
            Self::SqliteTarget(target) => target.numbers()?,
            Self::Postgres(reader) => reader.numbers()?,
        })
    }
}
