//! The table `migration`, which marks a database that `correiod migrate` has not finished: no
//! server serves it.

use std::{ffi::OsString, fs, path::Path};

use rusqlite::{Connection, Result};

use super::wal_state::open_immutable;

/// Makes the table. `step` and `position` say how far the copy has come.
pub(super) const MAKE: &str = "
    CREATE TABLE migration (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        step INTEGER NOT NULL,
        position BLOB NOT NULL
    ) STRICT;
    INSERT INTO migration VALUES (1, 0, X'');
";

/// Whether a database has the table.
pub(super) fn is_in(connection: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema
                              WHERE type = 'table' AND name = 'migration')";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Whether a file has the table, as far as the file alone shows: a copy has no write-ahead log.
/// Leaves the file and those beside it as they are.
pub(super) fn is_in_file(path: &Path) -> bool {
    open_immutable(path).and_then(|db| is_in(&db)).unwrap_or(false)
}

/// Whether a copy that was killed has left its rollback journal. Until that is rolled back, the
/// file alone shows nothing.
pub(super) fn has_journal(path: &Path) -> bool {
    let mut name = OsString::from(path);
    name.push("-journal");
    fs::metadata(name).is_ok_and(|journal| journal.len() > 0)
}
