//! A store in a directory, read as of one moment.

use std::path::{Path, PathBuf};

use correio_proto::message::Realm;

use super::{error::SqliteMigrationError, read};
use crate::{
    cancel::Cancel,
    data_directory::{self, LOCK},
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

/// A store in a directory, read as of one moment. No server can start there meanwhile, or the
/// start is noticed at the end.
#[derive(Debug)]
pub struct SqliteMigrationSource {
    snapshot: SqliteSnapshot,
    memtable: Memtable,
    /// The file that a server makes and locks, if it was missing: then nothing keeps a server from
    /// starting.
    unlocked: Option<PathBuf>,
}

impl SqliteMigrationSource {
    /// Opens the store of a directory.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`]; a server runs, or an older version has written the store.
    pub fn open(directory: &Path, cancel: &Cancel) -> Result<Self, SqliteMigrationError> {
        let lock = directory.join(LOCK);
        let unlocked = (!data_directory::has(directory, LOCK).unwrap_or(false)).then_some(lock);
        let snapshot = SqliteSnapshot::open(directory, cancel)?;
        if snapshot.is_beside_server() {
            return Err(SqliteMigrationError::InUse { path: directory.to_owned() });
        }
        if snapshot.is_older() {
            let (path, known) = (snapshot.path.clone(), Schema::PRESENT.version());
            let found = snapshot.version();
            return Err(SnapshotError::Older { path, found, known }.into());
        }
        snapshot.begin()?;
        let memtable =
            Memtable::read(&snapshot.connection).map_err(|error| snapshot.failed(error))?;
        Ok(Self { snapshot, memtable, unlocked })
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

    /// Refuses a directory in which a server was started since it was opened.
    ///
    /// # Errors
    ///
    /// [`SqliteMigrationError::InUse`].
    pub fn require_unused(&self) -> Result<(), SqliteMigrationError> {
        match &self.unlocked {
            Some(lock) if lock.symlink_metadata().is_ok() => {
                let directory = lock.parent().unwrap_or(lock);
                Err(SqliteMigrationError::InUse { path: directory.to_owned() })
            }
            _ => Ok(()),
        }
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
