//! Ties the database file to its write-ahead log (WAL). A copy without its log, or with another
//! log, is refused, because acknowledged mail would be missing.
//!
//! SQLite takes a main file without a log for a whole database. The row in the table `wal_state`
//! therefore says whether a server has the database open, and numbers the logs: the first
//! transaction of each new log writes the next number, and a checkpoint carries it into the main
//! file with the other changes. So the main file, read by itself, has the number of its log or of
//! the log before.
//!
//! A log is moved in several parts. The last transaction of each part notes how far the part goes,
//! and a new log begins with the last note of the log before. So a main file that was copied
//! between two parts is told from the one that the next log continues.

use std::{fmt::Write, os::unix::ffi::OsStrExt, path::Path};

use rusqlite::{Connection, OpenFlags};

/// The row of the table `wal_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WalState {
    /// Whether a server has opened the database and not closed it properly since: it needs its log.
    pub(super) is_open: bool,
    /// The number of the log.
    number: i64,
    /// Database pages in the log at the end of the last part that is moved.
    pages: u64,
    /// `pages` at the end of the log before; `None` if an earlier version began the log.
    since: Option<u64>,
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
        let is_next = of_log.number == self.number.saturating_add(1);
        is_whole || (is_next && of_log.since.is_none_or(|since| since == self.pages))
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
    // Asked for by its name: the names of the columns of a damaged database may be no text.
    let sql = "SELECT count(*) FROM pragma_table_info('wal_state') WHERE name = 'since'";
    let has_since: bool = connection.query_row(sql, [], |row| row.get(0))?;
    let since = if has_since { "since" } else { "NULL" };
    let sql = format!("SELECT is_open, number, pages, {since} FROM wal_state");
    connection.query_row(&sql, [], |row| {
        let since: Option<u32> = row.get(3)?;
        Ok(WalState {
            is_open: row.get(0)?,
            number: row.get(1)?,
            pages: row.get::<_, u32>(2)?.into(),
            since: since.map(u64::from),
        })
    })
}

/// Marks the database as open, and a new log as begun.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET is_open = 1, number = number + 1, since = pages, pages = 0";
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Marks the database as open in a log that a server before has begun, whatever its version.
pub(super) fn go_on(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE wal_state SET is_open = 1", []).map(drop)
}

/// As [`begin`], in a database of version 1.
pub(super) fn begin_before_version_2(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET is_open = 1, number = number + 1, pages = 0";
    connection.execute(sql, []).map(drop)
}

/// Notes how many pages of the log the checkpoint after this transaction moves.
pub(super) fn moving(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET pages = ?1";
    connection.prepare_cached(sql)?.execute([pages]).map(drop)
}

/// Marks a copy as closed, whatever its version. It has no log, and its source may be open.
pub(super) fn end_copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE wal_state SET is_open = 0", []).map(drop)
}

/// Marks the database as closed, in a log that is begun for it. A checkpoint must follow.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET is_open = 0, number = number + 1, since = pages, pages = 0";
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
