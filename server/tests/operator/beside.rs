//! Tests of the commands beside another process that has the lock and writes to the database.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
};

use rusqlite::{Connection, params};

use super::{done, make, text};

/// Writes mails to tony in the place of a server, each in a transaction with its entry in the index
/// and the account's counts: a copy of two moments would not agree with itself.
struct Writer<'a> {
    connection: Connection,
    _lock: fs::File,
    /// The number of the last mail that is committed.
    committed: &'a AtomicI64,
}

impl<'a> Writer<'a> {
    fn open(data: &Path, committed: &'a AtomicI64) -> Self {
        let lock = fs::File::options().write(true).open(data.join("lock")).unwrap();
        lock.try_lock().unwrap();
        let connection = Connection::open(data.join("correio.db")).unwrap();
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
                       PRAGMA wal_autocheckpoint = 50;
                       UPDATE wal_state SET is_open = 1, number = number + 1;
                       UPDATE meta SET reserved = 1000000000";
        connection.execute_batch(pragmas).unwrap();
        Self { connection, _lock: lock, committed }
    }

    fn write(&mut self) {
        let seq = self.committed.load(Ordering::SeqCst) + 1;
        let transaction = self.connection.transaction().unwrap();
        let sql = "INSERT INTO mail SELECT ?1, 1, id, sender, sender_name, recipients, sent_at,
                          subject, body FROM mail WHERE seq = 1";
        transaction.execute(sql, [seq]).unwrap();
        transaction.execute("INSERT INTO mailbox VALUES (1, ?1)", [seq]).unwrap();
        let sql = "UPDATE account SET mails = mails + 1, bytes = bytes + (SELECT
                   octet_length(subject) + octet_length(body) FROM mail WHERE seq = ?1)
                   WHERE id = 1";
        transaction.execute(sql, [seq]).unwrap();
        transaction.execute("UPDATE meta SET indexed = ?1", params![seq]).unwrap();
        transaction.commit().unwrap();
        self.committed.store(seq, Ordering::SeqCst);
    }
}

/// Ends the writer however the test ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The number of the last mail in a data directory, and how many mails it has.
fn last_and_count(data: &Path) -> (i64, i64) {
    let connection = Connection::open(data.join("correio.db")).unwrap();
    let sql = "SELECT max(seq), count(*) FROM mail";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn a_backup_beside_a_writer_has_all_that_was_committed_before_it_up_to_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    make(&data);
    let (first, before) = last_and_count(&data);
    let (committed, is_over) = (AtomicI64::new(first), AtomicBool::new(false));
    thread::scope(|scope| {
        let mut writer = Writer::open(&data, &committed);
        let _over = Over(&is_over);
        let is_over = &is_over;
        scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                writer.write();
            }
        });
        for round in 0..4 {
            let file = directory.path().join(format!("{round}.tar.gz"));
            let earliest = committed.load(Ordering::SeqCst);
            done(&data, &["backup", text(&file)]);
            let latest = committed.load(Ordering::SeqCst) + 1;
            assert!(latest > earliest + 1, "nothing was held up");
            let new = directory.path().join(round.to_string());
            done(&new, &["restore", text(&file)]);
            let (last, count) = last_and_count(&new);
            assert!((earliest..=latest).contains(&last), "{earliest} {last} {latest}");
            assert_eq!(last - first, count - before, "a prefix of what was committed");
        }
        let output = done(&data, &["check"]);
        assert!(output.contains("is whole: 2 accounts"), "{output}");
        let output = done(&data, &["export", "pepper", text(&directory.path().join("out"))]);
        assert!(output.contains("5 mails of 1 account"), "{output}");
    });
}
