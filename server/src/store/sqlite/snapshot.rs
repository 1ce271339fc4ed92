//! Reads a data directory's database as of one moment and changes nothing in it: beside a running
//! server, or without one.
//!
//! A running server holds the directory's lock and shares the database by SQLite's own locks. If no
//! server runs, the snapshot keeps the lock shared, so that no server starts meanwhile, and reads a
//! database that was closed in order without making a file beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use correio_proto::message::Realm;
use rusqlite::{Connection, OpenFlags};

use super::{
    connection::keep_log,
    header::{self, Log},
    marker,
    open::{Presence, check_header, check_log, realm, version},
    open_error::{SqliteOpenError, failure},
    schema::{APPLICATION_ID, Schema},
    snapshot_error::SnapshotError,
    wal_state::{self, WalState},
};
use crate::{
    cancel::Cancel,
    data_directory::{DATABASE, LOCK},
    scratch::Scratch,
};

/// How long a server that is starting or stopping may keep the database for itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Openings that are tried while servers start and stop at the same moment.
const TRIES: usize = 3;

/// Steps of SQLite's machine between two looks at [`Cancel`]: some milliseconds.
const STEPS: i32 = 20_000;

/// A database as of one moment, for reading.
#[derive(Debug)]
pub struct SqliteSnapshot {
    pub(super) connection: Connection,
    /// The database's path, for messages.
    pub(super) path: PathBuf,
    pub(super) cancel: Cancel,
    version: u32,
    realm: Realm,
    /// Dropped after the connection, if a server ran when it was opened.
    traces: Option<Traces>,
    /// Held so that no server starts, if none runs.
    _lock: Option<fs::File>,
    /// Holds the copy of a database whose log cannot be recovered in its place.
    _scratch: Option<Scratch>,
}

/// The files that SQLite makes beside a database for a connection that reads. If the server has
/// stopped meanwhile, this connection was the last one, and SQLite leaves them.
#[derive(Debug)]
struct Traces {
    directory: PathBuf,
}

impl Drop for Traces {
    fn drop(&mut self) {
        let path = self.directory.join(DATABASE);
        let is_used = || fs::metadata(header::log_of(&path)).is_ok_and(|log| log.len() > 0);
        let Ok(lock) = fs::File::open(self.directory.join(LOCK)) else { return };
        // Without a server and another command nobody uses them. They may be gone already.
        if !is_used() && lock.try_lock().is_ok() && !is_used() {
            let _ = fs::remove_file(header::index_of(&path));
            let _ = fs::remove_file(header::log_of(&path));
        }
    }
}

/// Whether another process uses the directory.
enum Neighbour {
    /// A server has the lock.
    Server,
    /// No server runs, nor starts while this file is open. `None`: no server was ever started here.
    Nobody(Option<fs::File>),
}

impl SqliteSnapshot {
    /// Opens the database of a directory. Work on it ends when `cancel` is asked.
    ///
    /// # Errors
    ///
    /// See [`SqliteOpenError`]. Every file is left as it is.
    pub fn open(directory: &Path, cancel: &Cancel) -> Result<Self, SqliteOpenError> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let opened = Self::try_open(directory, cancel);
            // A server that starts or stops makes and removes the files beside the database.
            match opened {
                Err(SqliteOpenError::Sqlite { .. }) if tries > 0 && !cancel.is_asked() => {}
                opened => return opened,
            }
        }
    }

    fn try_open(directory: &Path, cancel: &Cancel) -> Result<Self, SqliteOpenError> {
        let known = Schema::PRESENT.version();
        let path = directory.join(DATABASE);
        let neighbour = neighbour(directory).map_err(|source| unreadable(directory, source))?;
        let mut traces = None;
        let (mut connection, lock, scratch) = match neighbour {
            Neighbour::Server => {
                traces = Some(Traces { directory: directory.to_owned() });
                (open_shared(&path)?, None, None)
            }
            Neighbour::Nobody(lock) => {
                if marker::has_journal(&path) {
                    return Err(SqliteOpenError::CutOff { path });
                }
                // The files change beside a server, which has checked them.
                check_files(directory, &path, known)?;
                let (connection, scratch) = open_alone(&path)?;
                (connection, lock, scratch)
            }
        };
        prepare(&mut connection, cancel).map_err(|source| failure(&path, source))?;
        let application: u32 = connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(|source| failure(&path, source))?;
        if application != APPLICATION_ID {
            return Err(SqliteOpenError::Foreign { path });
        }
        if marker::is_in(&connection).map_err(|source| failure(&path, source))? {
            return Err(SqliteOpenError::Unfinished { path });
        }
        let version = version(&path, &connection)?;
        if version > known {
            return Err(SqliteOpenError::Newer { path, found: version, known });
        }
        Schema::PRESENT.check(&path, &connection, version)?;
        let realm = realm(&path, &connection)?;
        let cancel = cancel.clone();
        let (_lock, _scratch) = (lock, scratch);
        Ok(Self { connection, path, cancel, version, realm, traces, _lock, _scratch })
    }

    /// The random id that was made together with the store.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.realm
    }

    /// The version of the database's schema.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether the file needs no log: its server closed it in order, or it is a copy.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn is_closed(&self) -> Result<bool, SnapshotError> {
        let state = wal_state::read(&self.connection).map_err(|error| self.failed(error))?;
        Ok(!state.is_open)
    }

    /// Writes the database as of one moment into a new file, closed in order and without the text
    /// of deleted mails. `copied` learns, from time to time, how many bytes the file has.
    ///
    /// One read transaction of SQLite sees one moment and holds no writer up, and changes meanwhile
    /// do not make it begin again.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]. The file may be there nevertheless.
    pub fn copy_to(
        &mut self,
        copy: &Path,
        copied: impl Fn(u64) + Send + 'static,
    ) -> Result<(), SnapshotError> {
        self.require_wanted()?;
        let (cancel, file) = (self.cancel.clone(), copy.to_owned());
        let look = move || {
            copied(fs::metadata(&file).map_or(0, |found| found.len()));
            cancel.is_asked()
        };
        self.connection.progress_handler(STEPS, Some(look)).map_err(|error| self.failed(error))?;
        let name = copy.to_str().ok_or_else(|| SnapshotError::Name { path: copy.to_owned() })?;
        let made = give_room_back(&self.connection)
            .and_then(|()| self.connection.execute("VACUUM INTO ?1", [name]));
        watch(&mut self.connection, &self.cancel).map_err(|error| self.failed(error))?;
        let of_copy = |source| SnapshotError::of_copy(&self.path, copy, source, &self.cancel);
        made.map_err(of_copy)?;
        self.require_wanted()?;
        close_copy(copy).map_err(of_copy)
    }

    /// Bytes of the database's pages in use.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn bytes(&self) -> Result<u64, SnapshotError> {
        let sql = "SELECT (page_count - freelist_count) * page_size
                   FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        let bytes = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        bytes.map(|bytes| u64::try_from(bytes).unwrap_or(0)).map_err(|error| self.failed(error))
    }

    /// Begins the transaction that all further reading is part of.
    pub(super) fn begin(&self) -> Result<(), SnapshotError> {
        self.require_wanted()?;
        if self.connection.is_autocommit() {
            // A copy could not be made with it.
            let begin = "PRAGMA query_only = true; BEGIN";
            self.connection.execute_batch(begin).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Ends work that the user does not want any more. SQLite asks only in long work.
    fn require_wanted(&self) -> Result<(), SnapshotError> {
        if self.cancel.is_asked() { Err(SnapshotError::Interrupted) } else { Ok(()) }
    }

    /// Whether a server ran when the snapshot was opened.
    pub(super) fn is_beside_server(&self) -> bool {
        self.traces.is_some()
    }

    /// Whether the tables are those of an older version of this program.
    pub(super) fn is_older(&self) -> bool {
        self.version < Schema::PRESENT.version()
    }

    pub(super) fn failed(&self, source: rusqlite::Error) -> SnapshotError {
        SnapshotError::of_source(&self.path, source, &self.cancel)
    }
}

/// Refuses files that are no database of this program, before SQLite opens them.
fn check_files(directory: &Path, path: &Path, known: u32) -> Result<(), SqliteOpenError> {
    match check_header(path, known) {
        Ok(Presence::Present) => Ok(()),
        Ok(Presence::Absent) => Err(SqliteOpenError::NoStore { path: directory.to_owned() }),
        Err(SqliteOpenError::Directory { path, source }) => {
            Err(SqliteOpenError::Unreadable { path, source })
        }
        Err(error) => Err(error),
    }
}

fn unreadable(path: &Path, source: io::Error) -> SqliteOpenError {
    SqliteOpenError::Unreadable { path: path.to_owned(), source }
}

/// Finds out whether a server runs. Makes no file.
fn neighbour(directory: &Path) -> io::Result<Neighbour> {
    let lock = match fs::File::open(directory.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Neighbour::Nobody(None));
        }
        Err(error) => return Err(error),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Neighbour::Nobody(Some(lock))),
        Err(fs::TryLockError::WouldBlock) => Ok(Neighbour::Server),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Opens the database beside the server that uses it.
fn open_shared(path: &Path) -> Result<Connection, SqliteOpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| failure(path, source);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    Ok(connection)
}

/// Opens the database of a server that does not run.
fn open_alone(path: &Path) -> Result<(Connection, Option<Scratch>), SqliteOpenError> {
    let main = wal_state::of_main_file(path);
    let log = header::look_at_log(path).map_err(|source| unreadable(path, source))?;
    match log {
        Log::Missing if main.is_some_and(|state| state.is_open) => {
            return Err(SqliteOpenError::NoLog { path: path.to_owned() });
        }
        Log::Missing | Log::Empty => {
            let opened = wal_state::open_immutable(path);
            return Ok((opened.map_err(|source| failure(path, source))?, None));
        }
        Log::Bytes(_) => {}
    }
    match fs::OpenOptions::new().read(true).write(true).open(path) {
        // Closed before SQLite locks it: closing a file gives up all locks of the process on it.
        Ok(file) => drop(file),
        Err(_) => return open_copy(path, main, log),
    }
    Ok((open_with_log(path, main, log)?, None))
}

/// Opens a database whose server was killed, without moving its log. The log's index stays in
/// memory, which SQLite does only for a connection that may write.
fn open_with_log(
    path: &Path,
    main: Option<WalState>,
    log: Log,
) -> Result<Connection, SqliteOpenError> {
    let failed = |source| failure(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    // Another command may be at it.
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    keep_log(&connection, true).map_err(failed)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    check_log(path, &connection, main, log)?;
    Ok(connection)
}

/// As [`open_with_log`], in a copy, for files that cannot be written to.
fn open_copy(
    path: &Path,
    main: Option<WalState>,
    log: Log,
) -> Result<(Connection, Option<Scratch>), SqliteOpenError> {
    let place = std::env::temp_dir();
    let scratch =
        Scratch::make_in(&place, "correio").map_err(|source| unreadable(&place, source))?;
    let copy = scratch.path().join(DATABASE);
    let copied = fs::copy(path, &copy)
        .and_then(|_| fs::copy(header::log_of(path), header::log_of(&copy)))
        .and_then(|_| make_writable(&copy).and_then(|()| make_writable(&header::log_of(&copy))));
    copied.map_err(|source| unreadable(&place, source))?;
    Ok((open_with_log(&copy, main, log)?, Some(scratch)))
}

fn make_writable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// The settings for reading a database that may be damaged or hostile.
fn prepare(connection: &mut Connection, cancel: &Cancel) -> rusqlite::Result<()> {
    watch(connection, cancel)?;
    connection.set_prepared_statement_cache_capacity(16);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    // A copy that is being made is not synced; the file that it goes into is.
    connection.pragma_update(None, "synchronous", "OFF")
}

fn watch(connection: &mut Connection, cancel: &Cancel) -> rusqlite::Result<()> {
    let cancel = cancel.clone();
    connection.progress_handler(STEPS, Some(move || cancel.is_asked()))
}

/// Lets the copy give room back (`room.rs`) whatever version made the database, which stays as it
/// is: it was made with another setting, and SQLite writes the setting only where it fits.
fn give_room_back(connection: &Connection) -> rusqlite::Result<()> {
    let present: u32 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    match present {
        0 => connection.pragma_update(None, "auto_vacuum", "INCREMENTAL"),
        _ => Ok(()),
    }
}

/// Marks a copy as closed in order: a server may have the source open.
fn close_copy(copy: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    wal_state::end_copy(&connection)
}
