//! Tests of programs that use the database of a running store through SQLite.

use std::{path::Path, sync::MutexGuard};

use correio_proto::mail::{Content, Mail, MailRef};
use correio_server::{
    ids::AccountId,
    store::{StoreJob, sqlite::SqliteOptions},
};
use rusqlite::{Connection, OpenFlags};

use super::{
    files::DATABASE,
    support::{Harness, ROOMY, Woken, is_sent, send},
};

/// Mails of a megabyte that are deleted first: less room than the store gives back by itself.
const DELETED: u64 = 24;

/// Mails of a megabyte that stay, in the last pages of the file.
const KEPT: u64 = 16;

/// Further mails of which one ends a part of the log, at most. They take the first free pages.
const MORE: usize = 16;

fn megabyte(tony: AccountId, number: u64) -> StoreJob {
    send(tony, number, "tony", &format!("{number:08}").repeat(1 << 17))
}

fn roomy(directory: &Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

/// Makes a store with much room before its mails, all in the main file.
fn prepare(directory: &Path) {
    let mut harness = roomy(directory);
    let tony = harness.account("tony");
    for number in 0..DELETED + KEPT {
        assert!(is_sent(&harness.run(megabyte(tony, number))));
    }
    let mails = harness.fetch(tony);
    let deleted: Vec<MailRef> = mails.iter().take(DELETED as usize).map(Mail::reference).collect();
    assert_eq!(u64::from(harness.confirm(tony, deleted)), DELETED);
    harness.close();
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The contents of all mails, as this program reads them. The database must be whole.
fn contents(connection: &Connection) -> Vec<Content> {
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    let mut bodies = connection.prepare("SELECT body FROM mail ORDER BY seq").unwrap();
    let bodies = bodies.query_map([], |row| row.get::<_, String>(0)).unwrap();
    bodies.map(|body| body.unwrap().parse().unwrap()).collect()
}

/// Gives all free pages back, as SQLite's shell does.
fn give_pages_back(connection: &Connection) {
    let mut pages = connection.prepare("PRAGMA incremental_vacuum").unwrap();
    let mut pages = pages.query([]).unwrap();
    while pages.next().unwrap().is_some() {}
}

/// Sends mails until the commit of one of them ends a part of the log. The store thread stays
/// before the part for as long as the guard lives.
fn stop_before_a_part<'a>(
    harness: &mut Harness,
    tony: AccountId,
    other: &Connection,
    wake: &'a Woken,
) -> MutexGuard<'a, ()> {
    for mail in (DELETED + KEPT..).take(MORE) {
        let gate = wake.close_gate();
        assert!(is_sent(&harness.run(megabyte(tony, mail))));
        if number(other, "SELECT pages FROM wal_state") > 0 {
            return gate;
        }
    }
    panic!("no part has ended");
}

/// The reader lets the checkpoint thread move the whole part, and needs pages after the end that
/// the database has by then.
#[test]
fn a_reader_keeps_pages_that_another_program_gives_back_right_before_a_part_is_moved() {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    let mut harness = roomy(directory.path());
    let tony = harness.find("tony");
    let path = directory.path().join(DATABASE);
    // Read-only, as a backup is: the last connection that may write deletes the log.
    let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let wake = harness.wake.clone();
    let gate = stop_before_a_part(&mut harness, tony, &other, &wake);
    let expected = contents(&other);
    reader.execute_batch("BEGIN; SELECT count(*) FROM mail").unwrap();
    let before = number(&other, "PRAGMA page_count");
    give_pages_back(&other);
    let left = number(&other, "PRAGMA page_count");
    assert!(left < before - 1024, "{left} of {before} pages are left");
    drop(other);
    drop(gate);
    // The store waits for the checkpoint thread.
    harness.close();
    assert!(contents(&reader) == expected, "the reader");
    drop(reader);
    let mut harness = roomy(directory.path());
    assert!(harness.fetch(tony).into_iter().map(|mail| mail.content).eq(expected.clone()));
    harness.close();
    assert!(contents(&Connection::open(&path).unwrap()) == expected);
}
