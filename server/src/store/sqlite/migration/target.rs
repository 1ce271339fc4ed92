//! A store in a directory, made batch by batch.
//!
//! The database has a rollback journal, as a backup has: a file that a killed copy leaves is
//! rolled back when it is opened. The table `migration` (`marker.rs`) keeps every server away until
//! the last transaction removes it.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use correio_proto::message::Realm;
use rusqlite::{Connection, OpenFlags, Result as SqlResult, params};

use super::{error::SqliteMigrationError, read, source::SqliteMigrationSource, write};
use crate::{
    cancel::Cancel,
    data_directory::{self, DATABASE},
    scratch::Scratch,
    store::{
        migration::{
            BatchLimits, CopyPosition, MigrationNumbers, MigrationRow, MigrationSettings,
            MigrationTable, MigrationValue,
        },
        sqlite::{
            header::{self, FileKind},
            marker,
            memtable::Memtable,
            open::{realm, version},
            open_error::{SqliteOpenError, failure},
            schema::{APPLICATION_ID, Schema},
            wal_state::open_immutable,
        },
    },
};

/// Name of the directory for a database that has no table yet. Commands make it under the lock of
/// the data directory: the holder of the lock finds only directories of killed commands.
const UNMADE: &str = ".migrate";

/// A store in a directory, whose lock is held.
#[derive(Debug)]
pub struct SqliteMigrationTarget {
    connection: Connection,
    path: PathBuf,
    _lock: fs::File,
}

/// What a directory has.
#[derive(Debug)]
pub enum SqliteTargetState {
    /// A copy that is not finished, or was just begun, and how far it has come.
    Unfinished(Box<SqliteMigrationTarget>, CopyPosition),
    /// A whole store of the same realm, as a finished copy has left it or a server since.
    Whole(Box<SqliteMigrationSource>),
}

impl SqliteMigrationTarget {
    /// Locks the directory, which is made if it is missing, and begins the copy of a store or goes
    /// on with it.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`]. A store of another realm is left as it is.
    pub fn open(
        directory: &Path,
        source: Realm,
        cancel: &Cancel,
    ) -> Result<SqliteTargetState, SqliteMigrationError> {
        let cannot_use = |source| SqliteOpenError::Directory { path: directory.to_owned(), source };
        data_directory::make(directory).map_err(cannot_use)?;
        let lock = data_directory::lock(directory).map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                SqliteMigrationError::InUse { path: directory.to_owned() }
            }
            fs::TryLockError::Error(source) => cannot_use(source).into(),
        })?;
        Scratch::remove_orphans_in(directory, UNMADE);
        let path = directory.join(DATABASE);
        if !marker::has_journal(&path) && !marker::is_in_file(&path) {
            match header::look(&path).map_err(cannot_use)? {
                FileKind::Nothing => make(directory, source)?,
                FileKind::Database(header) if header.application == APPLICATION_ID => {
                    drop(lock);
                    return whole(directory, source, cancel);
                }
                FileKind::Database(_) | FileKind::Other | FileKind::OrphanLog => {
                    return Err(SqliteOpenError::Foreign { path }.into());
                }
            }
        }
        let connection = connect(&path).map_err(|source| failure(&path, source))?;
        let target = Self { connection, path, _lock: lock };
        // The last transaction of a copy may have been rolled back, or not.
        if !marker::is_in(&target.connection).map_err(|source| target.failed(source))? {
            drop(target);
            return whole(directory, source, cancel);
        }
        if realm(&target.path, &target.connection)? != source {
            return Err(SqliteMigrationError::OtherStore { path: target.path });
        }
        if version(&target.path, &target.connection)? != Schema::PRESENT.version() {
            let reason = "another version of correio began it".to_owned();
            return Err(SqliteMigrationError::Damaged { path: target.path, reason });
        }
        let position = target.position()?;
        Ok(SqliteTargetState::Unfinished(Box::new(target), position))
    }

    fn position(&self) -> Result<CopyPosition, SqliteMigrationError> {
        let sql = "SELECT step, position FROM migration";
        let read = self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (step, key): (i64, Vec<u8>) = read.map_err(|source| self.failed(source))?;
        let reason = "its position cannot be read".to_owned();
        let damaged = || SqliteMigrationError::Damaged { path: self.path.clone(), reason };
        CopyPosition::decode(step, &key).ok_or_else(damaged)
    }

    /// Writes the rows of a batch durably, and how far the copy has come with them.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`]. Nothing of the batch is written then.
    pub fn write(
        &mut self,
        table: MigrationTable,
        rows: &[MigrationRow],
        position: &CopyPosition,
    ) -> Result<(), SqliteMigrationError> {
        self.transact(|db| write::batch(db, table, rows, position))
    }

    /// Sets the numbers above which new ones are given, and the values of the table `meta`.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`].
    pub fn end(
        &mut self,
        settings: MigrationSettings,
        numbers: MigrationNumbers,
    ) -> Result<(), SqliteMigrationError> {
        self.transact(|db| write::end(db, settings, numbers))
    }

    /// Makes the store one that a server serves.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`].
    pub fn finish(mut self) -> Result<(), SqliteMigrationError> {
        self.transact(|db| db.execute_batch("DROP TABLE migration"))?;
        let path = self.path.clone();
        self.connection.close().map_err(|(_, source)| SqliteMigrationError::of_copy(&path, source))
    }

    /// Rows of a table after a key; empty after the last one.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`].
    pub fn page(
        &self,
        table: MigrationTable,
        after: &[MigrationValue],
        limits: BatchLimits,
    ) -> Result<Vec<MigrationRow>, SqliteMigrationError> {
        let read = Memtable::read(&self.connection)
            .and_then(|memtable| read::page(&self.connection, &memtable, table, after, limits));
        read.map_err(|source| self.failed(source))
    }

    /// The columns of a table's key, in the order in which [`SqliteMigrationTarget::page`] reads.
    #[must_use]
    pub fn key(table: MigrationTable) -> &'static [usize] {
        read::key(table)
    }

    /// The values of the table `meta`.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`].
    pub fn settings(&self) -> Result<MigrationSettings, SqliteMigrationError> {
        read::settings(&self.connection).map_err(|source| self.failed(source))
    }

    /// The numbers above which new ones are given.
    ///
    /// # Errors
    ///
    /// See [`SqliteMigrationError`].
    pub fn numbers(&self) -> Result<MigrationNumbers, SqliteMigrationError> {
        read::numbers(&self.connection).map_err(|source| self.failed(source))
    }

    fn transact(
        &mut self,
        work: impl FnOnce(&Connection) -> SqlResult<()>,
    ) -> Result<(), SqliteMigrationError> {
        let transact = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            work(&transaction)?;
            transaction.commit()
        };
        transact(&mut self.connection).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> SqliteMigrationError {
        SqliteMigrationError::of_copy(&self.path, source)
    }
}

/// The state of a directory with a store that servers may serve.
fn whole(
    directory: &Path,
    source: Realm,
    cancel: &Cancel,
) -> Result<SqliteTargetState, SqliteMigrationError> {
    // Another store is refused as such, whatever version has written it.
    let path = directory.join(DATABASE);
    let is_other = |opened| realm(&path, &opened).is_ok_and(|realm| realm != source);
    if open_immutable(&path).is_ok_and(is_other) {
        return Err(SqliteMigrationError::OtherStore { path });
    }
    let there = SqliteMigrationSource::open(directory, cancel)?;
    match there.realm() == source {
        true => Ok(SqliteTargetState::Whole(Box::new(there))),
        false => Err(SqliteMigrationError::OtherStore { path }),
    }
}

/// Opens a copy, which no server has open.
fn connect(path: &Path) -> SqlResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    // Also the name of the journal's file, whose removal is the commit.
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    Ok(connection)
}

/// Makes a database with all tables and without rows, and gives it its name only then.
fn make(directory: &Path, source: Realm) -> Result<(), SqliteMigrationError> {
    let cannot_use =
        |source: io::Error| SqliteOpenError::Directory { path: directory.to_owned(), source };
    let scratch = Scratch::make_in(directory, UNMADE).map_err(cannot_use)?;
    let (made, path) = (scratch.path().join(DATABASE), directory.join(DATABASE));
    let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&made);
    drop(file.map_err(cannot_use)?);
    let failed = |source| SqliteMigrationError::of_copy(&path, source);
    let mut connection = Connection::open(&made).map_err(failed)?;
    // Before the first page is written (`room.rs`).
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
    Schema::PRESENT.upgrade(&made, &mut connection, 0)?;
    // The lists are those of the source, also the list of everybody.
    let filled = connection
        .execute_batch(marker::MAKE)
        .and_then(|()| connection.execute("DELETE FROM list", []))
        .and_then(|_| connection.execute("UPDATE meta SET realm = ?1", params![source.0]));
    filled.map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    fs::File::open(&made).and_then(|file| file.sync_all()).map_err(cannot_use)?;
    fs::rename(&made, &path).map_err(cannot_use)?;
    fs::File::open(directory).and_then(|opened| opened.sync_all()).map_err(cannot_use)?;
    Ok(())
}
