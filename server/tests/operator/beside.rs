//! Tests of the commands beside a running server, and beside another process that writes to the
//! database.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
};

use correio_proto::{
    mail::{Mail, Seq},
    message::Reply,
};
use correio_server::{cancel::Cancel, store::sqlite::SqliteSnapshot};
use rusqlite::{Connection, params};

use super::{done, mails, make, names, run, text};
use crate::daemon::{Daemon, eventually, listening, login, mail};

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
        let columns = "id, sender, sender_name, recipients, sent_at, subject, body";
        let sql = &format!(
            "INSERT INTO mail (seq, account, {columns})
             SELECT ?1, 1, {columns} FROM mail WHERE seq = 1"
        );
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

/// Makes backups until the count of mails grew during one of them: writing goes on meanwhile. A
/// backup may be over before the disk has synced once.
fn a_backup_that_mails_pass(data: &Path, count: &AtomicI64) {
    let file = data.with_extension("tar.gz");
    eventually(|| {
        let before = count.load(Ordering::SeqCst);
        done(data, &["backup", "--force", text(&file)]);
        // One more may have been under way before.
        count.load(Ordering::SeqCst) > before + 1
    });
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
            let new = directory.path().join(round.to_string());
            done(&new, &["restore", text(&file)]);
            let (last, count) = last_and_count(&new);
            assert!((earliest..=latest).contains(&last), "{earliest} {last} {latest}");
            assert_eq!(last - first, count - before, "a prefix of what was committed");
        }
        a_backup_that_mails_pass(&data, &committed);
        let output = done(&data, &["check"]);
        assert!(output.contains("is whole: 2 accounts"), "{output}");
        let output = done(&data, &["export", "pepper", text(&directory.path().join("out"))]);
        assert!(output.contains("5 mails of 1 account"), "{output}");
    });
}

/// The numbers of the mails to pepper in a directory without a server.
fn numbers_in(data: &Path) -> Vec<u64> {
    let snapshot = SqliteSnapshot::open(data, &Cancel::default()).unwrap();
    let mut reader = snapshot.reader().unwrap();
    let pepper = reader.account(&"pepper".parse().unwrap()).unwrap().unwrap();
    let (mut numbers, mut after) = (Vec::new(), Seq(0));
    loop {
        let page = reader.page(pepper, after).unwrap();
        let Some(last) = page.last() else { return numbers };
        after = last.seq;
        // `daemon::mail` writes the number of a mail into its subject.
        let number = |mail: &Mail| mail.subject.as_str()["Mail ".len()..].parse::<u64>().unwrap();
        numbers.extend(page.iter().map(number));
    }
}

/// SQLite leaves two files where a connection that only reads is the last one.
#[test]
fn a_command_that_outlasts_the_server_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let before = names(directory.path());
    let lock = fs::File::options().write(true).open(directory.path().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let snapshot = SqliteSnapshot::open(directory.path(), &Cancel::default()).unwrap();
    assert_eq!(names(directory.path()).len(), before.len() + 2);
    drop(lock);
    drop(snapshot);
    assert_eq!(names(directory.path()), before);
}

#[test]
fn a_running_server_is_backed_up_up_to_one_moment_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let daemon = Daemon::start(&data, &["--mails-per-hour", "0", "--mailbox-mails", "1000000"]);
    let mut tony = daemon.session("tony");
    daemon.session("pepper");
    let (acknowledged, is_over) = (AtomicI64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let _over = Over(&is_over);
        let (acknowledged, is_over) = (&acknowledged, &is_over);
        scope.spawn(move || {
            for number in 1.. {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let sent = tony.ask(mail(number, "pepper"));
                assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
                acknowledged.store(number as i64, Ordering::SeqCst);
            }
        });
        eventually(|| acknowledged.load(Ordering::SeqCst) > 100);
        for round in 0..4 {
            let file = directory.path().join(format!("{round}.tar.gz"));
            let earliest = acknowledged.load(Ordering::SeqCst);
            done(&data, &["backup", text(&file)]);
            let latest = acknowledged.load(Ordering::SeqCst) + 1;
            let new = directory.path().join(round.to_string());
            done(&new, &["restore", text(&file)]);
            let numbers = numbers_in(&new);
            let last = numbers.len() as u64;
            assert!(
                (earliest as u64..=latest as u64).contains(&last),
                "{earliest} {last} {latest}"
            );
            assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "a prefix of what was sent");
        }
        a_backup_that_mails_pass(&data, acknowledged);
        let output = done(&data, &["check"]);
        assert!(output.contains("is whole: 2 accounts"), "{output}");
        let output = done(&data, &["export", "pepper", text(&directory.path().join("out"))]);
        assert!(output.contains("of 1 account"), "{output}");
    });
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(names(&data), ["correio.db", "lock"], "nothing stays beside the database");
}

/// Servers stop and start while commands are at work: a command succeeds, or says that the
/// directory is in use, and so does a server.
#[test]
fn servers_and_commands_come_and_go_beside_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let (data, file) = (directory.path().join("data"), directory.path().join("b.tar.gz"));
    make(&data);
    let is_over = AtomicBool::new(false);
    let (mut made, mut started) = (0, 0);
    thread::scope(|scope| {
        let over = Over(&is_over);
        let commands = scope.spawn(|| {
            let mut made = 0;
            while !is_over.load(Ordering::SeqCst) {
                let (status, _, error) = run(&data, &["backup", "--force", text(&file)]);
                assert!(matches!(status, Some(0 | 69)), "{status:?}: {error}");
                made += usize::from(status == Some(0));
                let (status, output, error) = run(&data, &["check"]);
                assert!(matches!(status, Some(0 | 69)), "{status:?}: {output}{error}");
            }
            made
        });
        let mut tries = 0;
        eventually(|| {
            tries += 1;
            let mut server = listening(&data);
            server.stderr(Stdio::piped());
            match Daemon::try_spawn_aloud(server) {
                Ok(daemon) => {
                    started += 1;
                    assert_eq!(daemon.stop().code(), Some(0));
                }
                Err((status, error)) => {
                    assert_eq!(status.code(), Some(69), "{error}");
                    assert!(error.contains("is using the data directory"), "{error}");
                }
            }
            tries >= 30 && started >= 5
        });
        drop(over);
        made = commands.join().unwrap();
    });
    assert!(made > 0 && started > 0, "{made} backups, {started} starts");
    // A server that stopped beside a command left its log; nothing else stays.
    Daemon::start(&data, &[]).stop();
    assert_eq!(names(&data), ["correio.db", "invite.key", "lock", "tls.pem"]);
    let new = directory.path().join("new");
    done(&new, &["restore", text(&file)]);
    assert_eq!(last_and_count(&new).1, 15);
}

/// A backup may take longer than several restarts. The log cannot begin anew meanwhile.
#[test]
fn a_server_starts_again_and_again_while_another_program_reads() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let mut daemon = Daemon::start(data, &[]);
    daemon.session("tony");
    let reader = Connection::open(data.join("correio.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM mail").unwrap();
    for number in 0..5 {
        let mut tony = daemon.client();
        assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
        drop(tony);
        // Stopped in order, and killed.
        match number % 2 {
            0 => assert_eq!(daemon.stop().code(), Some(0)),
            _ => drop(daemon),
        }
        daemon = Daemon::start(data, &[]);
        assert_eq!(mails(&daemon, "tony").len() as u64, number + 1);
    }
    drop(reader);
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(mails(&Daemon::start(data, &[]), "tony").len(), 5);
}
