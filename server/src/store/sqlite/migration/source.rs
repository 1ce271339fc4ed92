//! A store in a directory, read as of one moment.

use std::path::Path;

use correio_proto::message::Realm;

use super::{error::SqliteMigrationError, read};
use crate::{
    cancel::Cancel,
    store::{
        migration::{
            BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
            MigrationValue,
        },
        sqlite::{
            memtable::Memtable, schema::Schema, snapshot::SqliteSnapshot,
            snapshot_error::SnapshotError,
        },
    },
};

/// A store in a directory, read as of one moment. No server can start there meanwhile.
#[derive(Debug)]
pub struct SqliteMigrationSource {
    snapshot: SqliteSnapshot,
    memtable: Memtable,
}

impl SqliteMigrationSource {
    /// Opens the store of a directory.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`]; a server runs, or an older version has written the store.
    pub fn open(directory: &Path, cancel: &Cancel) -> Result<Self, SqliteMigrationError> {
        let snapshot = SqliteSnapshot::open(directory, cancel)?;
        if snapshot.is_beside_server() {
            return Err(SqliteMigrationError::Runs { path: directory.to_owned() });
        }
        if snapshot.is_older() {
            let (path, known) = (snapshot.path.clone(), Schema::PRESENT.version());
            let found = snapshot.version();
            return Err(SnapshotError::Older { path, found, known }.into());
        }
        snapshot.begin()?;
        let memtable =
            Memtable::read(&snapshot.connection).map_err(|error| snapshot.failed(error))?;
        Ok(Self { snapshot, memtable })
    }

    /// The random id that was made together with the store.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.snapshot.realm()
    }

    /// The columns of a table's key, in the order in which [`SqliteMigrationSource::page`] reads.
    #[must_use]
    pub fn key(table: MigrationTable) -> &'static [usize] {
        read::key(table)
    }

    /// Rows of a table after a key; empty after the last one.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn page(
        &self,
        table: MigrationTable,
        after: &[MigrationValue],
        limits: BatchLimits,
    ) -> Result<Vec<MigrationRow>, SnapshotError> {
        let page = read::page(&self.snapshot.connection, &self.memtable, table, after, limits);
        page.map_err(|error| self.snapshot.failed(error))
    }

    /// The values of the table `meta`.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn settings(&self) -> Result<MigrationSettings, SnapshotError> {
        read::settings(&self.snapshot.connection).map_err(|error| self.snapshot.failed(error))
    }

    /// The highest numbers that were given.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn numbers(&self) -> Result<MigrationNumbers, SnapshotError> {
        read::numbers(&self.snapshot.connection).map_err(|error| self.snapshot.failed(error))
    }
}
