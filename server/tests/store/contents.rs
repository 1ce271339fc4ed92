//! The contract of all stores for large contents: uploads, mails that take them over, and reading.

use correio_proto::{
    limits::UPLOAD_RESERVED_SECONDS,
    mail::{MailRef, Seq, Timestamp},
};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, StoreJob},
};

use super::support::{
    Harness, content, delete, id, is_sent, read, send, send_large, upload, upload_at,
};

contract! {
    an_upload_grows_from_its_start,
    an_upload_keeps_its_size,
    what_was_uploaded_is_read_to_the_byte,
    a_large_mail_needs_its_whole_upload,
    a_large_mail_sent_again_is_one_mail,
    the_upload_of_a_mail_that_was_sent_is_whole_and_takes_no_room,
    a_refused_mail_leaves_its_upload,
    a_content_counts_for_each_recipient,
    a_content_goes_with_the_last_mail_that_has_it,
    nobody_reads_another_s_content,
    the_uploads_of_an_account_are_bounded,
    all_uploads_together_are_bounded,
    an_announced_size_takes_no_room_for_long,
    the_upload_that_got_its_room_last_is_never_stuck,
    an_idle_upload_makes_room_for_another_of_its_account,
    no_more_uploads_are_displaced_than_are_needed,
    an_upload_that_all_have_no_room_for_displaces_nothing,
    an_upload_is_kept_from_its_last_piece,
    uploads_are_an_account_s_own_and_go_with_it,
    a_page_states_a_content_and_has_none_of_it,
}

fn staged(bytes: u64) -> StoreDone {
    StoreDone::Uploaded { staged: bytes }
}

fn incomplete(bytes: u64) -> StoreDone {
    StoreDone::Incomplete { staged: bytes }
}

fn piece(number: u64, part: std::ops::Range<u64>) -> StoreDone {
    StoreDone::Piece(content(number, part).as_slice().try_into().unwrap())
}

/// Sends a mail with a content of this size, and returns each recipient's reference to it.
fn sent(
    harness: &mut Harness,
    sender: AccountId,
    number: u64,
    to: &str,
    size: u64,
) -> Vec<(AccountId, MailRef)> {
    assert_eq!(harness.run(upload(sender, number, size, 0..size)), staged(size));
    let done = harness.run(send_large(sender, number, to, size));
    let StoreDone::Sent { recipients, .. } = done else { panic!("{done:?}") };
    let mut reference = |account| {
        let mails = harness.fetch(account);
        let mail = mails.iter().find(|mail| mail.id == id(number)).unwrap();
        (account, mail.reference())
    };
    recipients.into_iter().map(&mut reference).collect()
}

fn prune_uploads(harness: &mut Harness, before: u64) -> u32 {
    let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(before) };
    match harness.run(prune) {
        StoreDone::Pruned { records: 0, uploads, more: false } => uploads,
        other => panic!("{other:?}"),
    }
}

fn an_upload_grows_from_its_start(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert_eq!(harness.run(upload(tony, 1, 100, 0..0)), staged(0), "an empty piece asks");
    assert_eq!(harness.run(upload(tony, 1, 100, 10..20)), incomplete(0));
    assert_eq!(harness.run(upload(tony, 1, 100, 0..40)), staged(40));
    assert_eq!(harness.run(upload(tony, 1, 100, 0..40)), staged(40), "again, after a lost answer");
    assert_eq!(harness.run(upload(tony, 1, 100, 41..50)), incomplete(40));
    assert_eq!(harness.run(upload(tony, 1, 100, 41..41)), incomplete(40));
    assert_eq!(harness.run(upload(tony, 1, 100, 5..5)), staged(40));
    assert_eq!(harness.run(upload(tony, 1, 100, 20..60)), staged(60), "half of it is new");
    assert_eq!(harness.run(upload(tony, 1, 100, 60..100)), staged(100));
    assert_eq!(harness.run(upload(tony, 1, 100, 100..100)), staged(100));
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", 100))));
    let mail = harness.fetch(tony)[0].reference();
    assert_eq!(harness.read_all(tony, mail), content(1, 0..100));
}

fn an_upload_keeps_its_size(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert_eq!(harness.run(upload(tony, 1, 100, 90..101)), StoreDone::Conflict);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..50)), staged(50));
    assert_eq!(harness.run(upload(tony, 1, 99, 50..60)), StoreDone::Conflict);
    assert_eq!(harness.run(upload(tony, 1, 101, 0..0)), StoreDone::Conflict);
    assert_eq!(harness.run(upload(tony, 1, 100, 50..101)), StoreDone::Conflict);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..0)), staged(50));
}

fn what_was_uploaded_is_read_to_the_byte(harness: &mut Harness) {
    let tony = harness.account("tony");
    for part in [0..1, 0..7, 3..8, 8..300, 299..301, 301..350] {
        let end = part.end;
        assert_eq!(harness.run(upload(tony, 1, 350, part)), staged(end));
    }
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", 350))));
    let mail = harness.fetch(tony)[0].reference();
    for offset in [0, 1, 7, 8, 299, 349, 350] {
        assert_eq!(harness.run(read(tony, mail, offset)), piece(1, offset..350));
    }
    for offset in [351, 1 << 20, u64::MAX] {
        assert_eq!(harness.run(read(tony, mail, offset)), piece(1, 0..0), "from the end on");
    }
}

fn a_large_mail_needs_its_whole_upload(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.account("pepper");
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 100)), incomplete(0));
    harness.run(upload(tony, 1, 100, 0..99));
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 100)), incomplete(99));
    assert_eq!(harness.run(send_large(tony, 1, "nobody", 100)), incomplete(99));
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 99)), StoreDone::Conflict);
    harness.run(upload(tony, 1, 100, 99..100));
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 99)), StoreDone::Conflict);
    assert!(is_sent(&harness.run(send_large(tony, 1, "pepper", 100))));
    // The mail has taken its upload over.
    assert_eq!(harness.run(send_large(tony, 2, "pepper", 100)), incomplete(0));
    assert_eq!(harness.record("pepper").waiting(), 1);
}

fn a_large_mail_sent_again_is_one_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    sent(harness, tony, 1, "pepper", 100);
    let before = StoreDone::SentBefore { sent_at: Timestamp(1001) };
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 100)), before);
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 101)), StoreDone::Conflict);
    assert_eq!(harness.run(send_large(tony, 1, "tony", 100)), StoreDone::Conflict);
    assert_eq!(harness.run(send(tony, 1, "pepper", "x")), StoreDone::Conflict);
    assert_eq!(harness.confirm_all(pepper), 1);
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 100)), before);
    assert_eq!(harness.fetch(pepper), []);
}

fn the_upload_of_a_mail_that_was_sent_is_whole_and_takes_no_room(harness: &mut Harness) {
    let tony = harness.account("tony");
    sent(harness, tony, 1, "tony", 100);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..10)), staged(100));
    assert_eq!(harness.run(upload(tony, 1, 100, 0..0)), staged(100));
    harness.run(send(tony, 2, "tony", "x"));
    assert_eq!(harness.run(upload(tony, 2, 70, 50..60)), staged(70));
    assert_eq!(prune_uploads(harness, u64::MAX), 0);
    // Without the idempotency record the id is a new one.
    let prune = StoreJob::Prune { before: Timestamp(1002), uploads_before: Timestamp(0) };
    harness.run(prune);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..10)), staged(10));
    assert_eq!(harness.run(send_large(tony, 1, "tony", 100)), incomplete(10));
}

fn a_refused_mail_leaves_its_upload(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(upload(tony, 1, 600, 0..600));
    let unknown = vec!["nobody".parse().unwrap()];
    let refused = harness.run(send_large(tony, 1, "nobody,tony", 600));
    assert_eq!(refused, StoreDone::UnknownRecipients(unknown));
    harness.run(send(tony, 2, "pepper", &"x".repeat(500)));
    let full = StoreDone::MailboxesFull { recipients: vec!["pepper".parse().unwrap()], members: 0 };
    assert_eq!(harness.run(send_large(tony, 1, "pepper,tony", 600)), full);
    assert_eq!(harness.fetch(tony), []);
    harness.confirm_all(pepper);
    assert!(is_sent(&harness.run(send_large(tony, 1, "pepper,tony", 600))));
    for account in [tony, pepper] {
        let mail = harness.fetch(account)[0].reference();
        assert_eq!(harness.read_all(account, mail), content(1, 0..600));
    }
}

fn a_content_counts_for_each_recipient(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = |names: &[&str]| StoreDone::MailboxesFull {
        recipients: names.iter().map(|name| name.parse().unwrap()).collect(),
        members: 0,
    };
    // The second round finds the quota as the first did.
    for round in [0, 10] {
        // With the subjects' bytes: 1000.
        sent(harness, tony, round + 1, "pepper,tony", 500);
        sent(harness, tony, round + 2, "pepper", 498);
        assert_eq!(harness.run(send(tony, round + 3, "tony,pepper", "x")), full(&["pepper"]));
        harness.run(upload(tony, round + 4, 499, 0..499));
        let large = send_large(tony, round + 4, "tony,pepper", 499);
        assert_eq!(harness.run(large), full(&["tony", "pepper"]));
        assert_eq!(prune_uploads(harness, u64::MAX), 1);
        assert_eq!((harness.confirm_all(pepper), harness.confirm_all(tony)), (2, 1));
    }
}

fn a_content_goes_with_the_last_mail_that_has_it(harness: &mut Harness) {
    harness.account("pepper");
    harness.account("bruce");
    let tony = harness.account("tony");
    let mails = sent(harness, tony, 1, "pepper,tony,bruce", 300);
    let [(pepper, of_pepper), (_, of_tony), (bruce, of_bruce)] = mails[..] else { panic!() };
    assert_eq!(harness.confirm(pepper, vec![of_pepper]), 1);
    assert_eq!(harness.run(read(pepper, of_pepper, 0)), StoreDone::NoSuchMail);
    assert_eq!(harness.read_all(bruce, of_bruce), content(1, 0..300));
    // The sender's account goes; the mails that it sent stay.
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(read(tony, of_tony, 0)), StoreDone::NoAccount);
    assert_eq!(harness.read_all(bruce, of_bruce), content(1, 0..300));
    assert_eq!(harness.confirm(bruce, vec![of_bruce, of_bruce]), 1);
    assert_eq!(harness.run(read(bruce, of_bruce, 0)), StoreDone::NoSuchMail);
}

fn nobody_reads_another_s_content(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let mails = sent(harness, tony, 1, "pepper", 100);
    let (_, mail) = mails[0];
    let nothing = StoreDone::NoSuchMail;
    assert_eq!(harness.run(read(tony, mail, 0)), nothing);
    assert_eq!(harness.run(read(tony, MailRef { seq: Seq(999), ..mail }, 0)), nothing);
    assert_eq!(harness.run(read(pepper, MailRef { id: id(2), ..mail }, 0)), nothing);
    assert_eq!(harness.run(read(pepper, MailRef { seq: Seq(999), ..mail }, 0)), nothing);
    assert_eq!(harness.run(read(AccountId(999), mail, 0)), StoreDone::NoAccount);
    harness.run(send(tony, 3, "pepper", "x"));
    let body = harness.fetch(pepper)[1].reference();
    assert_eq!(harness.run(read(pepper, body, 0)), nothing, "it has a body");
    assert_eq!(harness.read_all(pepper, mail), content(1, 0..100));
}

fn the_uploads_of_an_account_are_bounded(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::UploadsFull;
    // They count with their whole size from the first piece on.
    assert_eq!(harness.run(upload(tony, 1, 1501, 0..1)), full);
    assert_eq!(harness.run(upload(tony, 1, 1000, 0..1)), staged(1));
    assert_eq!(harness.run(upload(tony, 2, 501, 0..1)), full);
    assert_eq!(harness.run(upload(tony, 2, 501, 0..0)), staged(0), "asking needs no room");
    assert_eq!(harness.run(upload(tony, 2, 500, 0..500)), staged(500));
    assert_eq!(harness.run(upload(tony, 1, 1000, 1..1000)), staged(1000), "it has its room");
    assert_eq!(harness.run(upload(pepper, 1, 100, 0..1)), staged(1));
    // A mail gives the room back.
    assert!(is_sent(&harness.run(send_large(tony, 2, "pepper", 500))));
    for number in 3..6 {
        assert_eq!(harness.run(upload(tony, number, 1, 0..1)), staged(1));
    }
    assert_eq!(harness.run(upload(tony, 6, 1, 0..1)), full, "four");
    assert_eq!(prune_uploads(harness, u64::MAX), 5);
    assert_eq!(harness.run(upload(tony, 6, 1500, 0..1)), staged(1));
}

fn all_uploads_together_are_bounded(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let bruce = harness.account("bruce");
    let full = StoreDone::UploadsFull;
    assert_eq!(harness.run(upload(tony, 1, 1500, 0..1)), staged(1));
    assert_eq!(harness.run(upload(pepper, 1, 501, 0..1)), full);
    assert_eq!(harness.run(upload(pepper, 1, 500, 0..1)), staged(1));
    assert_eq!(harness.run(upload(bruce, 1, 1, 0..1)), full);
    assert_eq!(harness.run(delete(pepper)), StoreDone::Changed);
    assert_eq!(harness.run(upload(bruce, 1, 501, 0..1)), full);
    assert_eq!(harness.run(upload(bruce, 1, 500, 0..1)), staged(1));
    assert!(is_sent(&harness.run(send(tony, 2, "tony", "x"))), "bodies need no such room");
}

/// A time at which no upload that was touched at this time has room reserved any more.
fn lapsed(touched: u64) -> u64 {
    touched + UPLOAD_RESERVED_SECONDS * 1000 + 1
}

fn an_announced_size_takes_no_room_for_long(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::UploadsFull;
    let later = lapsed(1000);
    assert_eq!(harness.run(upload_at(1000, tony, 1, 1500, 0..10)), staged(10));
    assert_eq!(harness.run(upload_at(later - 1, pepper, 1, 501, 0..1)), full, "it is reserved");
    assert_eq!(harness.run(upload_at(later, pepper, 1, 990, 0..600)), staged(600));
    // Asking needs no room.
    assert_eq!(harness.run(upload_at(later, tony, 1, 1500, 5..10)), staged(10));
    // Each needs room for all that is missing.
    assert_eq!(harness.run(upload_at(later, tony, 1, 1500, 10..20)), full);
    assert_eq!(harness.run(upload_at(lapsed(later), tony, 1, 1500, 10..20)), full);
    assert_eq!(harness.run(upload_at(later, pepper, 1, 990, 600..990)), staged(990));
    assert!(is_sent(&harness.run(send_large(pepper, 1, "pepper", 990))));
    assert_eq!(harness.run(upload_at(later, tony, 1, 1500, 10..1500)), staged(1500));
    // What an account had goes with it.
    assert_eq!(harness.run(upload_at(lapsed(later), pepper, 2, 501, 0..1)), full);
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(upload_at(lapsed(later), pepper, 2, 501, 0..1)), staged(1));
}

fn the_upload_that_got_its_room_last_is_never_stuck(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::UploadsFull;
    let (first, second) = (lapsed(1000), lapsed(lapsed(1000)));
    assert_eq!(harness.run(upload_at(1000, tony, 1, 1500, 0..1010)), staged(1010));
    assert_eq!(harness.run(upload_at(first, pepper, 1, 990, 0..900)), staged(900));
    assert_eq!(harness.run(upload_at(second, tony, 1, 1500, 1010..1020)), full);
    assert_eq!(harness.run(upload_at(second, pepper, 1, 990, 900..950)), staged(950));
    assert_eq!(harness.run(upload_at(lapsed(second), pepper, 1, 990, 950..990)), staged(990));
    assert!(is_sent(&harness.run(send_large(pepper, 1, "pepper", 990))));
    assert_eq!(harness.run(upload_at(second, tony, 1, 1500, 1010..1500)), staged(1500));
}

/// Bytes of an account's upload, 0 if there is none.
fn bytes_of(harness: &mut Harness, account: AccountId, number: u64, size: u64) -> u64 {
    match harness.run(upload(account, number, size, 0..0)) {
        StoreDone::Uploaded { staged } => staged,
        other => panic!("{other:?}"),
    }
}

fn an_idle_upload_makes_room_for_another_of_its_account(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::UploadsFull;
    harness.run(upload_at(1000, pepper, 1, 100, 0..10));
    harness.run(upload_at(1000, tony, 1, 100, 0..10));
    harness.run(upload_at(1001, tony, 2, 100, 0..10));
    harness.run(upload_at(1002, tony, 1, 100, 10..20));
    harness.run(upload_at(1003, tony, 3, 100, 0..100));
    harness.run(upload_at(1004, tony, 4, 100, 0..10));
    let idle = lapsed(1001);
    assert_eq!(harness.run(upload_at(idle - 1, tony, 5, 100, 0..10)), full, "all go on");
    assert_eq!(harness.run(upload_at(idle, tony, 5, 100, 0..0)), staged(0));
    assert_eq!(bytes_of(harness, tony, 2, 100), 10, "asking begins nothing");
    assert_eq!(harness.run(upload_at(idle, tony, 5, 100, 0..10)), staged(10));
    // The one that waited longest for a piece is gone, and no other.
    assert_eq!(harness.run(upload_at(idle, tony, 2, 100, 10..20)), incomplete(0));
    let bytes = [1, 2, 3, 4, 5].map(|number| bytes_of(harness, tony, number, 100));
    assert_eq!(bytes, [20, 0, 100, 10, 10]);
    assert_eq!(bytes_of(harness, pepper, 1, 100), 10);
    // It begins again when another one is idle.
    assert_eq!(harness.run(upload_at(idle, tony, 2, 100, 0..10)), full);
    assert_eq!(harness.run(upload_at(idle + 1, tony, 2, 90, 0..10)), staged(10));
    assert_eq!(bytes_of(harness, tony, 1, 100), 0);
    // An upload that goes on displaces nothing.
    assert_eq!(harness.run(upload_at(lapsed(idle + 1), tony, 4, 100, 10..20)), staged(20));
    let bytes = [3, 4, 5].map(|number| bytes_of(harness, tony, number, 100));
    assert_eq!(bytes, [100, 20, 10]);
    assert!(is_sent(&harness.run(send_large(tony, 3, "pepper", 100))));
}

fn no_more_uploads_are_displaced_than_are_needed(harness: &mut Harness) {
    let tony = harness.account("tony");
    let full = StoreDone::UploadsFull;
    // The ids say nothing about the order.
    harness.run(upload_at(1000, tony, 3, 500, 0..10));
    harness.run(upload_at(1001, tony, 1, 500, 0..10));
    harness.run(upload_at(1002, tony, 2, 500, 0..10));
    let later = lapsed(1002);
    assert_eq!(harness.run(upload_at(later, tony, 4, 1501, 0..1)), full, "never allowed");
    assert_eq!([3, 1, 2].map(|number| bytes_of(harness, tony, number, 500)), [10, 10, 10]);
    assert_eq!(harness.run(upload_at(later, tony, 4, 501, 0..1)), staged(1));
    assert_eq!([3, 1, 2].map(|number| bytes_of(harness, tony, number, 500)), [0, 0, 10]);
    // If the idle ones are not enough, they stay; one that goes on stays in any case.
    assert_eq!(harness.run(upload_at(later, tony, 5, 1000, 0..1)), full);
    assert_eq!(bytes_of(harness, tony, 2, 500), 10);
    assert_eq!(harness.run(upload_at(later, tony, 5, 999, 0..1)), staged(1));
    assert_eq!(bytes_of(harness, tony, 2, 500), 0);
    assert_eq!(bytes_of(harness, tony, 4, 501), 1);
    assert_eq!(prune_uploads(harness, u64::MAX), 2);
}

fn an_upload_that_all_have_no_room_for_displaces_nothing(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let later = lapsed(1000);
    assert_eq!(harness.run(upload_at(1000, tony, 1, 1500, 0..1000)), staged(1000));
    assert_eq!(harness.run(upload_at(later, pepper, 1, 900, 0..1)), staged(1));
    let full = StoreDone::UploadsFull;
    assert_eq!(harness.run(upload_at(later, tony, 2, 1101, 0..1)), full);
    assert_eq!(bytes_of(harness, tony, 1, 1500), 1000);
    // The room of the displaced upload is free for all.
    assert_eq!(harness.run(upload_at(later, tony, 2, 1100, 0..1)), staged(1));
    assert_eq!(bytes_of(harness, tony, 1, 1500), 0);
    assert_eq!(harness.run(upload_at(lapsed(later), pepper, 2, 600, 0..600)), staged(600));
}

fn an_upload_is_kept_from_its_last_piece(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(upload_at(5000, tony, 1, 100, 0..10));
    harness.run(upload_at(5001, pepper, 1, 100, 0..10));
    harness.run(upload_at(5002, tony, 2, 100, 0..10));
    // Each piece that adds bytes counts; what adds nothing does not.
    harness.run(upload_at(6000, tony, 1, 100, 10..20));
    harness.run(upload_at(6000, pepper, 1, 100, 0..10));
    harness.run(upload_at(6000, tony, 2, 100, 0..0));
    assert_eq!(prune_uploads(harness, 5001), 0);
    assert_eq!(prune_uploads(harness, 5002), 1);
    assert_eq!(harness.run(upload(pepper, 1, 100, 0..0)), staged(0));
    assert_eq!(harness.run(upload(pepper, 1, 100, 10..20)), incomplete(0));
    assert_eq!(prune_uploads(harness, 6000), 1);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..0)), staged(20));
    assert_eq!(prune_uploads(harness, 6001), 1);
    assert_eq!(harness.run(send_large(tony, 1, "tony", 100)), incomplete(0));
    // A forgotten upload may begin again, with another size.
    assert_eq!(harness.run(upload(tony, 1, 90, 0..90)), staged(90));
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", 90))));
}

fn uploads_are_an_account_s_own_and_go_with_it(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(upload(tony, 1, 100, 0..10));
    assert_eq!(harness.run(upload(pepper, 1, 50, 0..50)), staged(50));
    assert_eq!(harness.run(send_large(tony, 1, "pepper", 100)), incomplete(10));
    assert!(is_sent(&harness.run(send_large(pepper, 1, "pepper", 50))));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(upload(tony, 1, 100, 10..20)), StoreDone::NoAccount);
    let again = harness.account("tony");
    assert_eq!(harness.run(upload(again, 1, 100, 0..0)), staged(0));
    assert_eq!(prune_uploads(harness, u64::MAX), 0);
    let mail = harness.fetch(pepper)[0].reference();
    assert_eq!(harness.read_all(pepper, mail), content(1, 0..50));
}

fn a_page_states_a_content_and_has_none_of_it(harness: &mut Harness) {
    let tony = harness.account("tony");
    sent(harness, tony, 1, "tony", 400);
    sent(harness, tony, 2, "tony", 400);
    harness.run(send(tony, 3, "tony", &"x".repeat(100)));
    harness.run(send(tony, 4, "tony", "y"));
    let (mails, more) = harness.page(tony, 0, 100, 100);
    let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!((ids, more), (vec![id(1), id(2), id(3)], true));
    let StoreJob::Send { mail, .. } = send_large(tony, 1, "tony", 400) else { panic!() };
    assert_eq!(mails[0].content, mail.content);
    assert_eq!(mails[0].from_name.as_str(), "Tony Stark");
    assert_eq!(mails[0].sent_at, Timestamp(1001));
}
