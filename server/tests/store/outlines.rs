//! Outlines of mails: what a mailbox has, without the contents, and the textures of the contents.

use std::path::Path;

use correio_proto::{
    limits::PIECE_MAX,
    mail::{ContentKind, MailRef, Piece, Recipients, Seq, Timestamp},
};
use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::{
        Quota, StoreDone, StoreJob,
        gateway::{GatewayDone, GatewayJob, MailOutline, OUTLINES_MAX, Texture},
        memory::MemoryLimits,
        sqlite::{SqliteOptions, SqliteSnapshot},
    },
};

use super::{
    files::{DATABASE, make_version_3, with_sql},
    gateway::{send_staged, stage},
    hidden::hiding,
    support::{
        Harness, ROOMY, delete, id, is_sent, rename, send, send_large, send_large_message,
        send_message, upload,
    },
};

contract! {
    an_outline_states_what_a_mail_is,
    an_outline_has_the_recipients_that_the_mailbox_sees,
    outlines_come_in_pages,
    a_texture_is_counted_over_all_pieces,
    nobody_outlines_a_mailbox_that_is_gone,
}

/// What a page has, and whether there is more.
fn page(
    harness: &mut Harness,
    account: AccountId,
    after: u64,
    mails: u32,
) -> (Vec<MailOutline>, bool) {
    match harness.run(outline(account, after, mails)) {
        StoreDone::Gateway(GatewayDone::Outlines { mails, more }) => (mails, more),
        other => panic!("outlines were expected, not {other:?}"),
    }
}

pub fn outline(account: AccountId, after: u64, mails: u32) -> StoreJob {
    StoreJob::Gateway(GatewayJob::Outline { account, after: Seq(after), mails })
}

/// All outlines of a mailbox, and the number of pages that they took.
pub fn all(harness: &mut Harness, account: AccountId) -> (Vec<MailOutline>, usize) {
    let (mut all, mut after): (Vec<MailOutline>, _) = (Vec::new(), 0);
    for pages in 1..10_000 {
        let (mails, more) = page(harness, account, after, u32::MAX);
        after = mails.last().map_or(after, |last| last.mail.seq.0);
        all.extend(mails);
        if !more {
            return (all, pages);
        }
    }
    panic!("the mailbox has no end");
}

fn texture(bare_ends: u64, nuls: u64, longest_line: u64) -> Texture {
    Texture { bare_ends, nuls, longest_line, is_ended: false, is_ascii: true }
}

fn an_outline_states_what_a_mail_is(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(rename(tony, "Anthony Stark"));
    harness.run(upload(tony, 3, 100, 0..100));
    harness.run(stage(tony, 9, 0..50));
    for job in [
        send(tony, 1, "pepper", "Olá,\nsim.\n"),
        send_message(tony, 2, "pepper,tony", b"Subject: a\r\n\r\n\0b"),
        send_large(tony, 3, "pepper", 100),
        send_staged(tony, 4, "tony,pepper", 50, 9),
    ] {
        assert!(is_sent(&harness.run(job)));
    }
    let (outlines, more) = page(harness, pepper, 0, 100);
    assert!(!more);
    let mails = harness.fetch(pepper);
    let (text, message) = (ContentKind::Text {}, ContentKind::Message {});
    let expected = [
        (text, 11, Texture { is_ended: true, is_ascii: false, ..texture(2, 0, 5) }),
        (message, 16, texture(0, 1, 10)),
    ];
    for (index, (kind, size, texture)) in expected.into_iter().enumerate() {
        let outline = &outlines[index];
        assert_eq!((outline.kind, outline.size, outline.texture), (kind, size, texture));
    }
    for (outline, mail) in outlines.iter().zip(&mails) {
        assert_eq!(outline.mail, mail.reference());
        assert_eq!((&outline.from, &outline.from_name), (&mail.from, &mail.from_name));
        assert_eq!(outline.from_name.as_str(), "Anthony Stark");
        assert_eq!(outline.to, mail.to.as_slice());
        assert_eq!((&outline.subject, outline.sent_at), (&mail.subject, mail.sent_at));
        assert_eq!((outline.kind, outline.size), (mail.content.kind(), mail.content.size()));
    }
    assert_eq!((outlines.len(), mails.len()), (4, 4));
}

fn an_outline_has_the_recipients_that_the_mailbox_sees(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    harness.run(upload(tony, 2, 100, 0..100));
    for job in [send(tony, 1, "tony,pepper", "x"), send_large(tony, 2, "tony,pepper", 100)] {
        assert!(is_sent(&harness.run(hiding(job, "pepper"))));
    }
    for (account, to) in [(tony, "tony"), (pepper, "tony,pepper")] {
        let to: Recipients = to.parse().unwrap();
        let (outlines, _) = page(harness, account, 0, 100);
        assert_eq!(outlines.len(), 2);
        assert!(outlines.iter().all(|outline| outline.to == to.as_slice()), "{outlines:?}");
    }
}

fn outlines_come_in_pages(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert_eq!(page(harness, tony, 0, 10), (vec![], false));
    for number in 1..=4 {
        harness.run(send(tony, number, "tony,pepper", "x"));
    }
    let (all, more) = page(harness, tony, 0, 4);
    assert!(!more);
    let seqs: Vec<_> = all.iter().map(|outline| outline.mail.seq.0).collect();
    assert!(seqs.is_sorted());
    assert_eq!(page(harness, tony, 0, 2), (all[..2].to_vec(), true));
    assert_eq!(page(harness, tony, seqs[1], 2), (all[2..].to_vec(), false));
    assert_eq!(page(harness, tony, seqs[3], 2), (vec![], false));
    assert_eq!(page(harness, tony, u64::MAX, 2), (vec![], false));
    assert_eq!(harness.confirm(tony, vec![all[1].mail]), 1);
    let (left, _) = page(harness, tony, 0, 10);
    assert_eq!(left, [all[0].clone(), all[2].clone(), all[3].clone()]);
    assert_eq!(page(harness, pepper, 0, 10).0.len(), 4);
}

/// Uploads bytes in pieces that end at these positions, and sends them.
fn staged(harness: &mut Harness, account: AccountId, bytes: &[u8], ends: &[usize]) -> Texture {
    let mut start = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        let job = StoreJob::Gateway(GatewayJob::Stage {
            account,
            id: id(9),
            offset: u64::try_from(start).unwrap(),
            bytes: Piece::try_from(&bytes[start..end]).unwrap(),
            now: Timestamp(1000),
        });
        let end_now = u64::try_from(end).unwrap();
        assert_eq!(harness.run(job), StoreDone::Uploaded { staged: end_now });
        // A piece that comes a second time counts once.
        start = end.saturating_sub(1);
    }
    let size = u64::try_from(bytes.len()).unwrap();
    assert!(is_sent(&harness.run(send_staged(account, 1, "tony", size, 9))));
    let (outlines, _) = page(harness, account, 0, 10);
    harness.confirm_all(account);
    let prune = StoreJob::Prune { before: Timestamp(u64::MAX), uploads_before: Timestamp(0) };
    harness.run(prune);
    outlines[0].texture
}

fn a_texture_is_counted_over_all_pieces(harness: &mut Harness) {
    let tony = harness.account("tony");
    let bytes = b"ab\r\n\0cdef\ngh\ri\r\n";
    let expected = Texture { is_ended: true, ..texture(2, 1, 5) };
    // Between CR and LF, within a line, and after each byte.
    let each: Vec<_> = (1..bytes.len()).collect();
    for ends in [&[][..], &[3], &[3, 7], &[4, 15], &each] {
        assert_eq!(staged(harness, tony, bytes, ends), expected, "{ends:?}");
    }
    assert_eq!(staged(harness, tony, b"a\r", &[1]), Texture { is_ended: true, ..texture(1, 0, 1) });
    assert_eq!(staged(harness, tony, b"\r\na", &[1, 2]), texture(0, 0, 1));
    let accent = Texture { is_ascii: false, ..texture(0, 0, 3) };
    assert_eq!(staged(harness, tony, "aã".as_bytes(), &[2]), accent);
}

fn nobody_outlines_a_mailbox_that_is_gone(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(outline(tony, 0, 10)), StoreDone::NoAccount);
}

#[test]
fn a_page_of_outlines_has_a_thousand_mails_at_most() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        let tony = harness.account("tony");
        let sends = (0..2100).map(|number| send(tony, number, "tony", "text\n")).collect();
        assert!(harness.run_together(sends).iter().all(is_sent));
        let (outlines, more) = page(&mut harness, tony, 0, u32::MAX);
        assert_eq!((outlines.len(), more), (OUTLINES_MAX as usize, true));
        let (outlines, pages) = all(&mut harness, tony);
        assert_eq!((outlines.len(), pages), (2100, 3));
        let mails: Vec<MailRef> = outlines.iter().map(|outline| outline.mail).collect();
        assert!(mails.is_sorted_by_key(|mail| mail.seq));
    }
}

/// Long texts are walked over, and not so many at once that other jobs wait.
#[test]
fn a_page_ends_after_texts_of_16_mebibytes() {
    let directory = tempfile::tempdir().unwrap();
    let quota = Quota { mails: 100, bytes: 1 << 30 };
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let text = "a line\n".repeat(1 << 17);
    for number in 0..40 {
        assert!(is_sent(&harness.run(send(tony, number, "tony", &text))));
    }
    let (outlines, pages) = all(&mut harness, tony);
    assert_eq!((outlines.len(), pages), (40, 3));
    let expected = Texture { is_ended: true, ..texture(1 << 17, 0, 6) };
    assert!(outlines.iter().all(|outline| outline.texture == expected));
}

/// Bytes of a content that one job does not count.
const LARGE: u64 = 20 * PIECE_MAX as u64 + 7;

/// Uploads a content of this size.
fn upload_large(harness: &mut Harness, account: AccountId, number: u64, size: u64) {
    let mut start = 0;
    while start < size {
        let end = size.min(start + PIECE_MAX as u64);
        let done = harness.run(upload(account, number, size, start..end));
        assert_eq!(done, StoreDone::Uploaded { staged: end });
        start = end;
    }
}

/// A server of an earlier version has counted nothing.
fn uncounted(directory: &Path) {
    let sql = "UPDATE mail SET texture = NULL; UPDATE content SET texture = NULL;
               UPDATE upload SET texture = NULL;";
    with_sql(&directory.join(DATABASE), sql);
}

#[test]
fn contents_that_an_earlier_version_took_in_are_counted_at_their_first_outline() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let mut harness = open();
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    for (number, size) in [(3, LARGE), (4, 100), (5, LARGE)] {
        upload_large(&mut harness, tony, number, size);
    }
    harness.run(upload(tony, 6, 100, 0..50));
    for job in [
        send(tony, 1, "pepper", "Olá,\nsim.\n"),
        send_message(tony, 2, "pepper", b"\r\n\0"),
        send_large(tony, 3, "pepper", LARGE),
        send(tony, 7, "pepper,tony", &"a long text\r\n".repeat(1000)),
        send_large_message(tony, 4, "pepper", 100),
        send_large(tony, 5, "tony,pepper", LARGE),
    ] {
        assert!(is_sent(&harness.run(job)));
    }
    let (before, pages) = all(&mut harness, pepper);
    assert_eq!((before.len(), pages), (6, 1));
    harness.close();
    uncounted(directory.path());
    let checked = SqliteSnapshot::open(directory.path(), &Cancel::default());
    assert_eq!(checked.unwrap().check(|_| ()).unwrap().findings, []);

    let mut harness = open();
    // Ten mebibytes, of which a job reads four.
    let (counted, pages) = all(&mut harness, pepper);
    assert_eq!(counted, before);
    assert!(pages > 2, "{pages} pages");
    // What was counted is kept.
    assert_eq!(all(&mut harness, pepper), (before.clone(), 1));
    assert_eq!(all(&mut harness, tony).0.len(), 2);
    // An upload that an earlier version began.
    harness.run(upload(tony, 6, 100, 50..100));
    assert!(is_sent(&harness.run(send_large(tony, 6, "pepper", 100))));
    let (outlines, _) = all(&mut harness, pepper);
    assert_eq!(outlines[..6], before);
    let bytes = harness.read_all(pepper, outlines[6].mail);
    let longest = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::len).max();
    assert_eq!(outlines[6].texture.longest_line, u64::try_from(longest.unwrap()).unwrap());
}

#[test]
fn mails_of_the_third_version_are_outlined() {
    let directory = tempfile::tempdir().unwrap();
    make_version_3(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.find("tony");
    let (outlines, _) = all(&mut harness, tony);
    let found: Vec<_> = outlines.iter().map(|outline| (outline.size, outline.texture)).collect();
    let lines = |length| (length, texture(0, 0, length));
    assert_eq!(found, [lines(1), lines(1), lines(6), lines(6)]);
}

/// Two programs that outline different mailboxes do not keep each other from their ends.
#[test]
fn contents_of_two_mailboxes_are_counted_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let mut harness = open();
    let accounts = ["tony", "pepper"].map(|name| harness.account(name));
    for (account, to) in accounts.into_iter().zip(["tony", "pepper"]) {
        upload_large(&mut harness, account, 1, LARGE);
        assert!(is_sent(&harness.run(send_large(account, 1, to, LARGE))));
    }
    harness.close();
    uncounted(directory.path());
    let mut harness = open();
    let mut after = [0, 0];
    let mut is_more = [true, true];
    for _ in 0..100 {
        for (index, account) in accounts.into_iter().enumerate() {
            if is_more[index] {
                let (mails, more) = page(&mut harness, account, after[index], 100);
                after[index] = mails.last().map_or(after[index], |last| last.mail.seq.0);
                is_more[index] = more;
            }
        }
    }
    assert_eq!(is_more, [false, false]);
}
