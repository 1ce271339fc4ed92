//! Tests of opening a directory: its content is there again, one process may use it, and its files
//! are private.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use correio_proto::mail::{ContentKind, Timestamp};
use correio_server::{
    cancel::Cancel,
    store::{
        StoreDone,
        sqlite::{SqliteOpenError, SqliteSnapshot},
    },
};
use correio_testing::rerun::without_root;

use super::{
    files::{
        DATABASE, copy_files, make_version_1, make_version_2, open, open_later, present, refusal,
        refused, version_of,
    },
    support::{
        Harness, everything, id, is_sent, send, send_large, send_large_message, send_message,
        upload,
    },
};

#[test]
fn everything_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let realm = harness.store.as_ref().unwrap().realm();
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let mails = harness.fetch(tony);
    harness.close();
    let mut harness = Harness::sqlite(directory.path());
    assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
    assert_eq!(harness.find("tony"), tony);
    assert_eq!(harness.fetch(tony), mails);
    let again = harness.run(send(tony, 1, "tony", "x"));
    assert_eq!(again, StoreDone::SentBefore { sent_at: Timestamp(1001) });
    harness.confirm(tony, vec![mails[0].reference()]);
    harness.close();
    let mut harness = Harness::sqlite(directory.path());
    harness.run(send(tony, 2, "tony", "x"));
    assert!(harness.fetch(tony)[0].seq > mails[0].seq);
}

#[test]
fn what_was_acknowledged_is_in_the_files_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let copy = copy_files(directory.path());
    let mut other = Harness::sqlite(copy.path());
    assert_eq!(other.fetch(tony), harness.fetch(tony));
}

/// After any end, reserved numbers are skipped rather than given twice.
#[test]
fn no_number_is_given_twice_after_an_end_without_a_goodbye() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let mails = harness.fetch(tony);
    harness.confirm(tony, vec![mails[0].reference()]);
    let copy = copy_files(directory.path());
    let mut other = Harness::sqlite(copy.path());
    other.run(send(tony, 2, "tony", "x"));
    assert!(other.fetch(tony)[0].seq > mails[0].seq);
}

#[test]
fn a_second_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Harness::sqlite(directory.path());
    assert!(matches!(open(directory.path()).unwrap_err(), SqliteOpenError::InUse { .. }));
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, SqliteOpenError::Directory { .. }), "{error}");
    }
}

#[test]
fn a_read_only_directory_is_refused() {
    if !without_root("opening::a_read_only_directory_is_refused") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert!(matches!(open(directory.path()).unwrap_err(), SqliteOpenError::Directory { .. }));
}

#[test]
fn nobody_else_can_read_what_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("var/correio");
    let mut harness = Harness::sqlite(&made);
    harness.account("tony");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&made), 0o700);
    let files: Vec<_> = fs::read_dir(&made).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_read_only_database_is_refused() {
    if !without_root("opening::a_read_only_database_is_refused") {
        return;
    }
    let error = refusal(|path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
    });
    assert!(matches!(error, SqliteOpenError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_database_that_is_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(DATABASE)).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{error}");
}

#[test]
fn an_older_database_is_upgraded_with_all_that_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let realm = harness.store.as_ref().unwrap().realm();
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let before = everything(&mut harness);
    harness.close();
    let path = directory.path().join(DATABASE);
    assert_eq!(version_of(&path), present());
    // The first opening upgrades the database, the second finds it upgraded.
    for _ in 0..2 {
        let mut harness = open_later(directory.path()).unwrap();
        assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
        assert_eq!(everything(&mut harness), before);
        let again = harness.run(send(tony, 1, "tony", "x"));
        assert_eq!(again, StoreDone::SentBefore { sent_at: Timestamp(1001) });
        harness.close();
        assert_eq!(version_of(&path), present() + 2);
    }
    let error = refused(directory.path());
    let SqliteOpenError::Newer { found, known, .. } = error else { panic!("{error}") };
    assert_eq!((found, known), (present() + 2, present()));
}

#[test]
fn the_mail_of_the_first_version_is_kept_beside_contents_in_pieces() {
    let directory = tempfile::tempdir().unwrap();
    make_version_1(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.find("tony");
    assert!(is_sent(&harness.run(send(tony, 3, "tony", "x"))));
    harness.run(upload(tony, 4, 50, 0..50));
    assert!(is_sent(&harness.run(send_large(tony, 4, "tony", 50))));
    harness.close();
    assert_eq!(version_of(&directory.path().join(DATABASE)), present());
    let mut harness = Harness::sqlite(directory.path());
    let mails = harness.fetch(tony);
    let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [1, 2, 3, 4].map(id));
    assert_eq!(mails[1].content, mails[2].content);
    assert_eq!(mails[1].sent_at, Timestamp(1002));
    assert_eq!((harness.record("tony").waiting(), harness.confirm_all(tony)), (4, 4));
    assert_eq!(harness.run(send(tony, 1, "tony", "x")), StoreDone::Conflict, "known by its id");
}

#[test]
fn the_mail_of_the_second_version_is_kept_beside_messages() {
    let directory = tempfile::tempdir().unwrap();
    make_version_2(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let (tony, pepper) = (harness.find("tony"), harness.find("pepper"));
    assert!(is_sent(&harness.run(send_message(tony, 7, "pepper", b"a\r\n\xff"))));
    assert_eq!(harness.run(upload(tony, 6, 9, 2..9)), StoreDone::Uploaded { staged: 9 });
    assert!(is_sent(&harness.run(send_large_message(tony, 6, "pepper", 9))));
    harness.close();
    assert_eq!(version_of(&directory.path().join(DATABASE)), present());
    let checked = SqliteSnapshot::open(directory.path(), &Cancel::default());
    assert_eq!(checked.unwrap().check(|_| ()).unwrap().findings, []);
    let mut harness = Harness::sqlite(directory.path());
    let mails = harness.fetch(tony);
    let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [1, 2, 3, 5].map(id));
    assert_eq!(mails[2].content, "shared".parse().unwrap());
    assert_eq!(mails[3].content.kind(), ContentKind::Text {});
    assert_eq!(harness.read_all(tony, mails[3].reference()), b"abcdef");
    let mails = harness.fetch(pepper);
    let kinds: Vec<_> = mails.iter().map(|mail| mail.content.kind()).collect();
    let (text, message) = (ContentKind::Text {}, ContentKind::Message {});
    assert_eq!(kinds, [text, message, message]);
    assert_eq!((harness.confirm_all(tony), harness.confirm_all(pepper)), (4, 3));
}
