//! The contract of all stores for contents that are messages, and how SQLite keeps them.

use correio_proto::mail::{Content, ContentKind, Mail};
use correio_server::{
    cancel::Cancel,
    store::{
        StoreDone,
        sqlite::{Finding, SqliteOptions, SqliteSnapshot},
    },
};

use super::{
    files::{DATABASE, with_sql},
    kept_once::rows,
    support::{
        Harness, ROOMY, content, delete, is_sent, send, send_large, send_large_message,
        send_message, upload,
    },
};

/// Bytes that are no text and no message.
const BYTES: &[u8] = b"\0From x\r\n\nSubject: \xff\xfe\r\r\n.\r\n\x1b[2J";

contract! {
    a_message_comes_back_to_the_byte,
    a_message_and_a_text_of_the_same_bytes_are_two_mails,
    a_message_counts_with_all_its_bytes,
    a_large_content_keeps_its_kind,
    the_kind_of_a_large_content_tells_mails_apart,
    a_page_ends_with_messages_as_with_bodies,
}

fn message(mail: &Mail) -> &[u8] {
    match &mail.content {
        Content::Message(message) => message.as_bytes(),
        other => panic!("a message was expected, not {other:?}"),
    }
}

fn a_message_comes_back_to_the_byte(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert!(is_sent(&harness.run(send_message(tony, 1, "tony,pepper", BYTES))));
    assert!(is_sent(&harness.run(send_message(tony, 2, "pepper", b"\n"))));
    assert_eq!(message(&harness.fetch(tony)[0]), BYTES);
    let mails = harness.fetch(pepper);
    assert_eq!(mails.iter().map(message).collect::<Vec<_>>(), [BYTES, b"\n"]);
    assert_eq!((mails[0].from.as_str(), mails[0].subject.as_str()), ("tony", "s"));
    assert_eq!((harness.confirm_all(tony), harness.confirm_all(pepper)), (1, 2));
    assert_eq!(harness.fetch(pepper), []);
}

fn a_message_and_a_text_of_the_same_bytes_are_two_mails(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send_message(tony, 1, "tony", b"x"))));
    assert!(is_sent(&harness.run(send(tony, 2, "tony", "x"))));
    let again = harness.run(send_message(tony, 1, "tony", b"x"));
    assert!(matches!(again, StoreDone::SentBefore { .. }), "{again:?}");
    assert_eq!(harness.run(send(tony, 1, "tony", "x")), StoreDone::Conflict);
    assert_eq!(harness.run(send_message(tony, 1, "tony", b"y")), StoreDone::Conflict);
    assert_eq!(harness.run(send_message(tony, 2, "tony", b"x")), StoreDone::Conflict);
    let kinds: Vec<_> = harness.fetch(tony).iter().map(|mail| mail.content.kind()).collect();
    assert_eq!(kinds, [ContentKind::Message {}, ContentKind::Text {}]);
}

fn a_message_counts_with_all_its_bytes(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::MailboxesFull { recipients: vec!["pepper".parse().unwrap()], members: 0 };
    // One byte of subject.
    let (fits, over) = ([0xff; 999], [0xff; 1000]);
    assert_eq!(harness.run(send_message(tony, 1, "pepper", &over)), full);
    // A deletion subtracts what the mail had added.
    for number in [2, 3] {
        assert!(is_sent(&harness.run(send_message(tony, number, "pepper", &fits))));
        assert_eq!(harness.run(send(tony, 9, "pepper", "x")), full);
        assert_eq!(harness.confirm_all(pepper), 1);
    }
    assert!(is_sent(&harness.run(send(tony, 4, "pepper", "x"))));
}

fn a_large_content_keeps_its_kind(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    for number in [1, 2] {
        let done = harness.run(upload(tony, number, 300, 0..300));
        assert_eq!(done, StoreDone::Uploaded { staged: 300 });
    }
    assert!(is_sent(&harness.run(send_large_message(tony, 1, "tony,pepper", 300))));
    assert!(is_sent(&harness.run(send_large(tony, 2, "pepper", 300))));
    let mails = harness.fetch(pepper);
    let kinds: Vec<_> = mails.iter().map(|mail| mail.content.kind()).collect();
    assert_eq!(kinds, [ContentKind::Message {}, ContentKind::Text {}]);
    assert_eq!(harness.read_all(pepper, mails[0].reference()), content(1, 0..300));
    let mail = harness.fetch(tony).remove(0);
    assert_eq!(mail.content, mails[0].content);
}

fn the_kind_of_a_large_content_tells_mails_apart(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(upload(tony, 1, 50, 0..50));
    assert!(is_sent(&harness.run(send_large_message(tony, 1, "tony", 50))));
    assert_eq!(harness.run(send_large(tony, 1, "tony", 50)), StoreDone::Conflict);
    let again = harness.run(send_large_message(tony, 1, "tony", 50));
    assert!(matches!(again, StoreDone::SentBefore { .. }), "{again:?}");
}

fn a_page_ends_with_messages_as_with_bodies(harness: &mut Harness) {
    let tony = harness.account("tony");
    for number in 1..=4 {
        harness.run(send_message(tony, number, "tony", &[b'x'; 100]));
    }
    let (mails, more) = harness.page(tony, 0, 100, 200);
    assert_eq!((mails.len(), more), (2, true));
    assert_eq!(harness.page(tony, 0, 100, 201).0.len(), 3);
}

fn roomy(directory: &std::path::Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

#[test]
fn a_message_to_several_is_kept_once_and_goes_with_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = roomy(directory.path());
    let accounts = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    let bytes: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
    assert!(is_sent(&harness.run(send_message(accounts[0], 1, "tony,pepper,bruce", BYTES))));
    assert_eq!((rows(directory.path()).mail, rows(directory.path()).content), (3, 0));
    assert!(is_sent(&harness.run(send_message(accounts[0], 2, "tony,pepper,bruce", &bytes))));
    harness.close();

    let mut harness = roomy(directory.path());
    for (account, left) in accounts.into_iter().zip([6, 4, 2]) {
        assert_eq!((rows(directory.path()).mail, rows(directory.path()).content), (left, 1));
        let mails = harness.fetch(account);
        assert_eq!(mails.iter().map(message).collect::<Vec<_>>(), [BYTES, &bytes]);
        match left {
            4 => assert_eq!(harness.run(delete(account)), StoreDone::Changed),
            _ => assert_eq!(harness.confirm_all(account), 2),
        }
    }
    assert_eq!((rows(directory.path()).mail, rows(directory.path()).content), (0, 0));
    harness.close();
    let snapshot = SqliteSnapshot::open(directory.path(), &Cancel::default()).unwrap();
    assert_eq!(snapshot.check(|_| ()).unwrap().findings, []);
}

#[test]
fn a_message_whose_row_is_damaged_is_found() {
    let damages = [
        "UPDATE mail SET message = x'' WHERE seq = 1",
        "UPDATE mail SET body = 'x' WHERE seq = 1",
        "UPDATE mail SET message = NULL WHERE seq = 1",
        "UPDATE content SET message = NULL",
        "UPDATE content SET is_message = 1",
        "UPDATE content SET body = NULL",
    ];
    for sql in damages {
        let directory = tempfile::tempdir().unwrap();
        let mut harness = roomy(directory.path());
        let tony = harness.account("tony");
        harness.account("pepper");
        assert!(is_sent(&harness.run(send_message(tony, 1, "tony", BYTES))));
        assert!(is_sent(&harness.run(send_message(tony, 2, "tony,pepper", &[1; 20_000]))));
        harness.close();
        let check = || {
            let snapshot = SqliteSnapshot::open(directory.path(), &Cancel::default()).unwrap();
            snapshot.check(|_| ()).unwrap()
        };
        let checked = check();
        assert_eq!((checked.findings, checked.bytes), (vec![], 32 + 2 * 20_001), "{sql}");
        let sql = format!("PRAGMA ignore_check_constraints = true; {sql}");
        with_sql(&directory.path().join(DATABASE), &sql);
        let found = check().findings;
        let is_named = |finding: &Finding| !matches!(finding, Finding::Counts { .. });
        assert!(found.iter().any(is_named), "{sql}: {found:?}");
    }
}
