//! Opening the file: one server a directory, and nothing that is not understood is touched.

use std::{
    fs, io,
    io::Read,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use correio_proto::message::Realm;
use rusqlite::{Connection, MAIN_DB, OpenFlags, params};

use super::file::File;
use crate::store::Quota;

/// Name of the database in the data directory.
const DATABASE: &str = "correio.db";

/// Name of the file that a running server holds locked.
const LOCK: &str = "lock";

/// What SQLite keeps in the file's header to tell whose it is: "corr".
const APPLICATION_ID: i64 = 0x636f_7272;

/// The schema, as steps from one version to the next. A step is never changed, only followed.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        realm BLOB NOT NULL
    ) STRICT;
    CREATE TABLE account (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        username TEXT NOT NULL UNIQUE,
        full_name TEXT NOT NULL,
        hash TEXT NOT NULL,
        register_id BLOB NOT NULL,
        mails INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE mail (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL,
        id BLOB NOT NULL,
        sender TEXT NOT NULL,
        sender_name TEXT NOT NULL,
        recipients TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX mailbox ON mail (account);
    CREATE TABLE verdict (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        sender INTEGER NOT NULL,
        id BLOB NOT NULL,
        digest BLOB NOT NULL,
        sent_at INTEGER NOT NULL,
        UNIQUE (sender, id)
    ) STRICT;
"];

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages say what each is.
pub enum OpenError {
    #[error("cannot use the data directory {}: {source}; choose one that this user may write to with --data-dir", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("another server is using the data directory {}; stop it, or choose another directory with --data-dir", path.display())]
    InUse { path: PathBuf },
    #[error("{} is not a correio database; it was left as it is: move it away, or choose another directory with --data-dir", path.display())]
    Foreign { path: PathBuf },
    #[error("{} was written by a newer correio (schema {found}, this one knows up to {known}); it was left as it is: run the newer program", path.display())]
    Newer { path: PathBuf, found: i64, known: usize },
    #[error("{} is damaged ({reason}); it was left as it is: put a backup in its place", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} cannot be written to; give this user the right to", path.display())]
    ReadOnly { path: PathBuf },
    #[error("cannot open {}: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("cannot start the store thread: {source}")]
    Thread { source: io::Error },
}

/// Opens, or makes, the database of a directory.
pub(super) fn open(directory: &Path, quota: Quota) -> Result<(File, Realm), OpenError> {
    let cannot_use = |source| OpenError::Directory { path: directory.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot_use)?;
    let lock = take_lock(directory)?;
    let path = directory.join(DATABASE);
    check_header(&path)?;
    // Made here so that nobody else can read it, not even for a moment.
    let made = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    match made {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(OpenError::ReadOnly { path });
        }
        Err(error) => return Err(cannot_use(error)),
    }
    let failed = |source| failure(&path, source);
    let mut connection = connect(&path).map_err(failed)?;
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(OpenError::ReadOnly { path });
    }
    migrate(&path, &mut connection)?;
    let realm = realm(&path, &connection)?;
    Ok((File::new(connection, quota, lock), realm))
}

fn take_lock(directory: &Path) -> Result<fs::File, OpenError> {
    let path = directory.join(LOCK);
    let cannot_use = |source| OpenError::Directory { path: directory.to_owned(), source };
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(cannot_use)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse { path: directory.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(cannot_use(error)),
    }
}

/// Looks at the first bytes of a file that is there, before SQLite may do anything to it
/// (<https://www.sqlite.org/fileformat2.html>, section 1.3).
fn check_header(path: &Path) -> Result<(), OpenError> {
    let cannot_read = |source| OpenError::Directory { path: path.to_owned(), source };
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return no_orphan(path),
        Err(error) => return Err(cannot_read(error)),
    };
    let length = file.metadata().map_err(cannot_read)?.len();
    if length == 0 {
        return no_orphan(path);
    }
    let mut header = [0; 100];
    let is_database =
        file.read_exact(&mut header).is_ok() && header.starts_with(b"SQLite format 3\0");
    if !is_database {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let number = |at: usize| {
        header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
    };
    let (page_size, pages) = (number(16) >> 16, number(28));
    let page_size = if page_size == 1 { 65_536 } else { u64::from(page_size) };
    // A checkpoint that was cut short leaves a file that has not grown yet; the log beside it has
    // everything, and SQLite puts it in its place.
    let has_log = has_log(path);
    if !has_log && length < page_size * u64::from(pages) {
        let reason = "it is shorter than it says".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    Ok(())
}

/// Refuses to make a database beside a log that belongs to one: SQLite would throw it away.
fn no_orphan(path: &Path) -> Result<(), OpenError> {
    if has_log(path) {
        let reason = "it is missing or empty, but its log is there".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    Ok(())
}

fn has_log(path: &Path) -> bool {
    fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0)
}

/// SQLite's write-ahead log of a database.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Exclusive: this process is alone, so the log's index lives in its own memory.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: the log is synced at every commit. That is what an acknowledgement stands on.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite's own checkpoints swallow their errors; ours do not (file.rs).
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 128 << 20)?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let failed = |source| failure(path, source);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let done = usize::try_from(version).ok().filter(|done| *done <= MIGRATIONS.len());
    let Some(done) = done else {
        let known = MIGRATIONS.len();
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known });
    };
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done) {
        // All of a step or nothing, its version included.
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        if index == 0 {
            let sql = "INSERT INTO meta (only, realm) VALUES (1, ?1)";
            transaction.execute(sql, params![random()?]).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        }
        let version = i64::try_from(index + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", version).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

fn random() -> Result<[u8; 16], OpenError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| OpenError::Thread { source: io::Error::other(error.to_string()) })?;
    Ok(bytes)
}

fn realm(path: &Path, connection: &Connection) -> Result<Realm, OpenError> {
    connection
        .query_row("SELECT realm FROM meta", [], |row| row.get(0).map(Realm))
        .map_err(|source| failure(path, source))
}

/// Sorts SQLite's errors by what a person has to do.
fn failure(path: &Path, source: rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, NotADatabase, ReadOnly};
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(DatabaseCorrupt) => OpenError::Damaged { path, reason: source.to_string() },
        Some(NotADatabase) => OpenError::Foreign { path },
        Some(ReadOnly) => OpenError::ReadOnly { path },
        Some(DatabaseBusy) => OpenError::InUse { path },
        _ => match source {
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..) => {
                OpenError::Damaged { path, reason: source.to_string() }
            }
            source => OpenError::Sqlite { path, source },
        },
    }
}
