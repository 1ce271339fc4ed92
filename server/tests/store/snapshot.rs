//! Tests of reading a database as of one moment: the files stay as they are, and a copy is whole.

use std::{fs, path::Path};

use correio_proto::mail::{Mail, Seq};
use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::sqlite::{
        Checked, Schema, SnapshotError, SqliteOpenError, SqliteOptions, SqliteSnapshot,
    },
};

use rusqlite::Connection;

use super::{
    files::{DATABASE, LOG, copy_files, make_database, open, snapshot, unchanged, with_sql},
    support::{Harness, ROOMY, everything, is_sent, send},
};

fn opened(directory: &Path) -> SqliteSnapshot {
    SqliteSnapshot::open(directory, &Cancel::default()).unwrap()
}

fn error(directory: &Path) -> SqliteOpenError {
    unchanged(directory, || SqliteSnapshot::open(directory, &Cancel::default()).unwrap_err())
}

/// Every mail of an account, as an export reads it.
fn mails(snapshot: &SqliteSnapshot, username: &str) -> Vec<Mail> {
    let mut reader = snapshot.reader().unwrap();
    let account = reader.account(&username.parse().unwrap()).unwrap().unwrap();
    let mut mails: Vec<Mail> = Vec::new();
    loop {
        let after = mails.last().map_or(Seq(0), |mail| mail.seq);
        let page = reader.page(account, after).unwrap();
        if page.is_empty() {
            return mails;
        }
        mails.extend(page);
    }
}

/// A store with mails in the index, mails in the memtable, and text of a deleted mail.
fn filled(directory: &Path) -> (Harness, AccountId) {
    let options = SqliteOptions { memtable_mails: 200, ..SqliteOptions::default() };
    let mut harness = Harness::sqlite_with(directory, ROOMY, options);
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let text = format!("deleted text {}", "x".repeat(50_000));
    assert!(is_sent(&harness.run(send(pepper, 9000, "pepper", &text))));
    assert_eq!(harness.confirm_all(pepper), 1);
    let sends = (0..450).map(|number| send(tony, number, "tony,pepper", "text")).collect();
    assert!(harness.run_together(sends).iter().all(is_sent));
    // A flush comes after the answers: once another job is done, it is over.
    harness.find("tony");
    assert!(is_sent(&harness.run(send(tony, 999, "tony", "last"))));
    (harness, tony)
}

#[test]
fn a_stopped_store_is_read_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (mut harness, tony) = filled(directory.path());
    let expected = harness.fetch(tony);
    harness.close();
    let before = snapshot(directory.path());
    let mut found = opened(directory.path());
    let copy = tempfile::tempdir().unwrap();
    found.copy_to(&copy.path().join(DATABASE), |_| ()).unwrap();
    let checked = found.check(|_| ()).unwrap();
    assert_eq!((checked.accounts, checked.mails, checked.findings), (2, 901, vec![]));
    assert_eq!(mails(&found, "tony"), expected);
    drop(found);
    assert!(snapshot(directory.path()) == before);
}

#[test]
fn a_killed_store_is_read_with_its_log_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (mut harness, tony) = filled(directory.path());
    let killed = copy_files(directory.path());
    let before = snapshot(killed.path());
    let mut found = opened(killed.path());
    let copy = tempfile::tempdir().unwrap();
    found.copy_to(&copy.path().join(DATABASE), |_| ()).unwrap();
    assert_eq!(found.check(|_| ()).unwrap().findings, []);
    assert_eq!(mails(&found, "tony"), harness.fetch(tony));
    drop(found);
    assert!(snapshot(killed.path()) == before);
}

/// A server begins the log when it starts, and may be killed before it has written anything.
#[test]
fn a_store_that_was_killed_before_its_first_commit_is_read_and_opens() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let begun = copy_files(directory.path());
    assert!(fs::read(begun.path().join(LOG)).unwrap().is_empty());
    // The first commit, cut off after its header, within a frame, and after one of its frames.
    harness.account("pepper");
    let log = fs::read(directory.path().join(LOG)).unwrap();
    assert!(log.len() > 2 * (24 + 4096));
    for length in [0, 20, 32, 32 + 24, 32 + 24 + 4096] {
        let killed = tempfile::tempdir().unwrap();
        fs::copy(begun.path().join(DATABASE), killed.path().join(DATABASE)).unwrap();
        fs::write(killed.path().join(LOG), &log[..length]).unwrap();
        reads_and_opens(killed.path(), &format!("{length} bytes"));
    }
    fs::remove_file(begun.path().join(LOG)).unwrap();
    assert!(matches!(error(begun.path()), SqliteOpenError::NoLog { .. }));
}

/// After a checkpoint of the whole log the main file has the note of its last part, and its log
/// may be shorter than the note says.
#[test]
fn a_store_that_was_killed_in_the_first_commit_after_a_whole_checkpoint_is_read_and_opens() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    let harness = Harness::sqlite(directory.path());
    let killed = copy_files(directory.path());
    drop(harness);
    let path = killed.path().join(DATABASE);
    with_sql(&path, "UPDATE wal_state SET pages = 50");
    let state = "SELECT is_open FROM wal_state WHERE pages = 50";
    let is_open: bool =
        Connection::open(&path).unwrap().query_row(state, [], |row| row.get(0)).unwrap();
    assert!(is_open);
    let other = tempfile::tempdir().unwrap();
    make_database(other.path());
    let mut harness = Harness::sqlite(other.path());
    harness.account("pepper");
    let log = fs::read(other.path().join(LOG)).unwrap();
    for length in [0, 32, 32 + 24 + 4096] {
        let again = tempfile::tempdir().unwrap();
        fs::copy(&path, again.path().join(DATABASE)).unwrap();
        fs::write(again.path().join(LOG), &log[..length]).unwrap();
        reads_and_opens(again.path(), &format!("{length} bytes"));
    }
}

/// Requires that a database is checked and copied without a trace, and that a server takes it.
fn reads_and_opens(directory: &Path, case: &str) {
    let before = snapshot(directory);
    let mut found = opened(directory);
    let copy = tempfile::tempdir().unwrap();
    found.copy_to(&copy.path().join(DATABASE), |_| ()).unwrap();
    assert_eq!(found.check(|_| ()).unwrap().findings, [], "{case}");
    assert_eq!(mails(&found, "tony"), [], "{case}");
    drop(found);
    assert!(snapshot(directory) == before, "{case}");
    let mut harness = Harness::sqlite(directory);
    harness.find("tony");
    harness.close();
    drop(opened(copy.path()));
}

#[test]
fn a_copy_is_closed_and_has_everything_but_deleted_text() {
    let directory = tempfile::tempdir().unwrap();
    let (mut harness, _) = filled(directory.path());
    let expected = everything(&mut harness);
    let killed = copy_files(directory.path());
    let mut found = opened(killed.path());
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join(DATABASE);
    found.copy_to(&path, |_| ()).unwrap();
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    assert!(text(&killed.path().join("correio.db-wal")).contains("deleted text"));
    assert!(!text(&path).contains("deleted text"));
    let of_copy = opened(copy.path());
    assert!(of_copy.is_closed().unwrap());
    assert_eq!((of_copy.realm(), of_copy.version()), (found.realm(), found.version()));
    assert_eq!(of_copy.check(|_| ()).unwrap().findings, []);
    drop(of_copy);
    let roomy = SqliteOptions::default();
    assert_eq!(everything(&mut Harness::sqlite_with(copy.path(), ROOMY, roomy)), expected);
}

/// Databases of the first versions keep the room of deleted mail; a copy gives it back.
#[test]
fn a_copy_of_an_older_database_can_give_room_back() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    let path = directory.path().join(DATABASE);
    with_sql(&path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
    let auto_vacuum = |path: &Path| -> u32 {
        let connection = Connection::open(path).unwrap();
        connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap()
    };
    assert_eq!(auto_vacuum(&path), 0);
    let before = snapshot(directory.path());
    let copy = tempfile::tempdir().unwrap();
    opened(directory.path()).copy_to(&copy.path().join(DATABASE), |_| ()).unwrap();
    assert_eq!((auto_vacuum(&path), auto_vacuum(&copy.path().join(DATABASE))), (0, 2));
    assert!(snapshot(directory.path()) == before, "the source is as it was");
    Harness::sqlite(copy.path()).find("tony");
}

#[test]
fn no_server_starts_while_a_stopped_store_is_read() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    let (one, two) = (opened(directory.path()), opened(directory.path()));
    for snapshot in [one, two] {
        assert!(matches!(open(directory.path()), Err(SqliteOpenError::InUse { .. })));
        drop(snapshot);
    }
    // A process that another test has just started may hold the lock for a moment.
    Harness::sqlite(directory.path()).find("tony");
}

#[test]
fn what_is_not_understood_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(error(directory.path()), SqliteOpenError::NoStore { .. }));
    let path = directory.path().join(DATABASE);
    fs::write(&path, "no database").unwrap();
    assert!(matches!(error(directory.path()), SqliteOpenError::Foreign { .. }));
    fs::remove_file(&path).unwrap();

    make_database(directory.path());
    with_sql(&path, "PRAGMA user_version = 99");
    assert!(matches!(error(directory.path()), SqliteOpenError::Newer { found: 99, .. }));
    let present = Schema::PRESENT.version();
    let open = format!("PRAGMA user_version = {present}; UPDATE wal_state SET is_open = 1");
    with_sql(&path, &open);
    assert!(matches!(error(directory.path()), SqliteOpenError::NoLog { .. }));
    with_sql(&path, "UPDATE wal_state SET is_open = 0; DROP TABLE verdict");
    let damaged = error(directory.path());
    assert!(matches!(damaged, SqliteOpenError::Damaged { .. }), "{damaged}");
}

#[test]
fn an_older_database_is_copied_and_only_its_pages_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    with_sql(&directory.path().join(DATABASE), "PRAGMA user_version = 0");
    let mut found = opened(directory.path());
    let copy = tempfile::tempdir().unwrap();
    found.copy_to(&copy.path().join(DATABASE), |_| ()).unwrap();
    let expected = Checked { is_older: true, ..Checked::default() };
    assert_eq!(opened(copy.path()).check(|_| ()).unwrap(), expected);
    assert!(matches!(found.reader(), Err(SnapshotError::Older { found: 0, .. })));
}

#[test]
fn a_signal_ends_a_copy_and_a_check() {
    let directory = tempfile::tempdir().unwrap();
    let (harness, _) = filled(directory.path());
    harness.close();
    let cancel = Cancel::default();
    let mut found = SqliteSnapshot::open(directory.path(), &cancel).unwrap();
    cancel.flag().store(2, std::sync::atomic::Ordering::Relaxed);
    let copy = tempfile::tempdir().unwrap();
    let copied = found.copy_to(&copy.path().join(DATABASE), |_| ());
    assert!(matches!(copied, Err(SnapshotError::Interrupted)), "{copied:?}");
    let checked = found.check(|_| ());
    assert!(matches!(checked, Err(SnapshotError::Interrupted)), "{checked:?}");
}
