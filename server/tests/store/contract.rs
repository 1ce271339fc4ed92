//! The contract of all stores: the answers to each job, also with a crash before every job.

use correio_proto::mail::{MailRef, Seq, Timestamp};
use correio_server::store::{StoreDone, StoreJob};

use super::support::{
    Harness, create, delete, find, hash, id, is_sent, rename, send, send_at, set_hash,
    whole_mailbox,
};

contract! {
    a_username_is_taken_once,
    a_hash_is_changed_only_from_what_it_was,
    a_deleted_account_takes_everything_along,
    a_mail_reaches_all_or_nobody,
    a_mail_sent_again_is_one_mail,
    a_record_outlives_the_mail_and_is_forgotten,
    a_refusal_leaves_no_record,
    a_record_comes_before_everything_about_recipients,
    the_sender_s_names_are_those_of_the_time,
    a_full_mailbox_refuses,
    a_quota_is_exact_to_the_byte,
    pages_are_in_order_and_bounded,
    only_what_is_named_is_deleted,
    numbers_are_not_given_again,
    what_is_stored_comes_back_to_the_byte,
}

fn a_username_is_taken_once(harness: &mut Harness) {
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::Created);
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::CreatedBefore);
    assert_eq!(harness.run(create(2, "tony", "b")), StoreDone::UsernameTaken);
    let account = harness.record("tony");
    assert_eq!((account.waiting(), account.hash), (0, Some(hash("a"))));
    assert_eq!(harness.run(find("nobody")), StoreDone::Account(None));
}

fn a_hash_is_changed_only_from_what_it_was(harness: &mut Harness) {
    let account = harness.account("tony");
    let set = |old: &str, new: &str| set_hash(account, old, new);
    assert_eq!(harness.run(set("x", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(set("h", "i")), StoreDone::PasswordSet { revoked: 0 });
    let again = harness.run(set("h", "i"));
    assert_eq!(again, StoreDone::PasswordSet { revoked: 0 }, "again, after a lost answer");
    assert_eq!(harness.run(set("h", "j")), StoreDone::Conflict);
    assert_eq!(harness.run(delete(account)), StoreDone::Conflict);
    assert_eq!(harness.record("tony").hash, Some(hash("i")));
}

fn a_deleted_account_takes_everything_along(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper", "x"));
    harness.run(send(pepper, 2, "tony", "x"));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(delete(tony)), StoreDone::NoAccount);
    assert_eq!(harness.run(send(tony, 3, "pepper", "x")), StoreDone::NoAccount);
    assert_eq!(harness.run(whole_mailbox(tony)), StoreDone::NoAccount);
    let confirm = StoreJob::Confirm { account: tony, mails: vec![] };
    assert_eq!(harness.run(confirm), StoreDone::NoAccount);
    assert_eq!(harness.run(rename(tony, "Tony")), StoreDone::NoAccount);
    let set_hash = set_hash(tony, "h", "i");
    assert_eq!(harness.run(set_hash), StoreDone::NoAccount);
    assert_eq!(harness.fetch(pepper).len(), 1, "what it sent stays");
    let again = harness.account("tony");
    assert_ne!(again, tony);
    assert_eq!(harness.fetch(again), []);
    assert_eq!(harness.record("tony").waiting(), 0);
    let first_of_this_account = harness.run(send(again, 1, "pepper", "x"));
    assert!(is_sent(&first_of_this_account), "{first_of_this_account:?}");
}

fn a_mail_reaches_all_or_nobody(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let unknown = ["bruce", "nobody"].map(|name| name.parse().unwrap()).to_vec();
    let refused = harness.run(send(tony, 1, "pepper,bruce,tony,nobody", "x"));
    assert_eq!(refused, StoreDone::UnknownRecipients(unknown));
    assert_eq!((harness.fetch(tony), harness.fetch(pepper)), (vec![], vec![]));
    let sent = harness.run(send(tony, 2, "pepper,tony", "x"));
    let StoreDone::Sent { recipients, sent_at, from } = sent else { panic!("{sent:?}") };
    assert_eq!((recipients, sent_at), (vec![pepper, tony], Timestamp(1002)));
    assert_eq!(from.0.as_str(), "tony");
    assert_eq!((harness.fetch(tony).len(), harness.fetch(pepper).len()), (1, 1));
}

fn a_mail_sent_again_is_one_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper", "x"));
    assert_eq!(
        harness.run(send_at(99_999, tony, 1, "pepper", "x")),
        StoreDone::SentBefore { sent_at: Timestamp(1001) }
    );
    assert_eq!(harness.run(send(tony, 1, "pepper", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(send(tony, 1, "pepper,tony", "x")), StoreDone::Conflict);
    assert!(matches!(harness.run(send(pepper, 1, "pepper", "z")), StoreDone::Sent { .. }));
    assert_eq!(harness.fetch(pepper).len(), 2, "ids are a sender's own");
}

fn a_record_outlives_the_mail_and_is_forgotten(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    harness.run(send(tony, 2, "tony", "x"));
    assert_eq!(harness.confirm_all(tony), 2);
    let before = |job: StoreDone| matches!(job, StoreDone::SentBefore { .. });
    assert!(before(harness.run(send(tony, 1, "tony", "x"))));
    let pruned =
        harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before: Timestamp(1002) });
    assert_eq!(pruned, StoreDone::Pruned { uploads: 0, records: 1, more: false });
    assert!(before(harness.run(send(tony, 2, "tony", "x"))));
    assert!(matches!(harness.run(send(tony, 1, "tony", "x")), StoreDone::Sent { .. }));
}

fn a_refusal_leaves_no_record(harness: &mut Harness) {
    let tony = harness.account("tony");
    let refused = harness.run(send(tony, 1, "pepper", "x"));
    assert!(matches!(refused, StoreDone::UnknownRecipients(_)));
    harness.account("pepper");
    assert!(matches!(harness.run(send(tony, 1, "pepper", "x")), StoreDone::Sent { .. }));
}

fn a_full_mailbox_refuses(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::MailboxesFull { recipients: vec!["pepper".parse().unwrap()], members: 0 };
    for number in 1..=5 {
        harness.run(send(tony, number, "pepper", "x"));
    }
    assert_eq!(harness.run(send(tony, 6, "tony,pepper", "x")), full, "mails");
    assert_eq!(harness.fetch(tony), []);
    assert_eq!(harness.confirm_all(pepper), 5);
    // The subject counts with the body.
    let large = "x".repeat(999);
    assert!(matches!(harness.run(send(tony, 7, "pepper", &large)), StoreDone::Sent { .. }));
    assert_eq!(harness.run(send(tony, 8, "pepper", "x")), full, "bytes");
    assert_eq!(harness.record("pepper").waiting(), 1);
}

fn a_record_comes_before_everything_about_recipients(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let bruce = harness.account("bruce");
    for number in 1..=5 {
        harness.run(send(tony, number, "pepper", "x"));
    }
    harness.run(send(tony, 6, "bruce", "x"));
    harness.run(delete(bruce));
    let before = |number: u64| StoreDone::SentBefore { sent_at: Timestamp(1000 + number) };
    // One mailbox is full by now, the other is gone.
    assert_eq!(harness.run(send(tony, 5, "pepper", "x")), before(5));
    assert_eq!(harness.run(send(tony, 6, "bruce", "x")), before(6));
    assert_eq!(harness.run(send(tony, 6, "bruce", "y")), StoreDone::Conflict);
    let refused = harness.run(send(tony, 7, "pepper,bruce", "x"));
    let unknown = vec!["bruce".parse().unwrap()];
    assert_eq!(refused, StoreDone::UnknownRecipients(unknown));
    assert_eq!(harness.fetch(pepper).len(), 5);
}

fn the_sender_s_names_are_those_of_the_time(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    assert_eq!(harness.run(rename(tony, "Anthony Edward Stark")), StoreDone::Changed);
    let sent = harness.run(send(tony, 2, "tony", "x"));
    let StoreDone::Sent { from, .. } = sent else { panic!("{sent:?}") };
    let full_name = harness.record("tony").full_name;
    assert_eq!(full_name.as_str(), "Anthony Edward Stark");
    assert_eq!(from, ("tony".parse().unwrap(), full_name));
    let mails = harness.fetch(tony);
    let names: Vec<_> = mails.iter().map(|mail| mail.from_name.as_str()).collect();
    assert_eq!(names, ["Tony Stark", "Anthony Edward Stark"]);
}

fn a_quota_is_exact_to_the_byte(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.account("bruce");
    // Two bytes a letter, a zero byte, and one byte of subject.
    let fits = format!("{}\0", "ã".repeat(499));
    let over = format!("{fits}x");
    let full = |names: &[&str]| StoreDone::MailboxesFull {
        recipients: names.iter().map(|name| name.parse().unwrap()).collect(),
        members: 0,
    };
    assert_eq!(harness.run(send(tony, 1, "pepper", &over)), full(&["pepper"]));
    // A deletion subtracts from the quota what the mail had added: the second round is like the
    // first.
    for number in [2, 3] {
        let sent = harness.run(send(tony, number, "pepper", &fits));
        assert!(is_sent(&sent), "{sent:?}");
        assert_eq!(harness.run(send(tony, 9, "pepper", "x")), full(&["pepper"]));
        assert_eq!(harness.confirm_all(pepper), 1);
    }
    for number in [4, 5] {
        harness.run(send(tony, number, "pepper,tony", &"x".repeat(499)));
    }
    let all = harness.run(send(tony, 6, "tony,bruce,pepper", "x"));
    assert_eq!(all, full(&["tony", "pepper"]));
}

fn pages_are_in_order_and_bounded(harness: &mut Harness) {
    let tony = harness.account("tony");
    for number in 1..=4 {
        harness.run(send(tony, number, "tony", &"x".repeat(100)));
    }
    let (first, more) = harness.page(tony, 0, 2, usize::MAX);
    assert_eq!((first[0].id, first[1].id, first.len(), more), (id(1), id(2), 2, true));
    let (rest, more) = harness.page(tony, first[1].seq.0, 2, usize::MAX);
    assert_eq!((rest[0].id, rest.len(), more), (id(3), 2, false));
    assert_eq!(harness.page(tony, 0, 100, 0).0.len(), 1, "at least one");
    let (by_bytes, more) = harness.page(tony, 0, 100, 200);
    assert_eq!((by_bytes.len(), more), (2, true));
    let (up_to_the_last, more) = harness.page(tony, 0, 4, usize::MAX);
    assert_eq!((up_to_the_last.len(), more), (4, false));
    assert_eq!(harness.page(tony, u64::MAX, 100, 200), (vec![], false));
}

fn only_what_is_named_is_deleted(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper,tony", "x"));
    harness.run(send(tony, 2, "pepper", "x"));
    let mails = harness.fetch(pepper);
    let first = mails[0].reference();
    assert_eq!(harness.confirm(tony, vec![first]), 0, "another's");
    let wrong_id = MailRef { id: id(9), ..first };
    let wrong_seq = MailRef { seq: Seq(999), ..first };
    assert_eq!(harness.confirm(pepper, vec![wrong_id, wrong_seq]), 0);
    assert_eq!(harness.confirm(pepper, vec![first, first]), 1);
    assert_eq!(harness.fetch(pepper), mails[1..]);
    assert_eq!(harness.fetch(tony).len(), 1);
}

fn numbers_are_not_given_again(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let first = harness.fetch(tony)[0].reference();
    harness.confirm(tony, vec![first]);
    harness.run(send(tony, 2, "tony", "x"));
    let second = harness.fetch(tony)[0].reference();
    assert!(second.seq > first.seq);
    harness.run(delete(tony));
    let again = harness.account("tony");
    harness.run(send(again, 3, "tony", "x"));
    assert!(harness.fetch(again)[0].seq > second.seq);
}

fn what_is_stored_comes_back_to_the_byte(harness: &mut Harness) {
    let tony = harness.account("tony");
    let body = "From x\r\n\0.\r\n\u{1b}[2J\u{202e} ção 😀\n\n";
    harness.run(send(tony, 1, "tony", body));
    let mail = &harness.fetch(tony)[0];
    assert_eq!(mail.content.body().unwrap().as_str(), body);
    assert_eq!(mail.from_name.as_str(), "Tony Stark");
    assert_eq!(mail.to.to_string(), "tony");
    assert_eq!(mail.sent_at, Timestamp(1001));
}
