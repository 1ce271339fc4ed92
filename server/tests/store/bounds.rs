//! Tests of bounds besides the queue: steps of work, and the memory of the memory store.

use std::{
    fs,
    time::{Duration, Instant},
};

use correio_proto::mail::{Mail, MailRef, Piece, Timestamp};
use correio_server::store::{
    Quota, StoreDone, StoreJob, memory::MemoryLimits, sqlite::SqliteOptions,
};

use correio_simulation::store::PRUNE_STEP;
use correio_testing::wait::eventually;
use rusqlite::{Connection, TransactionBehavior};

use super::{
    files::{DATABASE, LOG, salt_of},
    support::{
        Harness, PATIENCE, ROOMY, content, create, delete, find, id, is_sent, send, send_large,
        upload,
    },
};

#[test]
fn idempotency_records_are_pruned_in_bounded_steps() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        let tony = harness.account("tony");
        let sends = (0..2500).map(|number| send(tony, number, "tony", "x")).collect();
        assert!(harness.run_together(sends).iter().all(is_sent));
        let before = Timestamp(1000 + 2345);
        let mut forgotten = 0;
        // Ten are more than enough for any step worth the name.
        let steps = (1..=10).find(|_| {
            match harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before }) {
                StoreDone::Pruned { records, more, .. } => {
                    forgotten += records;
                    !more
                }
                other => panic!("{other:?}"),
            }
        });
        assert!(steps.is_some());
        assert_eq!(forgotten, 2345);
    }
}

#[test]
fn a_memory_store_that_is_full_says_so_and_changes_nothing() {
    let limits = MemoryLimits { accounts: 2, bytes: 40, records: 4, ..MemoryLimits::default() };
    let unavailable = |done: StoreDone| matches!(done, StoreDone::Unavailable(_));
    let mut harness = Harness::memory_with(ROOMY, limits);
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert!(unavailable(harness.run(create(1, "bruce", "h"))));
    assert_eq!(harness.run(find("bruce")), StoreDone::Account(None));
    // The store keeps the names of deleted accounts.
    let mut other = Harness::memory_with(ROOMY, limits);
    for username in ["tony", "pepper"] {
        let account = other.account(username);
        other.run(delete(account));
    }
    assert!(unavailable(other.run(create(1, "bruce", "h"))));

    // Twice 19 bytes and a subject: all there is.
    let body = "x".repeat(19);
    assert!(is_sent(&harness.run(send(tony, 1, "tony,pepper", &body))));
    assert!(unavailable(harness.run(send(tony, 2, "pepper", "x"))));
    assert_eq!(harness.fetch(pepper).len(), 1);
    harness.confirm_all(pepper);
    let again = harness.run(send(tony, 2, "pepper", &body));
    assert!(is_sent(&again), "it left no record: {again:?}");
    harness.run(delete(pepper));
    assert!(is_sent(&harness.run(send(tony, 3, "tony", &body))));

    harness.confirm_all(tony);
    assert!(is_sent(&harness.run(send(tony, 4, "tony", "x"))));
    assert!(unavailable(harness.run(send(tony, 5, "tony", "x"))));
    harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before: Timestamp(1002) });
    assert!(is_sent(&harness.run(send(tony, 5, "tony", "x"))));
}

/// `more` is exact, even after a full step: the server prunes again if it is set.
#[test]
fn a_step_that_prunes_the_last_record_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::oracle(ROOMY),
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        let tony = harness.account("tony");
        // Two whole steps, and one idempotency record that is kept.
        let step = u64::try_from(PRUNE_STEP).unwrap();
        let sends = (0..=2 * step).map(|number| send(tony, number, "tony", "x")).collect();
        assert!(harness.run_together(sends).iter().all(is_sent));
        let before = Timestamp(1000 + 2 * step);
        let steps: Vec<_> = (0..3)
            .map(|_| harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before }))
            .collect();
        let pruned = |records, more| StoreDone::Pruned { uploads: 0, records, more };
        assert_eq!(steps, [pruned(1000, true), pruned(1000, false), pruned(0, false)]);
    }
}

#[test]
fn large_mails_do_not_make_the_log_grow_without_end() {
    const MAILS: u64 = 400;
    const GROUP: u64 = 20;
    const LOG_MAX: u64 = 64 << 20;
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let body = "x".repeat(1 << 20);
    for first in (0..MAILS).step_by(usize::try_from(GROUP).unwrap()) {
        let sends = (first..first + GROUP).map(|number| send(tony, number, "tony", &body));
        assert!(harness.run_together(sends.collect()).iter().all(is_sent));
        let log = fs::metadata(directory.path().join(LOG)).unwrap().len();
        assert!(log < LOG_MAX, "{log} bytes of log after {} mails", first + GROUP);
    }
    assert_eq!(u64::from(harness.record("tony").waiting()), MAILS);
    let database = fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    assert!(database > (MAILS << 20) - LOG_MAX, "{database} bytes: the mails are elsewhere");
}

/// A backup reads one state for as long as it takes. Until it ends, the log has to keep what came
/// later.
#[test]
fn a_reader_makes_the_log_grow_and_its_end_cuts_the_log_back() {
    const LOG_MAX: u64 = 64 << 20;
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let body = "x".repeat(1 << 20);
    let mut numbers = 0..400;
    let mut send_one = |harness: &mut Harness| {
        let number = numbers.next().expect("fewer mails would do");
        assert!(is_sent(&harness.run(send(tony, number, "tony", &body))));
    };
    let log = || fs::metadata(directory.path().join(LOG)).unwrap().len();
    send_one(&mut harness);
    let first_log = salt_of(directory.path());
    let reader = Connection::open(directory.path().join(DATABASE)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM mail").unwrap();
    while log() < LOG_MAX + (32 << 20) {
        send_one(&mut harness);
    }
    assert_eq!(salt_of(directory.path()), first_log);
    reader.execute_batch("COMMIT").unwrap();
    while salt_of(directory.path()) == first_log {
        send_one(&mut harness);
    }
    assert!(log() <= LOG_MAX, "{} bytes of log", log());
}

/// Half of the mails that stay were sent last, so that their pages have to be moved.
#[test]
fn room_that_deleted_mail_has_left_is_given_back() {
    const MAILS: u64 = 100;
    const SMALL: u64 = 40 << 20;
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let database = || fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    // The second time, other jobs go on meanwhile.
    for first in [0, 1000] {
        let sends = (first..first + MAILS).map(|number| {
            let body = number.to_string().repeat(1 << 18);
            send(tony, number, "tony", &body)
        });
        for sent in sends {
            assert!(is_sent(&harness.run(sent)));
        }
        let mails = harness.fetch(tony);
        let (kept, deleted): (Vec<_>, Vec<_>) =
            (0..).zip(&mails).partition(|(at, _)| at % 8 == 0 || *at > MAILS - 8);
        let deleted: Vec<MailRef> = deleted.iter().map(|(_, mail)| mail.reference()).collect();
        assert_eq!(harness.confirm(tony, deleted.clone()) as usize, deleted.len());
        eventually(|| {
            if first > 0 {
                harness.find("tony");
            }
            database() < SMALL
        });
        let kept: Vec<Mail> = kept.into_iter().map(|(_, mail)| mail.clone()).collect();
        assert_eq!(harness.fetch(tony), kept);
        harness.confirm_all(tony);
    }
    harness.close();
    let connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    let found: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}

/// Uploads, sends, receives and confirms contents of so many pieces, one after the other. Returns
/// the rows of pieces in the database right after it.
fn come_and_go(piece: u64, pieces: u64, contents: u64) -> u64 {
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let parts: Vec<(u64, Piece)> = (0..pieces)
        .map(|at| at * piece)
        .map(|offset| (offset, content(0, offset..offset + piece).as_slice().try_into().unwrap()))
        .collect();
    let size = piece * pieces;
    for number in 1..=contents {
        for (offset, bytes) in &parts {
            let uploaded = harness.run(StoreJob::Upload {
                account: tony,
                id: id(number),
                size: size.try_into().unwrap(),
                offset: *offset,
                bytes: bytes.clone(),
                now: Timestamp(1000),
            });
            assert_eq!(uploaded, StoreDone::Uploaded { staged: offset + piece });
        }
        assert!(is_sent(&harness.run(send_large(tony, number, "tony", size))));
        harness.confirm_all(tony);
    }
    let connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    let left: i64 =
        connection.query_row("SELECT count(*) FROM piece", [], |row| row.get(0)).unwrap();
    left.try_into().unwrap()
}

#[test]
fn pieces_that_nothing_names_do_not_pile_up_while_further_ones_come() {
    let left = come_and_go(256 << 10, 8, 60);
    assert!(left <= 24, "{left} of 480");
    let left = come_and_go(150_000, 1, 200);
    assert!(left <= 4, "{left} of 200");
}

#[test]
fn deletions_go_on_after_another_program_has_written_although_no_job_comes() {
    const PIECE: u64 = 256 << 10;
    const SIZE: u64 = 40 * PIECE;
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let mut other = Connection::open(directory.path().join(DATABASE)).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    let rows = |connection: &Connection| {
        let count = "SELECT count(*) FROM piece";
        connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for number in 1.. {
        for start in (0..SIZE).step_by(PIECE as usize) {
            harness.run(upload(tony, number, SIZE, start..start + PIECE));
        }
        assert!(is_sent(&harness.run(send_large(tony, number, "tony", SIZE))));
        harness.confirm_all(tony);
        let writing = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        // Time in which the store finds the database locked.
        let begun = Instant::now();
        while rows(&writing) > 0 && begun.elapsed() < Duration::from_millis(200) {}
        // Otherwise all pieces were gone before the other program wrote.
        if rows(&writing) > 0 {
            break;
        }
    }
    eventually(|| rows(&other) == 0);
}
