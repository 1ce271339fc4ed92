//! Tests of programs that use the database of a running server through SQLite.

use std::{fs, path::Path};

use correio_proto::message::Reply;
use correio_server::sysexits;
use rusqlite::{Connection, OpenFlags};

use crate::daemon::{Daemon, listening, login, mail, refused};

/// A backup reads one state of the database for as long as it takes. When it is closed, SQLite must
/// not take it for the last user of the log.
#[test]
fn another_program_can_read_the_database_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    let path = directory.path().join("correio.db");
    let count = "SELECT count(*) FROM mail";
    let other = Connection::open(&path).unwrap();
    let counted = || other.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap();
    other.execute_batch("BEGIN").unwrap();
    assert_eq!(counted(), 0);
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    assert_eq!(counted(), 0, "the state of its beginning");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(counted(), 1);
    drop(other);
    assert!(directory.path().join("correio.db-wal").exists());
    assert!(matches!(tony.ask(mail(2, "tony")), Reply::Sent { .. }));
    assert_eq!(tony.fetch().mails.len(), 2);
}

/// The server's tables in memory follow such a change.
#[test]
fn a_change_by_another_program_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    for number in 1..=3 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    let other = Connection::open(directory.path().join("correio.db")).unwrap();
    other.execute_batch("DELETE FROM mail WHERE seq = (SELECT min(seq) FROM mail)").unwrap();
    other.execute_batch("UPDATE account SET full_name = 'Anthony Stark'").unwrap();
    drop(other);
    assert_eq!(tony.fetch().mails.len(), 2);
    assert!(matches!(tony.ask(mail(4, "tony")), Reply::Sent { .. }));
    let mails = tony.fetch().mails;
    assert_eq!(mails[2].from_name.to_string(), "Anthony Stark");
    assert_eq!(daemon.stop().code(), Some(0));
}

/// Stops a server with a mail that a program, which opened the database like this, does not see in
/// the transaction that it has begun before. Then the program ends.
fn stop_while_read(directory: &Path, flags: OpenFlags) {
    let log = directory.join("log");
    let daemon = Daemon::start(directory, &["--log-file", log.to_str().unwrap()]);
    let mut tony = daemon.session("tony");
    let reader = Connection::open_with_flags(directory.join("correio.db"), flags).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM mail").unwrap();
    assert!(matches!(tony.ask(mail(1, "tony")), Reply::Sent { .. }));
    drop(tony);
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(fs::read_to_string(log).unwrap().contains("store.wal_left"));
    drop(reader);
}

fn mails_of_tony(daemon: &Daemon) -> usize {
    let mut tony = daemon.client();
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    tony.fetch().mails.len()
}

#[test]
fn a_reader_over_the_end_of_the_server_leaves_what_the_next_start_needs() {
    let directory = tempfile::tempdir().unwrap();
    stop_while_read(directory.path(), OpenFlags::SQLITE_OPEN_READ_ONLY);
    assert_eq!(mails_of_tony(&Daemon::start(directory.path(), &[])), 1);
}

/// SQLite moves the log of the ended server into the file and deletes it.
#[test]
fn after_a_program_that_may_write_the_refused_start_says_how_to_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correio.db");
    stop_while_read(directory.path(), OpenFlags::SQLITE_OPEN_READ_WRITE);
    let (status, said) = refused(listening(directory.path()));
    assert_eq!(status, Some(i32::from(sysexits::CONFIG)), "{said}");
    assert!(said.contains("store.wal_left"), "{said}");
    let advice = "UPDATE wal_state SET is_open = 0";
    assert!(said.contains(advice), "{said}");
    Connection::open(&file).unwrap().execute_batch(advice).unwrap();
    assert_eq!(mails_of_tony(&Daemon::start(directory.path(), &[])), 1);
}
