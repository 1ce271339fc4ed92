//! The contract of all stores for the jobs of gateways: recipients before there is a mail, and
//! contents whose size is not known while they arrive.

use std::{ops::Range, sync::Arc};

use correio_proto::{
    limits::UPLOAD_RESERVED_SECONDS,
    mail::Timestamp,
    message::{ListChange, SendPolicy},
};
use correio_server::{
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone, StoreJob, ToLists,
        admin::{AccountState, AdminJob, DisabledMail},
        gateway::{GatewayDone, GatewayJob},
    },
};

use super::{
    admin::admin,
    support::{Harness, content, delete, id, is_sent, send, send_large, upload, upload_at},
};

contract! {
    a_recipient_is_found_before_there_is_a_mail,
    a_list_is_a_recipient_for_those_whose_mail_it_takes,
    a_disabled_account_is_a_recipient_while_it_takes_mail,
    a_content_without_a_size_grows_and_is_taken_over,
    a_staged_content_has_at_most_the_bytes_of_the_largest_content,
    uploads_with_and_without_a_size_stay_apart,
    a_mail_takes_over_the_content_that_it_names_and_no_other,
    a_staged_content_is_forgotten_with_every_result_of_its_mail,
    a_mail_within_which_its_content_is_forgets_its_upload_too,
    a_staged_content_that_is_discarded_twice_is_gone,
    a_staged_content_takes_the_places_of_uploads,
    a_staged_content_that_was_abandoned_makes_room,
    jobs_of_gateways_need_an_account,
}

fn name(text: &str) -> correio_proto::mail::Username {
    text.parse().unwrap()
}

pub fn stage(account: AccountId, number: u64, part: Range<u64>) -> StoreJob {
    stage_at(1000, account, number, part)
}

/// Adds a part of [`content`] to an upload without a size.
pub fn stage_at(now: u64, account: AccountId, number: u64, part: Range<u64>) -> StoreJob {
    StoreJob::Gateway(GatewayJob::Stage {
        account,
        id: id(number),
        offset: part.start,
        bytes: content(number, part).as_slice().try_into().unwrap(),
        now: Timestamp(now),
    })
}

pub fn discard(account: AccountId, number: u64) -> StoreJob {
    StoreJob::Gateway(GatewayJob::Discard { account, id: id(number) })
}

/// Sends a mail whose large content is under another number.
pub fn send_staged(sender: AccountId, number: u64, to: &str, size: u64, staged: u64) -> StoreJob {
    let StoreJob::Send { mail, to_lists, now, .. } = send_large(sender, number, to, size) else {
        panic!("another job");
    };
    let mail = NewMailRecord { staged: Some(id(staged)), ..(*mail).clone() };
    StoreJob::Send { sender, mail: Arc::new(mail), to_lists, now }
}

pub fn find_recipient(sender: AccountId, username: &str) -> StoreJob {
    StoreJob::Gateway(GatewayJob::FindRecipient { sender, username: name(username) })
}

fn recipient(harness: &mut Harness, sender: AccountId, username: &str) -> GatewayDone {
    match harness.run(find_recipient(sender, username)) {
        StoreDone::Gateway(done) => done,
        other => panic!("a recipient was expected, not {other:?}"),
    }
}

fn staged(bytes: u64) -> StoreDone {
    StoreDone::Uploaded { staged: bytes }
}

fn incomplete(bytes: u64) -> StoreDone {
    StoreDone::Incomplete { staged: bytes }
}

/// Whether there is an upload without a size under this number.
fn is_staged(harness: &mut Harness, account: AccountId, number: u64) -> bool {
    match harness.run(stage(account, number, 0..0)) {
        StoreDone::Uploaded { staged } => staged > 0,
        other => panic!("{other:?}"),
    }
}

fn a_recipient_is_found_before_there_is_a_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert_eq!(recipient(harness, tony, "pepper"), GatewayDone::Recipient);
    assert_eq!(recipient(harness, tony, "tony"), GatewayDone::Recipient);
    assert_eq!(recipient(harness, tony, "nobody"), GatewayDone::UnknownRecipient);
    // Whether there is room is seen when the mail is there.
    harness.run(send(tony, 1, "pepper", &"x".repeat(999)));
    assert_eq!(recipient(harness, tony, "pepper"), GatewayDone::Recipient);
    assert_eq!(harness.run(delete(pepper)), StoreDone::Changed);
    assert_eq!(recipient(harness, tony, "pepper"), GatewayDone::UnknownRecipient);
}

fn a_list_is_a_recipient_for_those_whose_mail_it_takes(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let change = |account, list, change| StoreJob::ChangeList { account, name: name(list), change };
    for (list, senders) in [
        ("donos", SendPolicy::Owners {}),
        ("turma", SendPolicy::Members {}),
        ("todos", SendPolicy::Everybody {}),
    ] {
        let create = ListChange::Create { title: "Turma".parse().unwrap(), senders };
        assert_eq!(harness.run(change(tony, list, create)), StoreDone::Changed);
    }
    for (list, others) in [
        ("donos", GatewayDone::MayNotSend),
        ("turma", GatewayDone::MayNotSend),
        ("todos", GatewayDone::Recipient),
        ("everybody", GatewayDone::MayNotSend),
    ] {
        assert_eq!(recipient(harness, pepper, list), others, "{list}");
        if list != "everybody" {
            assert_eq!(recipient(harness, tony, list), GatewayDone::Recipient, "{list}");
        }
    }
}

fn a_disabled_account_is_a_recipient_while_it_takes_mail(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.account("pepper");
    for (mail, expected) in [
        (DisabledMail::Kept, GatewayDone::Recipient),
        (DisabledMail::Refused, GatewayDone::UnknownRecipient),
    ] {
        let state = AccountState::Disabled(mail);
        admin(harness, AdminJob::SetState { username: name("pepper"), state });
        assert_eq!(recipient(harness, tony, "pepper"), expected);
    }
}

fn a_content_without_a_size_grows_and_is_taken_over(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert_eq!(harness.run(stage(tony, 1, 0..0)), staged(0), "an empty piece begins nothing");
    assert_eq!(harness.run(stage(tony, 1, 10..20)), incomplete(0));
    assert_eq!(harness.run(stage(tony, 1, 0..40)), staged(40));
    assert_eq!(harness.run(stage(tony, 1, 0..40)), staged(40), "again, after a lost answer");
    assert_eq!(harness.run(stage(tony, 1, 41..50)), incomplete(40));
    assert_eq!(harness.run(stage(tony, 1, 20..60)), staged(60), "half of it is new");
    assert_eq!(harness.run(stage(tony, 1, 60..100)), staged(100));
    let done = harness.run(send_staged(tony, 7, "pepper,tony", 100, 1));
    assert!(is_sent(&done), "{done:?}");
    for account in [tony, pepper] {
        let mail = harness.fetch(account)[0].clone();
        assert_eq!((mail.id, mail.content.size()), (id(7), 100));
        assert_eq!(harness.read_all(account, mail.reference()), content(1, 0..100));
    }
    assert!(!is_staged(harness, tony, 1));
    // The id is free for another content.
    assert_eq!(harness.run(stage(tony, 1, 0..5)), staged(5));
}

fn a_staged_content_has_at_most_the_bytes_of_the_largest_content(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert_eq!(harness.run(stage(tony, 1, 0..701)), StoreDone::Conflict);
    assert_eq!(harness.run(stage(tony, 1, 0..699)), staged(699));
    assert_eq!(harness.run(stage(tony, 1, 699..701)), StoreDone::Conflict);
    assert_eq!(harness.run(stage(tony, 1, 699..700)), staged(700));
    assert_eq!(harness.run(stage(tony, 1, u64::MAX - 1..u64::MAX - 1)), StoreDone::Conflict);
    assert!(is_sent(&harness.run(send_staged(tony, 7, "tony", 700, 1))));
}

fn uploads_with_and_without_a_size_stay_apart(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert_eq!(harness.run(upload(tony, 1, 100, 0..100)), staged(100));
    assert_eq!(harness.run(stage(tony, 2, 0..100)), staged(100));
    assert_eq!(harness.run(stage(tony, 1, 100..110)), StoreDone::Conflict);
    assert_eq!(harness.run(upload(tony, 2, 700, 100..110)), StoreDone::Conflict);
    assert_eq!(harness.run(send_staged(tony, 3, "tony", 100, 1)), StoreDone::Conflict);
    assert_eq!(harness.run(send_large(tony, 2, "tony", 100)), StoreDone::Conflict);
    let discarded = StoreDone::Gateway(GatewayDone::Discarded);
    assert_eq!(harness.run(discard(tony, 1)), discarded);
    assert_eq!(harness.run(upload(tony, 1, 100, 0..0)), staged(100), "it stays");
    assert!(is_sent(&harness.run(send_large(tony, 1, "tony", 100))));
    assert!(is_sent(&harness.run(send_staged(tony, 3, "tony", 100, 2))));
}

fn a_mail_takes_over_the_content_that_it_names_and_no_other(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(stage(tony, 1, 0..100));
    assert_eq!(harness.run(send_staged(pepper, 7, "tony", 100, 1)), incomplete(0));
    assert_eq!(harness.run(send_staged(tony, 7, "tony", 100, 2)), incomplete(0));
    assert_eq!(harness.run(send_large(tony, 7, "tony", 100)), incomplete(0));
    assert!(is_staged(harness, tony, 1), "what others do leaves it");
    // The id of a mail that was sent may be staged, too.
    harness.run(send(tony, 5, "tony", "x"));
    assert_eq!(harness.run(stage(tony, 5, 0..100)), staged(100));
    assert!(is_sent(&harness.run(send_staged(tony, 7, "tony", 100, 5))));
    let mail = harness.fetch(tony)[1].reference();
    assert_eq!(harness.read_all(tony, mail), content(5, 0..100));
}

fn a_staged_content_is_forgotten_with_every_result_of_its_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 50, "pepper", &"x".repeat(900)));
    let unknown = StoreDone::UnknownRecipients(vec![name("nobody")]);
    let refused = StoreDone::MayNotSend(vec![name("everybody")]);
    let full = StoreDone::MailboxesFull { recipients: vec![name("pepper")], members: 0 };
    for (to, size, expected) in [
        ("nobody", 100, unknown),
        ("everybody", 100, refused),
        ("pepper", 100, full),
        ("tony", 99, StoreDone::Conflict),
        ("tony", 101, incomplete(100)),
    ] {
        assert_eq!(harness.run(stage(tony, 1, 0..100)), staged(100));
        assert_eq!(harness.run(send_staged(tony, 7, to, size, 1)), expected);
        assert!(!is_staged(harness, tony, 1), "after {expected:?}");
    }
    harness.run(stage(tony, 1, 0..100));
    assert!(is_sent(&harness.run(send_staged(tony, 7, "tony", 100, 1))));
    // A program that lost the answer sends all of it again, under another upload.
    let before = StoreDone::SentBefore { sent_at: Timestamp(1007) };
    for (to, expected) in [("tony", before), ("tony,pepper", StoreDone::Conflict)] {
        harness.run(stage(tony, 2, 0..100));
        assert_eq!(harness.run(send_staged(tony, 7, to, 100, 2)), expected);
        assert!(!is_staged(harness, tony, 2), "after {expected:?}");
    }
    assert_eq!((harness.confirm_all(tony), harness.confirm_all(pepper)), (1, 1));
    let create =
        ListChange::Create { title: "Turma".parse().unwrap(), senders: SendPolicy::Everybody {} };
    let create = StoreJob::ChangeList { account: tony, name: name("turma"), change: create };
    assert_eq!(harness.run(create), StoreDone::Changed);
    harness.run(stage(tony, 1, 0..100));
    let StoreJob::Send { sender, mail, now, .. } = send_staged(tony, 8, "turma", 100, 1) else {
        panic!("another job");
    };
    let held = StoreJob::Send { sender, mail, to_lists: ToLists::Held, now };
    assert_eq!(harness.run(held), StoreDone::ListsHeld);
    assert!(!is_staged(harness, tony, 1));
}

fn a_mail_within_which_its_content_is_forgets_its_upload_too(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(stage(tony, 1, 0..10));
    let StoreJob::Send { mail, to_lists, now, .. } = send(tony, 7, "tony", "short") else {
        panic!("another job");
    };
    let mail = Arc::new(NewMailRecord { staged: Some(id(1)), ..(*mail).clone() });
    assert!(is_sent(&harness.run(StoreJob::Send { sender: tony, mail, to_lists, now })));
    assert!(!is_staged(harness, tony, 1));
}

fn a_staged_content_that_is_discarded_twice_is_gone(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let discarded = StoreDone::Gateway(GatewayDone::Discarded);
    assert_eq!(harness.run(discard(tony, 1)), discarded, "there was none");
    harness.run(stage(tony, 1, 0..100));
    assert_eq!(harness.run(discard(pepper, 1)), discarded);
    assert!(is_staged(harness, tony, 1), "another account's is another upload");
    for _ in 0..2 {
        assert_eq!(harness.run(discard(tony, 1)), discarded);
        assert_eq!(harness.run(send_staged(tony, 7, "tony", 100, 1)), incomplete(0));
    }
    assert_eq!(harness.run(stage(tony, 1, 100..110)), incomplete(0));
}

fn a_staged_content_takes_the_places_of_uploads(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    // Of 1500 bytes, each staged content counts for 700.
    assert_eq!(harness.run(stage(tony, 1, 0..1)), staged(1));
    assert_eq!(harness.run(stage(tony, 2, 0..1)), staged(1));
    assert_eq!(harness.run(stage(tony, 3, 0..1)), StoreDone::UploadsFull);
    assert_eq!(harness.run(upload(tony, 3, 101, 0..1)), StoreDone::UploadsFull);
    assert_eq!(harness.run(upload(tony, 3, 100, 0..1)), staged(1));
    // Of 2000 bytes, all uploads have reserved 1500.
    assert_eq!(harness.run(stage(pepper, 1, 0..1)), StoreDone::UploadsFull);
    assert_eq!(harness.run(stage(tony, 1, 1..700)), staged(700), "it has its room");
    assert_eq!(harness.run(stage(pepper, 1, 0..1)), StoreDone::UploadsFull);
    assert!(is_sent(&harness.run(send_staged(tony, 7, "tony", 700, 1))));
    assert_eq!(harness.run(stage(pepper, 1, 0..1)), staged(1));
    harness.run(discard(tony, 2));
    assert_eq!(harness.run(stage(tony, 3, 0..1)), StoreDone::Conflict);
    assert_eq!(harness.run(stage(tony, 4, 0..1)), staged(1));
}

fn a_staged_content_that_was_abandoned_makes_room(harness: &mut Harness) {
    let tony = harness.account("tony");
    let later = 1000 + UPLOAD_RESERVED_SECONDS * 1000 + 1;
    harness.run(stage(tony, 1, 0..100));
    harness.run(stage(tony, 2, 0..100));
    assert_eq!(harness.run(stage_at(later - 1, tony, 3, 0..1)), StoreDone::UploadsFull);
    assert_eq!(harness.run(stage_at(later, tony, 3, 0..1)), staged(1));
    assert!(!is_staged(harness, tony, 1), "the one idle longest");
    assert!(is_staged(harness, tony, 2));
    // An upload with a size displaces one without, too.
    assert_eq!(harness.run(upload_at(later, tony, 4, 700, 0..1)), staged(1));
    assert!(!is_staged(harness, tony, 2));
    let prune = StoreJob::Prune { before: Timestamp(0), uploads_before: Timestamp(later + 1) };
    let pruned = StoreDone::Pruned { records: 0, uploads: 2, more: false };
    assert_eq!(harness.run(prune), pruned);
    assert!(!is_staged(harness, tony, 3));
}

fn jobs_of_gateways_need_an_account(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(stage(tony, 1, 0..100));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    for job in [
        stage(tony, 1, 100..110),
        stage(tony, 2, 0..0),
        discard(tony, 1),
        find_recipient(tony, "tony"),
        send_staged(tony, 7, "tony", 100, 1),
    ] {
        assert_eq!(harness.run(job.clone()), StoreDone::NoAccount, "{job:?}");
    }
    let tony = harness.account("tony");
    assert!(!is_staged(harness, tony, 1));
}
