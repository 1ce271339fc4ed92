//! Tests of programs that use the database of a running server through SQLite.

use correio_proto::message::Reply;

use crate::daemon::{Daemon, mail};

/// A backup reads one state of the database for as long as it takes. When it is closed, SQLite must
/// not take it for the last user of the log.
#[test]
fn another_program_can_read_the_database_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let mut tony = daemon.session("tony");
    let path = directory.path().join("correio.db");
    let count = "SELECT count(*) FROM mail";
    let other = rusqlite::Connection::open(&path).unwrap();
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
    let other = rusqlite::Connection::open(directory.path().join("correio.db")).unwrap();
    other.execute_batch("DELETE FROM mail WHERE seq = (SELECT min(seq) FROM mail)").unwrap();
    other.execute_batch("UPDATE account SET full_name = 'Anthony Stark'").unwrap();
    drop(other);
    assert_eq!(tony.fetch().mails.len(), 2);
    assert!(matches!(tony.ask(mail(4, "tony")), Reply::Sent { .. }));
    let mails = tony.fetch().mails;
    assert_eq!(mails[2].from_name.to_string(), "Anthony Stark");
    assert_eq!(daemon.stop().code(), Some(0));
}
