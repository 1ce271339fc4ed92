//! Opens a data directory's database. One server uses a directory at a time, and files that are not
//! understood stay untouched.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration};

use correio_proto::message::Realm;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::{
    checkpoint_thread::{Moved, checkpoint},
    checkpoints::Checkpoints,
    connection::{Locking, connect, keep_log},
    database::Database,
    fatal::{Fatal, is_fatal},
    header::{self, FileKind, Log},
    marker,
    memtable::Memtable,
    open_error::{SqliteOpenError, failure},
    options::SqliteOptions,
    schema::{APPLICATION_ID, Schema},
    wal_state::{self, WalState},
};
use crate::{
    data_directory::{self, DATABASE},
    store::{CreateStore, History, Quota},
    waker::Wake,
};

/// Opens, or makes, the database of a directory. `wake` wakes the store thread after a checkpoint.
pub(super) fn open(
    directory: &Path,
    quota: Quota,
    options: SqliteOptions,
    schema: &Schema,
    wake: Arc<dyn Wake>,
) -> Result<(Database, Realm, History), SqliteOpenError> {
    // Checked before anything is made, the directory included.
    if check_header(&directory.join(DATABASE), schema.version())? == Presence::Absent {
        may_create(directory, options.create)?;
    }
    let cannot_use = |source| SqliteOpenError::Directory { path: directory.to_owned(), source };
    data_directory::make(directory).map_err(cannot_use)?;
    let lock = take_lock(directory)?;
    let path = directory.join(DATABASE);
    let (realm, history) = prepare(&path, schema)?;
    let failed = |source| failure(&path, source);
    let mut connection = connect(&path, Locking::Shared).map_err(failed)?;
    // Closing the connection keeps the log, until [`Database::close`] has marked the main file as
    // whole without it.
    keep_log(&connection, true).map_err(failed)?;
    // Another program can keep the file locked for long; neither jobs nor the start wait for it.
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    let is_new_log = begin_log(&connection, wal_state::begin)
        .map_err(|Fatal(reason)| cannot_use(io::Error::other(reason.to_string())))?;
    // SQLite has synced the directory for the log, but ignores that such a sync fails.
    fs::File::open(directory).and_then(|opened| opened.sync_all()).map_err(cannot_use)?;
    let checkpoints = Checkpoints::start(&path, &mut connection, is_new_log, wake)?;
    let memtable = Memtable::read(&connection).map_err(failed)?;
    let database = Database::new(
        connection,
        checkpoints,
        quota,
        options,
        memtable,
        directory.to_owned(),
        lock,
    );
    Ok((database, realm, history))
}

/// Checks a database and brings it to the present schema. Returns its realm and history.
fn prepare(path: &Path, schema: &Schema) -> Result<(Realm, History), SqliteOpenError> {
    let cannot_use = |source| SqliteOpenError::Directory { path: path.to_owned(), source };
    // Checked again: another server may have used the directory until the lock was free.
    check_header(path, schema.version())?;
    if marker::is_in_file(path) {
        return Err(SqliteOpenError::Unfinished { path: path.to_owned() });
    }
    let main = wal_state::of_main_file(path);
    let log = header::look_at_log(path).map_err(cannot_use)?;
    if log == Log::Missing && main.is_some_and(|state| state.is_open) {
        return Err(SqliteOpenError::NoLog { path: path.to_owned() });
    }
    // Made before SQLite opens it, so that no other user can read it even for a moment.
    let made = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let is_new = match made {
        // Closed before SQLite locks it: closing a file gives up all locks of the process on it.
        Ok(file) => file.metadata().map_err(cannot_use)?.len() == 0,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(SqliteOpenError::ReadOnly { path: path.to_owned() });
        }
        Err(error) => return Err(cannot_use(error)),
    };
    let failed = |source| failure(path, source);
    let mut connection = connect_alone(path, is_new).map_err(failed)?;
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(SqliteOpenError::ReadOnly { path: path.to_owned() });
    }
    // Until all checks are passed, closing must not change the files: no checkpoint of the log.
    keep_log(&connection, log != Log::Missing).map_err(failed)?;
    if marker::is_in(&connection).map_err(failed)? {
        return Err(SqliteOpenError::Unfinished { path: path.to_owned() });
    }
    let version = version(path, &connection)?;
    schema.check(path, &connection, version)?;
    check_log(path, &connection, main, log)?;
    if version > 0 && version < schema.version() {
        // An upgrade that begins a log begins it like any other change.
        let begin = if version == 1 { wal_state::begin_before_version_2 } else { wal_state::begin };
        begin_log(&connection, begin)
            .map_err(|Fatal(reason)| cannot_use(io::Error::other(reason.to_string())))?;
    }
    // Where an upgrade finds no room, the log that the main file says it has must stay.
    keep_log(&connection, version > 0 && version < schema.version()).map_err(failed)?;
    schema.upgrade(path, &mut connection, version)?;
    let realm = realm(path, &connection)?;
    let history = history(&connection).map_err(failed)?;
    // Closing the connection would move the log without reporting a failed sync.
    keep_log(&connection, true).map_err(failed)?;
    Ok((realm, history))
}

/// Connects as the only user of the file. If another program reads it, the index of the log is on
/// the disk already, and sharing it makes no new file.
fn connect_alone(path: &Path, is_new: bool) -> rusqlite::Result<Connection> {
    let locking = if is_new { Locking::ExclusiveNew } else { Locking::Exclusive };
    match connect(path, locking) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            connect(path, Locking::Shared)
        }
        connected => connected,
    }
}

/// Marks the main file as open before anything is acknowledged, so that it is refused without its
/// log from now on. On a full disk the first change marks it. Returns whether the main file has the
/// whole log.
fn begin_log(
    connection: &Connection,
    begin: fn(&Connection) -> rusqlite::Result<()>,
) -> Result<bool, Fatal> {
    let is_whole = || {
        let moved = checkpoint(connection, "TRUNCATE")?;
        Ok::<_, Fatal>(moved.is_some_and(Moved::is_whole))
    };
    let was_whole = is_whole()?;
    // While another program reads an earlier state, the log goes on: it is the one that the main
    // file belongs to, and its number stays.
    let begin = if was_whole { begin } else { wal_state::go_on };
    match begin(connection) {
        Ok(()) => is_whole(),
        Err(error) if is_fatal(&error) => Err(error.into()),
        Err(_) => Ok(was_whole),
    }
}

fn take_lock(directory: &Path) -> Result<fs::File, SqliteOpenError> {
    let path = directory.to_owned();
    data_directory::lock(directory).map_err(|error| match error {
        fs::TryLockError::WouldBlock => SqliteOpenError::InUse { path },
        fs::TryLockError::Error(source) => SqliteOpenError::Directory { path, source },
    })
}

/// Whether a directory has a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// No database, or one without a table: a first start was interrupted.
    Absent,
    Present,
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

/// Refuses a file that is no database of this program, before SQLite may change it. Returns whether
/// there is a store.
pub(super) fn check_header(path: &Path, known: u32) -> Result<Presence, SqliteOpenError> {
    let path = path.to_owned();
    let found = header::look(&path)
        .map_err(|source| SqliteOpenError::Directory { path: path.clone(), source })?;
    let header = match found {
        FileKind::Nothing => return Ok(Presence::Absent),
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
    Ok(if is_new { Presence::Absent } else { Presence::Present })
}

pub(super) fn version(path: &Path, connection: &Connection) -> Result<u32, SqliteOpenError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    version.map_err(|source| failure(path, source))
}

/// Refuses a log that does not belong to the main file. A main file that an interrupted checkpoint
/// left unreadable without its log cannot be checked.
pub(super) fn check_log(
    path: &Path,
    connection: &Connection,
    main: Option<WalState>,
    log: Log,
) -> Result<(), SqliteOpenError> {
    let (Some(main), Log::Bytes(log_bytes)) = (main, log) else {
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

pub(super) fn realm(path: &Path, connection: &Connection) -> Result<Realm, SqliteOpenError> {
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
