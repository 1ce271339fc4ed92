//! The store that a migration makes.

use correio_proto::message::Realm;

use super::{error::MigrateError, place::Migration, side::Side, source::Source};
use crate::{
    cancel::Cancel,
    store::{
        migration::{
            CopyPosition, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
        },
        postgres::{PostgresMigrationTarget, PostgresTargetState},
        sqlite::{SqliteMigrationTarget, SqliteTargetState},
    },
};

/// The store that a migration makes.
#[derive(Debug)]
pub(super) enum Target {
    Sqlite(Box<SqliteMigrationTarget>),
    Postgres(Box<PostgresMigrationTarget>),
}

/// What the target has.
#[derive(Debug)]
pub(super) enum TargetState {
    /// A copy that is not finished, or was just begun, and how far it has come.
    Unfinished(Target, CopyPosition),
    /// A whole store of the same realm.
    Whole(Source),
}

impl Target {
    pub(super) fn open(
        migration: &Migration,
        source: Realm,
        cancel: &Cancel,
    ) -> Result<TargetState, MigrateError> {
        Ok(match migration {
            Migration::ToDatabase { to, .. } => match PostgresMigrationTarget::open(to, source)? {
                PostgresTargetState::Unfinished(target, position) => {
                    TargetState::Unfinished(Self::Postgres(target), position)
                }
                PostgresTargetState::Whole(there) => TargetState::Whole(Source::Postgres(there)),
            },
            Migration::ToDirectory { to, .. } => {
                match SqliteMigrationTarget::open(to, source, cancel)? {
                    SqliteTargetState::Unfinished(target, position) => {
                        TargetState::Unfinished(Self::Sqlite(target), position)
                    }
                    SqliteTargetState::Whole(there) => TargetState::Whole(Source::Sqlite(there)),
                }
            }
        })
    }

    /// Writes the rows of a batch durably, and how far the copy has come with them.
    pub(super) fn write(
        &mut self,
        table: MigrationTable,
        rows: &[MigrationRow],
        position: &CopyPosition,
    ) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(target) => target.write(table, rows, position)?,
            Self::Postgres(target) => target.write(table, rows, position)?,
        }
        Ok(())
    }

    /// Sets the numbers above which new ones are given, and what a store has besides rows.
    pub(super) fn end(
        &mut self,
        settings: MigrationSettings,
        numbers: MigrationNumbers,
    ) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(target) => target.end(settings, numbers)?,
            Self::Postgres(target) => target.end(settings, numbers)?,
        }
        Ok(())
    }

    /// What reads this store.
    pub(super) fn side(&mut self) -> Side<'_> {
        match self {
            Self::Sqlite(target) => Side::SqliteTarget(target),
            Self::Postgres(target) => Side::Postgres(target.reader()),
        }
    }

    /// Makes the store one that servers serve.
    pub(super) fn finish(self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(target) => target.finish()?,
            Self::Postgres(target) => target.finish()?,
        }
        Ok(())
    }
}
