//! Tests of damaged databases: damage is refused at the start or ends the store, but is never
//! returned as an answer and never causes a panic.

use std::{fs, path::Path};

use correio_proto::mail::Seq;
use correio_server::{
    ids::{AccountId, Ticket},
    store::{
        StoreDone, StoreJob,
        sqlite::{SqliteOpenError, SqliteOptions, SqliteStore},
    },
};
use rusqlite::Connection;

use super::{
    files::{
        DATABASE, copy_files, make_database, open_later, refusal, refused, unchanged, with_sql,
    },
    support::{
        Harness, PATIENCE, QUOTA, ROOMY, delete, find, read, send, send_large, upload, waker,
        whole_mailbox,
    },
};

#[test]
fn a_checkpoint_cut_short_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let open = |path: &Path| Harness::sqlite_with(path, ROOMY, SqliteOptions::default());
    let mut harness = open(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", &"x".repeat(400_000)));
    let (copy, whole) = (copy_files(directory.path()), copy_files(directory.path()));
    open(whole.path()).close();
    let whole = fs::read(whole.path().join(DATABASE)).unwrap();
    // The first page is there with the number of pages to come, the others are not yet.
    let path = copy.path().join(DATABASE);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() + 300_000 < whole.len());
    bytes[28..32].copy_from_slice(&whole[28..32]);
    fs::write(&path, bytes).unwrap();
    let mut other = open(copy.path());
    assert_eq!(other.fetch(tony), harness.fetch(tony));
}

#[test]
fn a_damaged_byte_anywhere_is_refused_or_reported_but_never_a_panic() {
    const STRIDE: usize = 251;
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "tony,pepper", &"x".repeat(900)));
    harness.close();
    let whole = fs::read(directory.path().join(DATABASE)).unwrap();
    let (mut refused, mut failed) = (0, 0);
    for at in (0..whole.len()).step_by(STRIDE) {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join(DATABASE);
        let mut bytes = whole.clone();
        bytes[at] ^= 0x81;
        fs::write(&path, bytes).unwrap();
        let (wake, woken) = waker();
        let store =
            match SqliteStore::open(copy.path(), QUOTA, SqliteOptions::default(), wake.clone()) {
                Ok(store) => store,
                Err(error) => {
                    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                    refused += 1;
                    continue;
                }
            };
        let mut harness = Harness::around(Box::new(store), (wake, woken));
        let jobs = [
            find("tony"),
            whole_mailbox(pepper),
            send(tony, 1, "tony,pepper", "x"),
            send(tony, 2, "tony,pepper", "x"),
            delete(tony),
        ];
        // Every answer comes in time: no caller waits for a thread that has ended.
        let ran: Result<Vec<_>, _> = jobs.into_iter().map(|job| harness.try_run(job)).collect();
        if let Err(error) = ran {
            assert!(!error.to_string().contains("panicked"), "at {at}: {error}");
            failed += 1;
        }
    }
    assert!(refused > 0 && failed > 0, "{refused} refused, {failed} failed");
}

#[test]
fn a_stored_value_that_is_damaged_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    harness.close();
    with_sql(&directory.path().join(DATABASE), "UPDATE mail SET sender = '../x'");
    let mut harness = Harness::sqlite(directory.path());
    let fetch = StoreJob::Fetch { account: tony, after: Seq(0), mails: 1, bytes: 1 };
    assert_eq!(fails_for_good(&mut harness, fetch), []);
}

#[test]
fn a_database_that_lacks_a_part_is_refused_by_its_name() {
    for (kind, name) in [
        ("table", "meta"),
        ("table", "account"),
        ("table", "mail"),
        ("table", "verdict"),
        ("table", "used_invite"),
        ("table", "mailbox"),
        ("table", "wal_state"),
        ("index", "verdict_age"),
        ("table", "content"),
        ("index", "mail_content"),
        ("table", "upload"),
        ("index", "upload_age"),
        ("table", "piece"),
        ("table", "dropped"),
    ] {
        let error = refusal(|path| with_sql(path, &format!("DROP {kind} {name}")));
        assert!(matches!(error, SqliteOpenError::Damaged { .. }), "{name}: {error}");
        assert!(error.to_string().contains(&format!("{kind} {name}")), "{error}");
    }
}

/// A missing part is found before the schema is upgraded, not by the step that needs the part.
#[test]
fn an_older_database_that_lacks_a_part_is_refused_by_its_name() {
    for (kind, name) in
        [("table", "meta"), ("table", "account"), ("table", "mail"), ("index", "verdict_age")]
    {
        let directory = tempfile::tempdir().unwrap();
        make_database(directory.path());
        with_sql(&directory.path().join(DATABASE), &format!("DROP {kind} {name}"));
        let error = unchanged(directory.path(), || open_later(directory.path()).err().unwrap());
        assert!(matches!(error, SqliteOpenError::Damaged { .. }), "{name}: {error}");
        assert!(error.to_string().contains(&format!("{kind} {name}")), "{error}");
    }
}

/// The log that contains the damage is left unchanged, too.
#[test]
fn a_part_that_is_missing_by_the_log_is_refused_alike() {
    let origin = tempfile::tempdir().unwrap();
    make_database(origin.path());
    let other = Connection::open(origin.path().join(DATABASE)).unwrap();
    other.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    other.execute_batch("DROP TABLE verdict").unwrap();
    let copy = copy_files(origin.path());
    let error = refused(copy.path());
    assert!(matches!(error, SqliteOpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("table verdict"), "{error}");
}

/// The index has a mail twice as soon as the memtable is flushed.
#[test]
fn an_index_that_disagrees_with_the_memtable_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { memtable_mails: 1, ..SqliteOptions::default() };
    make_database(directory.path());
    // The mails of the next server have numbers from here on.
    let sql = "INSERT INTO mailbox (account, seq)
               WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT 10)
               SELECT 1, reserved + n FROM meta, number";
    with_sql(&directory.path().join(DATABASE), sql);
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, options);
    let tony = harness.find("tony");
    assert_eq!(fails_for_good(&mut harness, send(tony, 1, "tony", "x")), []);
}

/// SQLite stores any bytes as a text; the store refuses a text that is not UTF-8.
#[test]
fn a_text_that_is_no_utf_8_stops_the_store() {
    let tony = AccountId(1);
    let send_another = || send(tony, 2, "tony", "x");
    for (column, job) in [
        ("account.full_name", find("tony")),
        ("account.hash", find("tony")),
        ("account.hash", delete(tony)),
        ("account.username", send_another()),
        ("account.full_name", send_another()),
        ("mail.sender", whole_mailbox(tony)),
        ("mail.sender_name", whole_mailbox(tony)),
        ("mail.recipients", whole_mailbox(tony)),
        ("mail.subject", whole_mailbox(tony)),
        ("mail.body", whole_mailbox(tony)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut harness = Harness::sqlite(directory.path());
        assert_eq!(harness.account("tony"), tony);
        harness.run(send(tony, 1, "tony", "x"));
        harness.close();
        let (table, name) = column.split_once('.').unwrap();
        let sql = format!("UPDATE {table} SET {name} = CAST(x'ff' AS TEXT)");
        with_sql(&directory.path().join(DATABASE), &sql);
        let answer = fails_for_good(&mut Harness::sqlite(directory.path()), job);
        assert_eq!(answer, [], "{column}");
    }
}

/// Requires that a job ends the store, and returns what it answered nevertheless.
fn fails_for_good(harness: &mut Harness, job: StoreJob) -> Vec<(Ticket, StoreDone)> {
    harness.submit(job);
    harness.woken.recv_timeout(PATIENCE).unwrap();
    let mut done = Vec::new();
    assert!(harness.store.as_mut().unwrap().collect(&mut done).is_err(), "{done:?}");
    // No further job is answered.
    harness.submit(find("nobody"));
    assert!(harness.store.take().unwrap().close(&mut done).is_err());
    done
}

/// Missing bytes of a content are never told as its end.
#[test]
fn a_content_that_lacks_bytes_stops_the_store() {
    for sql in [
        "DELETE FROM piece WHERE position = 0",
        "DELETE FROM piece WHERE position > 0",
        "DELETE FROM piece",
        "UPDATE piece SET bytes = x'00' WHERE position = 0",
        "DELETE FROM content",
        "UPDATE content SET size = 70000000",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        for part in [0..100_000, 100_000..150_000] {
            harness.run(upload(tony, 1, 150_000, part));
        }
        harness.run(send_large(tony, 1, "tony", 150_000));
        let mail = harness.fetch(tony)[0].reference();
        harness.close();
        with_sql(&directory.path().join(DATABASE), sql);
        let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
        assert_eq!(fails_for_good(&mut harness, read(tony, mail, 0)), [], "{sql}");
    }
}

#[test]
fn a_damaged_value_that_recipients_share_stops_the_store() {
    for (change, large) in [
        ("sender = '../x'", false),
        ("sender_name = CAST(x'ff' AS TEXT)", true),
        ("recipients = ''", false),
        ("subject = CAST(x'ff' AS TEXT)", true),
        ("body = CAST(x'ff' AS TEXT)", false),
        ("size = 0", true),
        ("size = 70000000", true),
        ("id = 999", true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
        let (tony, _) = (harness.account("tony"), harness.account("pepper"));
        match large {
            true => {
                harness.run(upload(tony, 1, 100, 0..100));
                harness.run(send_large(tony, 1, "tony,pepper", 100));
            }
            false => {
                harness.run(send(tony, 1, "tony,pepper", &"x".repeat(100_000)));
            }
        }
        harness.close();
        with_sql(&directory.path().join(DATABASE), &format!("UPDATE content SET {change}"));
        let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
        assert_eq!(fails_for_good(&mut harness, whole_mailbox(tony)), [], "{change}");
    }
}
