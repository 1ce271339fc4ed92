//! Connections to the database: how they lock the file, and what they make durable.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi};

/// Who may use the database beside a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// No other connection. The index of the log is in this process's memory, so that a database
    /// that is refused gets no new file beside it.
    Exclusive,
    /// As `Exclusive`, in an empty file.
    ExclusiveNew,
    /// Other connections of this process, and other processes that read. The index of the log is in
    /// `correio.db-shm`.
    Shared,
}

/// Opens the database for writing, with a log whose checkpoints are the caller's.
pub(super) fn connect(path: &Path, locking: Locking) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    if locking != Locking::Shared {
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    if locking == Locking::ExclusiveNew {
        // Before the first page is written: a database stays as it was made. See `room.rs`.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    use_wal(&connection)?;
    // The log is synced at every commit: acknowledgements rely on it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite's automatic checkpoints ignore their errors. `checkpoints.rs` makes and checks them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // The values in a statement do not change its plan. Otherwise SQLite would plan each fetch
    // anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Sets whether closing the connection keeps the log as it is. Otherwise the last connection that
/// is closed moves the log into the main file and deletes it.
pub(super) fn keep_log(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// Size of the page cache. The system caches the file, too; new pages that fill a larger cache cost
/// the store thread more than they save.
const CACHE_KIB: i64 = 16 * 1024;

/// Bytes of the log's file that stay when a new log begins in it. Overwriting them syncs faster
/// than appending, which also changes the file's length.
const LOG_KEPT: i64 = 64 << 20;

/// Switches to the write-ahead log, and reads the answer to its end: SQLite commits the switch, and
/// reports a failed sync of it, only after the row with the new mode. With the old journal, a
/// database would be refused at the next start, since its log is missing.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    let text = format!("SQLite keeps the journal mode {mode} instead of WAL");
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), Some(text)))
}
