//! How contents stand in the files: once for all recipients, in rows of a bounded number, and not
//! any more once no mail has them.

use std::{fs, path::Path};

use correio_proto::{
    limits::{PIECE_MAX, UPLOAD_RESERVED_SECONDS},
    mail::{MailRef, Timestamp},
};
use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::{
        StoreDone, StoreJob, UploadLimits,
        memory::MemoryLimits,
        sqlite::{SqliteOptions, SqliteSnapshot},
    },
};
use correio_testing::wait::eventually;
use rusqlite::Connection;

use super::{
    files::{DATABASE, LOG, copy_files},
    gateway::{discard, send_staged, stage},
    hidden::hiding,
    support::{
        Harness, ROOMY, content, create, delete, is_sent, read, send, send_large, upload, upload_at,
    },
};

const PIECE: u64 = PIECE_MAX as u64;

/// The numbers of rows in the tables of contents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub mail: u32,
    pub content: u32,
    upload: u32,
    piece: u32,
    dropped: u32,
}

/// The rows in the files, as another process would find them if this one ended now.
pub fn rows(directory: &Path) -> Rows {
    let copy = copy_files(directory);
    let connection = Connection::open(copy.path().join(DATABASE)).unwrap();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    Rows {
        mail: count("mail"),
        content: count("content"),
        upload: count("upload"),
        piece: count("piece"),
        dropped: count("dropped"),
    }
}

fn roomy(directory: &Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

/// Uploads a whole content in pieces of this many bytes.
fn upload_all(harness: &mut Harness, account: AccountId, number: u64, size: u64, step: u64) {
    for start in (0..size).step_by(usize::try_from(step).unwrap()) {
        let end = size.min(start + step);
        let done = harness.run(upload(account, number, size, start..end));
        assert_eq!(done, StoreDone::Uploaded { staged: end });
    }
}

fn first(harness: &mut Harness, account: AccountId) -> MailRef {
    harness.fetch(account)[0].reference()
}

#[test]
fn a_long_text_to_several_is_kept_once_and_goes_with_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let accounts = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    let text = "ã".repeat(5000);
    assert!(is_sent(&harness.run(send(accounts[0], 1, "tony,pepper,bruce", "short"))));
    assert!(is_sent(&harness.run(send(accounts[0], 2, "tony", &text))));
    assert_eq!(rows(directory.path()), Rows { mail: 4, ..Rows::default() }, "in their rows");
    assert!(is_sent(&harness.run(send(accounts[0], 3, "tony,pepper,bruce", &text))));
    assert_eq!(rows(directory.path()), Rows { mail: 7, content: 1, ..Rows::default() });
    harness.close();

    let mut harness = roomy(directory.path());
    for (index, account) in accounts.into_iter().enumerate() {
        let mails = harness.fetch(account);
        let last = mails.last().unwrap();
        assert_eq!(last.content.body().unwrap().as_str(), text);
        assert_eq!((last.from.as_str(), last.from_name.as_str()), ("tony", "Tony Stark"));
        assert_eq!(last.to.to_string(), "tony, pepper, bruce");
        assert_eq!(last.sent_at, Timestamp(1003));
        assert_eq!(rows(directory.path()).content, 1);
        match index {
            1 => assert_eq!(harness.run(delete(account)), StoreDone::Changed),
            _ => assert_eq!(harness.confirm(account, vec![last.reference()]), 1),
        }
    }
    assert_eq!(rows(directory.path()), Rows { mail: 3, ..Rows::default() });
}

#[test]
fn a_large_content_leaves_no_row_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let size = 9 * PIECE + 1;
    upload_all(&mut harness, tony, 1, size, PIECE);
    assert_eq!(rows(directory.path()), Rows { upload: 1, piece: 10, ..Rows::default() });
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony,pepper", size))));
    let whole = Rows { mail: 2, content: 1, piece: 10, ..Rows::default() };
    assert_eq!(rows(directory.path()), whole);
    assert_eq!(harness.confirm_all(tony), 1);
    assert_eq!(rows(directory.path()), Rows { mail: 1, ..whole });
    let mail = first(&mut harness, pepper);
    assert_eq!(harness.read_all(pepper, mail), content(1, 0..size));
    assert_eq!(harness.run(delete(pepper)), StoreDone::Changed);
    // In slices, without any further job, also by a server that starts in between.
    let started = copy_files(directory.path());
    let _started = roomy(started.path());
    for directory in [directory.path(), started.path()] {
        eventually(|| rows(directory) == Rows::default());
    }
}

#[test]
fn a_displaced_upload_leaves_no_row_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    let idle = 1000 + UPLOAD_RESERVED_SECONDS * 1000 + 1;
    for (number, now) in (1..).zip([1000, 1001, 1002, 1003, idle]) {
        assert_eq!(
            harness.run(upload_at(now, tony, number, 5 * PIECE, 0..PIECE)),
            StoreDone::Uploaded { staged: PIECE }
        );
    }
    eventually(|| rows(directory.path()) == Rows { upload: 4, piece: 4, ..Rows::default() });
}

#[test]
fn a_forgotten_upload_leaves_no_row_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    for account in [tony, pepper] {
        assert_eq!(
            harness.run(upload(account, 1, 5 * PIECE, 0..PIECE)),
            StoreDone::Uploaded { staged: PIECE }
        );
    }
    assert_eq!(rows(directory.path()), Rows { upload: 2, piece: 2, ..Rows::default() });
    assert_eq!(harness.run(delete(pepper)), StoreDone::Changed);
    eventually(|| rows(directory.path()) == Rows { upload: 1, piece: 1, ..Rows::default() });
    harness.close();
    let mut harness = roomy(directory.path());
    assert_eq!(
        harness.run(upload(tony, 1, 5 * PIECE, 0..0)),
        StoreDone::Uploaded { staged: PIECE },
        "it goes on after a restart"
    );
    let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(1001) };
    let pruned = StoreDone::Pruned { records: 0, uploads: 1, more: false };
    assert_eq!(harness.run(prune), pruned);
    eventually(|| rows(directory.path()) == Rows::default());
}

#[test]
fn a_staged_content_that_no_mail_takes_over_leaves_no_row_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    for number in [1, 2] {
        for start in (0..3).map(|piece| piece * PIECE) {
            let done = harness.run(stage(tony, number, start..start + PIECE));
            assert_eq!(done, StoreDone::Uploaded { staged: start + PIECE });
        }
    }
    assert_eq!(rows(directory.path()), Rows { upload: 2, piece: 6, ..Rows::default() });
    harness.close();
    let mut harness = roomy(directory.path());
    assert_eq!(harness.run(stage(tony, 1, 0..0)), StoreDone::Uploaded { staged: 3 * PIECE });
    harness.run(discard(tony, 1));
    assert!(!is_sent(&harness.run(send_staged(tony, 7, "nobody", 3 * PIECE, 2))));
    eventually(|| rows(directory.path()) == Rows::default());
}

#[test]
fn a_long_text_with_hidden_recipients_is_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let accounts = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    let long = hiding(send(accounts[0], 1, "tony,pepper,bruce", &"x".repeat(9000)), "pepper,bruce");
    assert!(is_sent(&harness.run(long)));
    assert_eq!(rows(directory.path()), Rows { mail: 3, content: 1, ..Rows::default() });
    harness.close();
    let mut harness = roomy(directory.path());
    for (account, seen) in accounts.into_iter().zip(["tony", "tony, pepper", "tony, bruce"]) {
        assert_eq!(harness.fetch(account)[0].to.to_string(), seen);
    }
    harness.close();
    let checked = SqliteSnapshot::open(directory.path(), &Cancel::default());
    assert_eq!(checked.unwrap().check(|_| ()).unwrap().findings, []);
}

/// Bytes of the database and its log.
fn bytes_of(directory: &Path) -> u64 {
    [DATABASE, LOG].map(|name| fs::metadata(directory.join(name)).unwrap().len()).iter().sum()
}

#[test]
fn a_mebibyte_to_a_hundred_is_written_about_once() {
    const BYTES: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let names: Vec<String> = (0..100).map(|number| format!("user{number}")).collect();
    for (number, name) in (1..).zip(&names) {
        assert_eq!(harness.run(create(number, name, "h")), StoreDone::Created);
    }
    let sender = harness.find("user0");
    let (to, text) = (names.join(","), "x".repeat(usize::try_from(BYTES).unwrap()));
    let before = bytes_of(directory.path());
    assert!(is_sent(&harness.run(send(sender, 1, &to, &text))));
    let written = bytes_of(directory.path()) - before;
    eprintln!("{written} bytes of files for a text");
    assert!((BYTES..3 * BYTES).contains(&written), "{written} for a text");

    let before = bytes_of(directory.path());
    upload_all(&mut harness, sender, 2, BYTES, PIECE);
    assert!(is_sent(&harness.run(send_large(sender, 2, &to, BYTES))));
    let written = bytes_of(directory.path()) - before;
    eprintln!("{written} bytes of files for a content in pieces");
    assert!((BYTES..3 * BYTES).contains(&written), "{written} for a content in pieces");

    // Each of them has both, and each counts for the quota of each.
    let last = harness.find("user99");
    let mails = harness.fetch(last);
    assert_eq!(mails[0].content.body().unwrap().as_str(), text);
    assert_eq!(harness.read_all(last, mails[1].reference()), content(2, 0..BYTES));
    harness.close();
    let connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    let sql = "SELECT count(*) FROM account WHERE mails = 2 AND bytes = 2 * (1048576 + 1)";
    let counted: u32 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 100);
}

#[test]
fn tiny_pieces_share_rows() {
    const BYTES: u64 = 300_000;
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    upload_all(&mut harness, tony, 1, BYTES, 997);
    let rows = rows(directory.path()).piece;
    assert!(rows <= 10, "{rows} rows");
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", BYTES))));
    let mail = first(&mut harness, tony);
    assert_eq!(harness.read_all(tony, mail), content(1, 0..BYTES));
}

#[test]
fn a_content_of_many_pieces_is_read_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in
        [Harness::memory_with(ROOMY, MemoryLimits::default()), roomy(directory.path())]
    {
        let tony = harness.account("tony");
        let size = 3 * PIECE + 12_345;
        for (number, step) in [(1, PIECE), (2, 100_003), (3, PIECE - 1)] {
            upload_all(&mut harness, tony, number, size, step);
            assert!(is_sent(&harness.run(send_large(tony, number, "tony", size))));
            let mail = harness.fetch(tony).last().unwrap().reference();
            for offset in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 7, size - 1] {
                let expected = content(number, offset..size.min(offset + PIECE));
                let StoreDone::Piece(piece) = harness.run(read(tony, mail, offset)) else {
                    panic!("no piece at {offset}");
                };
                assert!(piece.as_bytes() == expected, "{offset} of a content in pieces of {step}");
            }
        }
    }
}

/// `more` is exact, even after a full step: the server prunes again if it is set.
#[test]
fn uploads_are_pruned_in_bounded_steps() {
    const STEP: u64 = 1000;
    let uploads = UploadLimits { uploads: 10_000, ..UploadLimits::default() };
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { uploads, ..SqliteOptions::default() };
    for mut harness in [
        Harness::memory_with(ROOMY, MemoryLimits { uploads, ..MemoryLimits::default() }),
        Harness::sqlite_with(directory.path(), ROOMY, options),
    ] {
        let tony = harness.account("tony");
        let uploads = (0..=2 * STEP).map(|number| upload_at(number, tony, number, 2, 0..1));
        let done = harness.run_together(uploads.collect());
        assert!(done.iter().all(|done| *done == StoreDone::Uploaded { staged: 1 }));
        let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(2 * STEP) };
        let steps: Vec<_> = (0..3).map(|_| harness.run(prune.clone())).collect();
        let pruned = |uploads, more| StoreDone::Pruned { records: 0, uploads, more };
        assert_eq!(steps, [pruned(1000, true), pruned(1000, false), pruned(0, false)]);
    }
}

#[test]
fn pieces_that_nobody_takes_hold_up_later_pieces() {
    const READS: usize = 200;
    /// Two groups of pieces, each with one piece more than there is room for.
    const BYTES_MAX: usize = 2 * ((4 << 20) + PIECE_MAX);
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let tony = harness.account("tony");
    upload_all(&mut harness, tony, 1, PIECE, PIECE);
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", PIECE))));
    let mail = first(&mut harness, tony);
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let submitted = (0..READS).map(|_| harness.submit(read(tony, mail, 0))).count();
    drop(gate);
    let (mut answered, mut most) = (0, 0);
    while answered < submitted {
        let done = harness.collect(1);
        let bytes = done.iter().map(|(_, done)| match done {
            StoreDone::Piece(piece) => piece.as_bytes().len(),
            other => panic!("{other:?}"),
        });
        most = most.max(bytes.sum());
        answered += done.len();
    }
    assert!((1..=BYTES_MAX).contains(&most), "{most} bytes at once");
}
