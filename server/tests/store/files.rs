//! The directory of a store as files: copied, changed behind the store's back, and compared.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path};

use correio_server::store::sqlite::{OpenError, SqliteOptions, SqliteStore};
use rusqlite::Connection;

use super::support::{Harness, QUOTA, waker};

pub const DATABASE: &str = "correio.db";
pub const LOG: &str = "correio.db-wal";

/// What stays behind a server whatever it did: the file that it holds locked.
const LOCK: &str = "lock";

/// Takes a database back to the first version of its schema.
pub const TO_VERSION_1: &str = "
     DROP INDEX verdict_age;
     DROP TABLE used_invite;
     ALTER TABLE verdict RENAME TO later;
     CREATE TABLE verdict (
         number INTEGER PRIMARY KEY AUTOINCREMENT,
         sender INTEGER NOT NULL,
         id BLOB NOT NULL,
         digest BLOB NOT NULL,
         sent_at INTEGER NOT NULL,
         UNIQUE (sender, id)
     ) STRICT;
     INSERT INTO verdict (sender, id, digest, sent_at)
         SELECT sender, id, zeroblob(32), sent_at FROM later;
     DROP TABLE later;
     DROP TABLE mailbox;
     ALTER TABLE mail RENAME TO later;
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
     INSERT INTO mail SELECT * FROM later;
     DROP TABLE later;
     CREATE INDEX mailbox ON mail (account);
     ALTER TABLE meta DROP COLUMN reserved;
     ALTER TABLE meta DROP COLUMN indexed;
     DROP TABLE log_state;
     PRAGMA user_version = 1";

pub fn open(directory: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory, QUOTA, SqliteOptions::default(), waker().0)
}

/// Changes a database as somebody with SQLite's own shell could. Nothing stays in its log.
pub fn with_sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Copies the database and its log, as another process would find them if this one ended now.
pub fn copy_files(from: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in [DATABASE, LOG] {
        fs::copy(from.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// The files of a directory, but for the lock: names and bytes.
pub fn snapshot(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != LOCK)
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// Makes the database of a server that was stopped, with one account.
pub fn make_database(directory: &Path) {
    let mut harness = Harness::sqlite(directory);
    harness.account("tony");
    harness.close();
}

/// Opens a directory that is to be refused, and checks that the refusal says where it happened
/// and leaves every file as it is.
pub fn refused(directory: &Path) -> OpenError {
    let before = snapshot(directory);
    let error = open(directory).unwrap_err();
    let after = snapshot(directory);
    assert!(after.keys().eq(before.keys()), "{error}: {:?}", after.keys());
    for (name, bytes) in before {
        assert!(after[&name] == bytes, "{error}: {} was changed", name.display());
    }
    assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
    error
}

/// As [`refused`], with a database of ours that was changed by `change`.
pub fn refusal(change: impl Fn(&Path)) -> OpenError {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    change(&directory.path().join(DATABASE));
    refused(directory.path())
}
