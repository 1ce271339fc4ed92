//! Tests of a database that was copied from a running server: whole with its log, refused without
//! the log or with a log of another time.

use std::{fs, path::Path};

use correio_server::{
    ids::AccountId,
    store::sqlite::{SqliteOpenError, SqliteOptions},
};

use super::{
    files::{DATABASE, LOG, copy_files, make_database, refused, salt_of, with_sql},
    support::{Harness, ROOMY, everything, is_sent, send},
};

fn roomy(directory: &Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

/// Sends until the log was moved into the main file and the next one has begun. Then no checkpoint
/// is under way, and none is due: each mail is deleted at once, so that there is no room to give
/// back.
fn fill_a_log(harness: &mut Harness, directory: &Path, tony: AccountId, from: u64) {
    let body = "x".repeat(1 << 20);
    let log = salt_of(directory);
    let mut numbers = from..from + 90;
    while salt_of(directory) == log {
        let number = numbers.next().expect("90 mails fill a log");
        assert!(is_sent(&harness.run(send(tony, number, "tony", &body))));
        assert!(harness.confirm_all(tony) > 0);
    }
}

/// A directory with the database of one directory and the log of another.
fn pair(database: &Path, log: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(database.join(DATABASE), directory.path().join(DATABASE)).unwrap();
    fs::copy(log.join(LOG), directory.path().join(LOG)).unwrap();
    directory
}

#[test]
fn a_copy_without_its_log_is_refused_from_the_first_moment_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let check = || {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(directory.path().join(DATABASE), copy.path().join(DATABASE)).unwrap();
        let error = refused(copy.path());
        assert!(matches!(error, SqliteOpenError::NoLog { .. }), "{error}");
        copy
    };
    check();
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    check();
    fill_a_log(&mut harness, directory.path(), tony, 2);
    // The message says how to go on without the log.
    let copy = check();
    with_sql(&copy.path().join(DATABASE), "UPDATE wal_state SET is_open = 0");
    assert_eq!(roomy(copy.path()).find("tony"), tony);
}

#[test]
fn what_was_closed_in_order_needs_no_log() {
    let directory = tempfile::tempdir().unwrap();
    make_database(directory.path());
    assert!(!directory.path().join(LOG).exists());
    let copy = tempfile::tempdir().unwrap();
    fs::copy(directory.path().join(DATABASE), copy.path().join(DATABASE)).unwrap();
    Harness::sqlite(copy.path()).find("tony");
}

#[test]
fn a_log_of_another_time_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    let copies: Vec<_> = (0..3)
        .map(|round| {
            fill_a_log(&mut harness, directory.path(), tony, round * 100);
            assert!(is_sent(&harness.run(send(tony, round * 100 + 99, "tony", "x"))));
            (copy_files(directory.path()), everything(&mut harness))
        })
        .collect();
    for (at, (database, _)) in copies.iter().enumerate() {
        for (other, (log, expected)) in copies.iter().enumerate() {
            let both = pair(database.path(), log.path());
            if at == other {
                assert_eq!(everything(&mut roomy(both.path())), *expected);
                continue;
            }
            let error = refused(both.path());
            assert!(
                matches!(error, SqliteOpenError::OtherLog { .. }),
                "{at} with {other}: {error}"
            );
        }
    }
}

/// The log is moved in parts. A main file that was copied after the first of them lacks the others.
#[test]
fn a_main_file_from_the_middle_of_a_log_is_refused_with_the_next_log() {
    const PART: u64 = 8 << 20;
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    let body = "x".repeat(1 << 20);
    let mut numbers = 0..;
    let mut send_one = |harness: &mut Harness| {
        assert!(is_sent(&harness.run(send(tony, numbers.next().unwrap(), "tony", &body))));
    };
    send_one(&mut harness);
    let first_log = salt_of(directory.path());
    let length = || fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    while length() < PART {
        send_one(&mut harness);
    }
    let early = copy_files(directory.path());
    assert_eq!(salt_of(early.path()), first_log, "the log goes on after a part of it was moved");
    assert!(!roomy(early.path()).fetch(tony).is_empty());
    let early = copy_files(directory.path());
    while salt_of(directory.path()) == first_log {
        send_one(&mut harness);
    }
    let late = copy_files(directory.path());
    let expected = harness.fetch(tony);
    let error = refused(pair(early.path(), late.path()).path());
    assert!(matches!(error, SqliteOpenError::OtherLog { .. }), "{error}");
    assert_eq!(roomy(late.path()).fetch(tony), expected);
}

/// A server starts on the log of a killed server, and on an empty log.
#[test]
fn a_killed_server_starts_again_and_again() {
    let mut directory = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..5 {
        let mut harness = roomy(directory.path());
        if round == 0 {
            harness.account("tony");
        }
        assert_eq!(harness.fetch(AccountId(1)), expected, "round {round}");
        // The files of a server that is killed as soon as it has started.
        let killed = copy_files(directory.path());
        assert_eq!(roomy(killed.path()).fetch(AccountId(1)), expected);
        harness.run(send(AccountId(1), round, "tony", "x"));
        expected = harness.fetch(AccountId(1));
        directory = copy_files(directory.path());
    }
    assert_eq!(expected.len(), 5);
}
