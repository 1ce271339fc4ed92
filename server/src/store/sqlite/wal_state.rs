//! Ties the database file to its write-ahead log (WAL): a copy without its WAL, or with another
//! one, is refused, because acknowledged mail would be missing.
//!
//! SQLite takes a main file without a log for a whole database. A row in the database therefore
//! says whether a server has it open, and numbers the logs: each log that begins anew has the next
//! number in its first transaction, which a checkpoint carries into the main file with the rest.
//! So the main file, read by itself, has the number of its log or of the log before.

use std::{fmt::Write, os::unix::ffi::OsStrExt, path::Path};

use rusqlite::{Connection, OpenFlags};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WalState {
    /// Whether the database was opened and not closed in order: its log belongs to it then.
    pub(super) is_open: bool,
    /// The number of the log.
    number: i64,
    /// Pages that the log had when it was last moved into the main file.
    pages: u64,
}

impl WalState {
    /// Whether a main file with this state belongs to a log that says `of_log` and has room for so
    /// many pages.
    pub(super) fn belongs_to(self, of_log: Self, pages: u64) -> bool {
        // The main file has what this log had, of which an earlier copy of it lacks the end: the
        // note of the pages that were moved, which stands in the log before they are. The file's
        // size alone does not tell, since a log that begins anew keeps the room of the one before.
        let has_note = of_log.pages >= self.pages;
        let is_whole = of_log.number == self.number && has_note && pages >= self.pages;
        is_whole || of_log.number == self.number.saturating_add(1)
    }
}

/// The state in the main file alone, whatever its log says. `None` where it has none or cannot be
/// read, as in an older schema or in the midst of a checkpoint.
pub(super) fn of_main_file(path: &Path) -> Option<WalState> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        write!(uri, "%{byte:02X}").ok()?;
    }
    // Nothing is made beside a file that is said to be immutable, and no log of it is read.
    uri.push_str("?mode=ro&immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    read(&Connection::open_with_flags(uri, flags).ok()?).ok()
}

/// The state as the log has it, or the main file where the log does not.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<WalState> {
    connection.query_row("SELECT is_open, number, pages FROM wal_state", [], |row| {
        Ok(WalState {
            is_open: row.get(0)?,
            number: row.get(1)?,
            pages: row.get::<_, u32>(2)?.into(),
        })
    })
}

/// Notes that a server has the database open, and that its log has begun anew.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET is_open = 1, number = number + 1, pages = 0";
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Notes how many pages of the log are about to be moved into the main file.
pub(super) fn moving(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let sql = "UPDATE wal_state SET pages = ?1";
    connection.prepare_cached(sql)?.execute([pages]).map(drop)
}

/// Notes that the database is closed once the log is in the main file.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE wal_state SET is_open = 0")?.execute([]).map(drop)
}
