//! Copies, changes and compares the files in a store's directory.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path};

use correio_server::store::sqlite::{
    Schema, SchemaObject, SqliteOpenError, SqliteOptions, SqliteStore,
};
use correio_testing::store::unlocked;
use rusqlite::Connection;

use super::support::{Harness, QUOTA, waker};

pub const DATABASE: &str = "correio.db";
pub const LOG: &str = "correio.db-wal";

/// The file that a server holds locked, which stays when the server ends.
const LOCK: &str = "lock";

/// A made-up further version that makes a table anew with another column.
const MAIL_MADE_ANEW: &str = "
    CREATE TABLE next_mail (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        id BLOB NOT NULL,
        sender TEXT NOT NULL,
        sender_name TEXT NOT NULL,
        recipients TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        content INTEGER,
        message BLOB,
        texture BLOB,
        is_read INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO next_mail SELECT *, 0 FROM mail ORDER BY seq;
    DROP TABLE mail;
    ALTER TABLE next_mail RENAME TO mail;
";

/// A made-up further version that makes a new table and drops an index.
const FOLDERS: &str = "
    DROP INDEX verdict_age;
    CREATE TABLE folder (account INTEGER NOT NULL, name TEXT NOT NULL) STRICT;
    INSERT INTO folder SELECT id, 'inbox' FROM account;
";

/// The version of the schema of this program.
pub fn present() -> u32 {
    Schema::PRESENT.version()
}

/// The schema with two made-up further versions.
fn later_schema() -> Schema {
    let last = present() + 2;
    Schema {
        steps: [Schema::PRESENT.steps, &[MAIL_MADE_ANEW, FOLDERS]].concat().leak(),
        objects: Box::leak(Box::new([
            SchemaObject::new("table", "meta"),
            SchemaObject::new("table", "account"),
            SchemaObject::new("table", "mail"),
            SchemaObject { until: last - 1, ..SchemaObject::new("index", "verdict_age") },
            SchemaObject { since: last, ..SchemaObject::new("table", "folder") },
        ])),
    }
}

pub fn open(directory: &Path) -> Result<SqliteStore, SqliteOpenError> {
    SqliteStore::open(directory, QUOTA, SqliteOptions::default(), waker().0)
}

/// Opens a directory as a made-up later version of the program does.
pub fn open_later(directory: &Path) -> Result<Harness, SqliteOpenError> {
    let (wake, woken) = waker();
    let options = SqliteOptions::default();
    let schema = later_schema();
    let open = || SqliteStore::open_with_schema(directory, QUOTA, options, wake.clone(), &schema);
    let store = unlocked(open)?;
    Ok(Harness::around(Box::new(store), (wake, woken)))
}

/// The version of a database's schema.
pub fn version_of(path: &Path) -> u32 {
    let connection = Connection::open(path).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Changes a database as an administrator could with SQLite's own shell. Leaves nothing in its log.
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

/// The number in a log's header that is another one in each new log.
pub fn salt_of(directory: &Path) -> [u8; 8] {
    fs::read(directory.join(LOG)).unwrap()[16..24].try_into().unwrap()
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

/// Makes a database as the first version of the program has left it: a mail that is in the index of
/// mailboxes, and one that is not.
pub fn make_version_1(directory: &Path) {
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(Schema::PRESENT.steps[0]).unwrap();
    let rows = "
        INSERT INTO meta VALUES (1, x'0102030405060708090a0b0c0d0e0f10', 65536, 1);
        INSERT INTO account VALUES (1, 'tony', 'Tony Stark', 'h', zeroblob(16), 1, 2);
        INSERT INTO mail SELECT value, 1, unhex('0000000000007000800000000000000' || value),
            'tony', 'Tony Stark', 'tony', 1000 + value, 's', 'x' FROM json_each('[1, 2]');
        INSERT INTO mailbox VALUES (1, 1);
        INSERT INTO verdict SELECT id, 1, zeroblob(16), sent_at FROM mail;
        PRAGMA application_id = 0x636f7272;
        PRAGMA user_version = 1;
    ";
    connection.execute_batch(rows).unwrap();
}

/// Makes a database as the second version of the program has left it: texts in rows of their own, a
/// text that two mails share, a content in pieces, and an upload. The first mail is in the index of
/// mailboxes.
pub fn make_version_2(directory: &Path) {
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(Schema::PRESENT.steps[0]).unwrap();
    connection.execute_batch(Schema::PRESENT.steps[1]).unwrap();
    let rows = "
        INSERT INTO meta (only, realm, reserved, indexed)
            VALUES (1, x'0102030405060708090a0b0c0d0e0f10', 65536, 1);
        INSERT INTO account VALUES
            (1, 'tony', 'Tony Stark', 'h', zeroblob(16), 1, 2),
            (2, 'pepper', 'Pepper Potts', 'h', zeroblob(16), 0, 0);
        INSERT INTO mail SELECT value, 1, unhex('0000000000007000800000000000000' || value),
            'tony', 'Tony Stark', 'tony', 1000 + value, 's', 'x', NULL FROM json_each('[1, 2]');
        INSERT INTO mailbox VALUES (1, 1);
        INSERT INTO content VALUES
            (3, 'tony', 'Tony Stark', 'tony, pepper', 1003, 's', NULL, NULL, NULL, 'shared'),
            (5, 'tony', 'Tony Stark', 'tony', 1005, 's', 6, zeroblob(32), 1, NULL);
        INSERT INTO mail SELECT value, value - 2, unhex('00000000000070008000000000000003'),
            '', '', '', 0, '', '', 3 FROM json_each('[3, 4]');
        INSERT INTO mail VALUES
            (5, 1, unhex('00000000000070008000000000000005'), '', '', '', 0, '', '', 5);
        INSERT INTO upload VALUES (2, 1, unhex('00000000000070008000000000000006'), 9, 2, 1000);
        INSERT INTO piece VALUES (1, 0, x'616263646566'), (2, 0, x'0102');
        INSERT INTO verdict SELECT DISTINCT id, 1, zeroblob(16), sent_at FROM mail;
        PRAGMA application_id = 0x636f7272;
        PRAGMA user_version = 2;
    ";
    connection.execute_batch(rows).unwrap();
}

/// The step to the third version, as its programs had it, with the index of names that they kept.
/// Written out, so that a change of the program's own step is found.
const VERSION_3: &str = "
    ALTER TABLE mail ADD COLUMN message BLOB
        CHECK (message IS NULL OR body = '' AND content IS NULL);
    ALTER TABLE content ADD COLUMN message BLOB CHECK (message IS NULL OR body = '');
    ALTER TABLE content ADD COLUMN is_message INTEGER NOT NULL DEFAULT 0
        CHECK (is_message = 0 OR is_message = 1 AND pieces IS NOT NULL);
    CREATE VIRTUAL TABLE directory USING fts5 (
        username, full_name, tokenize = 'trigram case_sensitive 1'
    );
    INSERT INTO directory (directory, rank) VALUES ('secure-delete', 1);
    INSERT INTO directory (rowid, username, full_name)
        SELECT id, username, lower(full_name) FROM account;
    CREATE TABLE list (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        senders INTEGER NOT NULL,
        membership INTEGER NOT NULL,
        members INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE list_member (
        list INTEGER NOT NULL,
        username TEXT NOT NULL,
        account INTEGER NOT NULL,
        role INTEGER NOT NULL,
        PRIMARY KEY (list, username)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX list_member_account ON list_member (account, role, list);
    INSERT INTO list (name, title, senders, membership, members)
        SELECT 'everybody', 'Everybody · Todos', 0, 1, (SELECT count(*) FROM account)
        WHERE NOT EXISTS (SELECT 1 FROM account WHERE username = 'everybody');
    PRAGMA user_version = 3;
";

/// Makes a database as a program of the third version has left it: a list with a member.
pub fn make_version_3(directory: &Path) {
    make_version_2(directory);
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    connection.execute_batch(VERSION_3).unwrap();
    let rows = "
        INSERT INTO list (id, name, title, senders, membership, members)
            VALUES (7, 'turma', 'Turma', 1, 0, 1);
        INSERT INTO list_member VALUES (7, 'pepper', 2, 0);
    ";
    connection.execute_batch(rows).unwrap();
}

/// Makes a database as the fourth version of the program has left it: an account with a recovery
/// code.
pub fn make_version_4(directory: &Path) {
    make_version_3(directory);
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    connection.execute_batch(Schema::PRESENT.steps[3]).unwrap();
    let rows = "
        UPDATE account SET code = zeroblob(32), code_expires_at = 2000 WHERE username = 'pepper';
        PRAGMA user_version = 4;
    ";
    connection.execute_batch(rows).unwrap();
}

/// Makes a database as the sixth version of the program has left it.
pub fn make_version_6(directory: &Path) {
    make_version_4(directory);
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    for step in &Schema::PRESENT.steps[4..6] {
        connection.execute_batch(step).unwrap();
    }
    connection.pragma_update(None, "user_version", 6).unwrap();
}

/// Opens a directory, which must be refused. See [`unchanged`].
pub fn refused(directory: &Path) -> SqliteOpenError {
    unchanged(directory, || unlocked(|| open(directory)).unwrap_err())
}

/// Checks that a refusal says where it happened and leaves every file as it is.
pub fn unchanged(directory: &Path, refuse: impl FnOnce() -> SqliteOpenError) -> SqliteOpenError {
    let before = snapshot(directory);
    let error = refuse();
    let after = snapshot(directory);
    assert!(after.keys().eq(before.keys()), "{error}: {:?}", after.keys());
    for (name, bytes) in before {
        assert!(after[&name] == bytes, "{error}: {} was changed", name.display());
    }
    assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
    error
}

/// As [`refused`], with a database of ours that was changed by `change`.
pub fn refusal(change: impl Fn(&Path)) -> SqliteOpenError {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    change(&directory.path().join(DATABASE));
    refused(directory.path())
}
