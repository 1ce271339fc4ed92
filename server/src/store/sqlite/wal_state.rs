//! Ties the database file to its write-ahead log (WAL). A copy without its log, or with another
//! log, is refused, because acknowledged mail would be missing.
//!
//! SQLite takes a main file without a log for a whole database. The row in the table `wal_state`
//! therefore says whether a server has the database open, and numbers the logs: the first
//! transaction of each new log writes the next number, and a checkpoint carries it into the main
//! file with the other changes. So the main file, read by itself, has the number of its log or of
//! the log before.

use std::{fmt::Write, os::unix::ffi::OsStrExt, path::Path};

use rusqlite::{Connection, OpenFlags};

/// The row of the table `wal_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WalState {
    /// Whether a server has opened the database and not closed it properly since: it needs its log.
    pub(super) is_open: bool,
    /// The number of the log.
    number: i64,
    /// Database pages in the log at its last checkpoint.
    pages: u64,
}

impl WalState {
    /// Whether a main file with this state belongs to a log with the state `of_log` and room for
    /// `pages` pages.
    pub(super) fn belongs_to(self, of_log: Self, pages: u64) -> bool {
        // An earlier copy of the same log lacks pages that a checkpoint has moved since. It also
        // lacks the row with their number, which is written to the log before the checkpoint. The
        // size of the log's file alone tells nothing, since a new log reuses the file of the log
        // before.
        let has_note = of_log.pages >= self.pages;
        let is_whole = of_log.number == self.number && has_note && pages >= self.pages;
        is_whole || of_log.number == self.number.saturating_add(1)
    }
}

/// The state in the main file alone, without its log. `None` if it cannot be read, as in a new file
/// or after an interrupted checkpoint.
pub(super) fn of_main_file(path: &Path) -> Option<WalState> {
    read(&open_immutable(path).ok()?).ok()
}

/// Opens a main file that nobody changes, without its log. SQLite makes no file beside it.
pub(super) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(uri, "%{byte:02X}");
    }
    uri.push_str("?mode=ro&immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags)
}

/// The state as the connection sees it, log included.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<WalState> {
    connection.query_row("SELECT is_open, number, pages FROM wal_state", [], |row| {
        Ok(WalState {
            is_open: row.get(0)?,
            number: row.get(1)?,
            pages: row.get::<_, u32>(2)?.into(),
        })
    })
}

/// Marks the database as open, and a new log as begun.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET is_open = 1, number = number + 1, pages = 0";
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Writes how many pages of the log the next checkpoint moves.
pub(super) fn moving(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET pages = ?1";
    connection.prepare_cached(sql)?.execute([pages]).map(drop)
}

/// Marks the database as closed. A checkpoint must follow.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE wal_state SET is_open = 0")?.execute([]).map(drop)
}
