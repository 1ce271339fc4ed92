//! Why a SQLite store cannot be opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::fatal::is_without_room;
use crate::{
    data_directory::{self, DATABASE},
    sysexits,
};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum SqliteOpenError {
    #[error("cannot use the data directory {}: {source}; {}", path.display(), data_directory::advice(source))]
    Directory { path: PathBuf, source: io::Error },
    #[error("another server, or a command such as `correiod backup`, is using the data directory {}; stop it or wait for it, or choose another directory with --data-dir", path.display())]
    InUse { path: PathBuf },
    #[error("{} is not a correio database; it was left as it is: move it away, or choose another directory with --data-dir", path.display())]
    Foreign { path: PathBuf },
    #[error("there is no {DATABASE} in the data directory {}: name that of the server with --data-dir", path.display())]
    NoStore { path: PathBuf },
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("there is no store in the data directory {}, and create-store is never: is its volume mounted? To begin with an empty store there, start the server once with --create-store auto", path.display())]
    Missing { path: PathBuf },
    #[error("{}/{key} exists but {DATABASE} beside it is missing: put the database back from a backup, or start the server once with --create-store always to begin with an empty store", path.display())]
    Lost { path: PathBuf, key: &'static str },
    #[error("{} was written by a newer correio (schema {found}, this one knows up to {known}); it was left as it is: run the newer program", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{} is damaged ({reason}); it was left as it is: put a backup in its place", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} was not closed by its server and its log {}-wal is missing: it was copied while the server ran, or the log was taken away. It was left as it was: copy the directory of a server that is stopped, or put a backup in its place. To go on with what the file has, without the accounts and mail that came last: sqlite3 {} 'UPDATE wal_state SET is_open = 0'. Nothing is missing if the server's last messages have store.wal_left and {}-wal disappeared when another program closed the file", path.display(), path.display(), path.display(), path.display())]
    NoLog { path: PathBuf },
    #[error("{} and its write-ahead log {}-wal do not belong together: they were copied at different moments while the server ran. They were left as they were: copy the directory of a server that is stopped, or put a backup in their place", path.display(), path.display())]
    OtherLog { path: PathBuf },
    #[error("{} is the unfinished copy of another store: `correiod migrate` with the same --from and --to goes on with it; or move it away", path.display())]
    Unfinished { path: PathBuf },
    #[error("a change of {} was cut off by the end of its program: start the server once, or repeat `correiod migrate`, which takes the change back", path.display())]
    CutOff { path: PathBuf },
    #[error("{} cannot be written to; give this user the right to", path.display())]
    ReadOnly { path: PathBuf },
    #[error("there is no room on the disk of {}, not even for the files that a server shares the database with; make room and start again", path.display())]
    NoRoom { path: PathBuf },
    #[error("there is no room on the disk of {} to upgrade its schema, which needs twice the bytes of its large contents; nothing was changed: make room and start again", path.display())]
    NoRoomToUpgrade { path: PathBuf },
    #[error("cannot open {}: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("the system gives no random bytes: {detail}")]
    Random { detail: String },
    #[error("cannot start the store thread: {source}")]
    Thread { source: io::Error },
}

impl SqliteOpenError {
    /// The exit status of a server whose store cannot be opened, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::InUse { .. } => sysexits::UNAVAILABLE,
            Self::Directory { .. } | Self::Unreadable { .. } | Self::ReadOnly { .. } => {
                sysexits::NO_PERMISSION
            }
            Self::NoRoom { .. } | Self::NoRoomToUpgrade { .. } => sysexits::IO,
            Self::Foreign { .. }
            | Self::Missing { .. }
            | Self::NoStore { .. }
            | Self::Lost { .. }
            | Self::NoLog { .. }
            | Self::OtherLog { .. }
            | Self::Newer { .. }
            | Self::Unfinished { .. }
            | Self::CutOff { .. }
            | Self::Damaged { .. }
            | Self::Sqlite { .. } => sysexits::CONFIG,
            Self::Thread { .. } | Self::Random { .. } => sysexits::OS,
        }
    }
}

/// Maps an error of SQLite to the error whose text tells the operator what to do.
pub(super) fn failure(path: &Path, source: rusqlite::Error) -> SqliteOpenError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, NotADatabase, ReadOnly};
    let path = path.to_owned();
    if is_without_room(&source) {
        return SqliteOpenError::NoRoom { path };
    }
    match source.sqlite_error_code() {
        Some(DatabaseCorrupt) => SqliteOpenError::Damaged { path, reason: source.to_string() },
        Some(NotADatabase) => SqliteOpenError::Foreign { path },
        Some(ReadOnly) => SqliteOpenError::ReadOnly { path },
        Some(DatabaseBusy) => SqliteOpenError::InUse { path },
        _ => match source {
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..) => {
                SqliteOpenError::Damaged { path, reason: source.to_string() }
            }
            source => SqliteOpenError::Sqlite { path, source },
        },
    }
}
