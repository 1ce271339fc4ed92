//! The store that a migration makes.

use correio_proto::message::Realm;

use super::{error::MigrateError, place::Migration};
use crate::store::{
    migration::{
        BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
        MigrationValue, Position,
    },
    postgres::{PostgresMigrationTarget, PostgresTargetState},
    sqlite::{SqliteMigrationTarget, SqliteTargetState},
};

/// The store that a migration makes.
#[derive(Debug)]
pub(super) enum Target {
    Sqlite(Box<SqliteMigrationTarget>),
    Postgres(Box<PostgresMigrationTarget>),
}

/// What the target has.
#[derive(Debug)]
pub(super) enum Begun {
    /// A copy that is not finished, or was just begun, and how far it has come.
    Unfinished(Target, Position),
    /// The whole store.
    Whole,
}

impl Target {
    pub(super) fn open(migration: &Migration, source: Realm) -> Result<Begun, MigrateError> {
        Ok(match migration {
            Migration::ToDatabase { to, .. } => match PostgresMigrationTarget::open(to, source)? {
                PostgresTargetState::Unfinished(target, position) => {
                    Begun::Unfinished(Self::Postgres(target), position)
                }
                PostgresTargetState::Whole => Begun::Whole,
            },
            Migration::ToDirectory { to, .. } => match SqliteMigrationTarget::open(to, source)? {
                SqliteTargetState::Unfinished(target, position) => {
                    Begun::Unfinished(Self::Sqlite(target), position)
                }
                SqliteTargetState::Whole => Begun::Whole,
            },
        })
    }

    /// Writes the rows of a batch durably, and how far the copy has come with them.
    pub(super) fn write(
        &mut self,
        table: MigrationTable,
        rows: &[MigrationRow],
        position: &Position,
    ) -> Result<(), MigrateError> {
        Ok(match self {
            Self::Sqlite(target) => target.write(table, rows, position)?,
            Self::Postgres(target) => target.write(table, rows, position)?,
        })
    }

    /// Sets the numbers above which new ones are given, and what a store has besides rows.
    pub(super) fn end(
        &mut self,
        settings: MigrationSettings,
        numbers: MigrationNumbers,
    ) -> Result<(), MigrateError> {
        Ok(match self {
            Self::Sqlite(target) => target.end(settings, numbers)?,
            Self::Postgres(target) => target.end(settings, numbers)?,
        })
    }

    /// Makes the store one that servers serve.
    pub(super) fn finish(self) -> Result<(), MigrateError> {
        Ok(match self {
            Self::Sqlite(target) => target.finish()?,
            Self::Postgres(target) => target.finish()?,
        })
    }

    /// The columns of a table's key, in the order of reading.
    pub(super) fn key(&self, table: MigrationTable) -> &'static [usize] {
        match self {
            Self::Sqlite(_) => SqliteMigrationTarget::key(table),
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
            Self::Sqlite(target) => target.page(table, after, limits)?,
            Self::Postgres(target) => target.page(table, after, limits)?,
        })
    }

    pub(super) fn settings(&mut self) -> Result<MigrationSettings, MigrateError> {
        Ok(match self {
            Self::Sqlite(target) => target.settings()?,
            Self::Postgres(target) => target.settings()?,
        })
    }

    pub(super) fn numbers(&mut self) -> Result<MigrationNumbers, MigrateError> {
        Ok(match self {
            Self::Sqlite(target) => target.numbers()?,
            Self::Postgres(target) => target.numbers()?,
        })
    }
}
