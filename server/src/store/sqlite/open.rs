//! Opens a data directory's database. One server uses a directory at a time, and files that are not
//! understood stay untouched.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use correio_proto::message::Realm;
use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig, ffi};

use super::{
    database::{Database, Fatal},
    header::{self, FileKind},
    open_error::{SqliteOpenError, failure},
    options::SqliteOptions,
    schema::{APPLICATION_ID, Schema},
    wal_state::{self, WalState},
};
use crate::{
    data_directory::{self, DATABASE, LOCK},
    store::{CreateStore, History, Quota},
};

/// Opens, or makes, the database of a directory.
pub(super) fn open(
    directory: &Path,
    quota: Quota,
    options: SqliteOptions,
    schema: &Schema,
) -> Result<(Database, Realm, History), SqliteOpenError> {
    // Checked before anything is made, the directory included.
    if check_header(&directory.join(DATABASE), schema.version())? == Content::None {
        may_create(directory, options.create)?;
    }
    let cannot_use = |source| SqliteOpenError::Directory { path: directory.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot_use)?;
    let lock = take_lock(directory)?;
    let path = directory.join(DATABASE);
    // Checked again: another server may have used the directory until the lock was free.
    check_header(&path, schema.version())?;
    let main = wal_state::of_main_file(&path);
    let log = fs::metadata(header::log_of(&path)).ok();
    if log.is_none() && main.is_some_and(|state| state.is_open) {
        return Err(SqliteOpenError::NoLog { path });
    }
    // Made before SQLite opens it, so that no other user can read it even for a moment.
    let made = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    match made {
        // Closed before SQLite locks it: closing a file gives up all locks of the process on it.
        Ok(file) => drop(file),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(SqliteOpenError::ReadOnly { path });
        }
        Err(error) => return Err(cannot_use(error)),
    }
    let failed = |source| failure(&path, source);
    let had_log = log.as_ref().is_some_and(|log| log.len() > 0);
    let mut connection = connect(&path).map_err(failed)?;
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(SqliteOpenError::ReadOnly { path });
    }
    // Until all checks are passed, closing must not change the files: no checkpoint of the log.
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(keep_log, had_log).map_err(failed)?;
    let version = version(&path, &connection)?;
    schema.check(&path, &connection, version)?;
    let log_bytes = log.map_or(0, |log| log.len());
    check_log(&path, &connection, main, log_bytes)?;
    connection.set_db_config(keep_log, false).map_err(failed)?;
    schema.migrate(&path, &mut connection, version)?;
    let realm = realm(&path, &connection)?;
    let history = history(&connection).map_err(failed)?;
    // From now on closing the connection keeps the log, until [`Database::close`] has marked the main
    // file as whole without it.
    connection.set_db_config(keep_log, true).map_err(failed)?;
    let mut database = Database::new(connection, quota, options, directory.to_owned(), lock)
        .map_err(|source| failure(&path, source))?;
    database
        .begin_log()
        .map_err(|Fatal(reason)| cannot_use(io::Error::other(reason.to_string())))?;
    Ok((database, realm, history))
}

fn take_lock(directory: &Path) -> Result<fs::File, SqliteOpenError> {
    let path = directory.join(LOCK);
    let cannot_use = |source| SqliteOpenError::Directory { path: directory.to_owned(), source };
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(cannot_use)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(SqliteOpenError::InUse { path: directory.to_owned() })
        }
        Err(fs::TryLockError::Error(error)) => Err(cannot_use(error)),
    }
}

/// Whether a directory has a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// No database, or one without a table: a first start was interrupted.
    None,
    Store,
}

/// Refuses to make an empty store if the store was lost or its volume is not mounted.
fn may_create(directory: &Path, create: CreateStore) -> Result<(), SqliteOpenError> {
    let path = directory.to_owned();
    match create {
        CreateStore::Always => Ok(()),
        CreateStore::Never => Err(SqliteOpenError::Missing { path }),
        CreateStore::Auto => match data_directory::key_in(directory) {
            Ok(None) => Ok(()),
            Ok(Some(key)) => Err(SqliteOpenError::Lost { path, key }),
            Err(source) => Err(SqliteOpenError::Directory { path, source }),
        },
    }
}

/// Refuses a file that is no database of this program, before SQLite may change it.
fn check_header(path: &Path, known: u32) -> Result<Content, SqliteOpenError> {
    let path = path.to_owned();
    let found = header::look(&path)
        .map_err(|source| SqliteOpenError::Directory { path: path.clone(), source })?;
    let header = match found {
        FileKind::Nothing => return Ok(Content::None),
        // SQLite would delete such a log.
        FileKind::OrphanLog => {
            let reason = "it is missing or empty, but its log is there".to_owned();
            return Err(SqliteOpenError::Damaged { path, reason });
        }
        FileKind::Other => return Err(SqliteOpenError::Foreign { path }),
        FileKind::Database(header) => header,
    };
    let is_new = header.application == 0 && header.version == 0 && header.is_empty;
    if !is_new && header.application != APPLICATION_ID {
        return Err(SqliteOpenError::Foreign { path });
    }
    if header.version > known {
        return Err(SqliteOpenError::Newer { path, found: header.version, known });
    }
    if header.is_short {
        let reason = "it is shorter than it says".to_owned();
        return Err(SqliteOpenError::Damaged { path, reason });
    }
    Ok(if is_new { Content::None } else { Content::Store })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    // No other process uses the file, so the log's index is kept in this process's memory.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    use_wal(&connection)?;
    // The log is synced at every commit: acknowledgements rely on it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite's automatic checkpoints ignore their errors. `database.rs` makes and checks them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 128 << 20)?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

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

fn version(path: &Path, connection: &Connection) -> Result<u32, SqliteOpenError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    version.map_err(|source| failure(path, source))
}

/// Refuses a log that does not belong to the main file. A main file that an interrupted checkpoint
/// left unreadable without its log cannot be checked.
fn check_log(
    path: &Path,
    connection: &Connection,
    main: Option<WalState>,
    log_bytes: u64,
) -> Result<(), SqliteOpenError> {
    let Some(main) = main.filter(|_| log_bytes > 0) else {
        return Ok(());
    };
    let failed = |source| failure(path, source);
    let of_log = wal_state::read(connection).map_err(failed)?;
    let page_size: u32 =
        connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(failed)?;
    match main.belongs_to(of_log, header::pages_in_log(log_bytes, page_size)) {
        true => Ok(()),
        false => Err(SqliteOpenError::OtherLog { path: path.to_owned() }),
    }
}

fn realm(path: &Path, connection: &Connection) -> Result<Realm, SqliteOpenError> {
    connection
        .query_row("SELECT realm FROM meta", [], |row| row.get(0).map(Realm))
        .map_err(|source| failure(path, source))
}

fn history(connection: &Connection) -> rusqlite::Result<History> {
    // Ids of accounts are never given twice: SQLite keeps the last one.
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'account' AND seq > 0),
                      EXISTS (SELECT 1 FROM used_invite)";
    connection.query_row(sql, [], |row| {
        Ok(History { had_accounts: row.get(0)?, had_invites: row.get(1)? })
    })
}
