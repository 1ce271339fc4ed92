//! The contract of all stores for hidden recipients: each sees those that all see, and itself.

use std::sync::Arc;

use correio_proto::{
    mail::{Timestamp, Username},
    message::{ListChange, Role, SendPolicy},
};
use correio_server::{
    ids::AccountId,
    store::{NewMailRecord, StoreDone, StoreJob},
};

use super::{
    gateway::{send_staged, stage},
    support::{Harness, delete, id, is_sent, send, send_large, upload},
};

contract! {
    a_hidden_recipient_sees_itself_and_is_seen_by_no_other,
    recipients_that_are_all_hidden_see_themselves_alone,
    the_members_of_a_hidden_list_see_its_name,
    an_account_sees_the_recipient_that_stands_for_it_first,
    a_mail_is_the_same_only_with_the_same_hidden_recipients,
    a_refusal_names_hidden_recipients_to_the_sender,
    a_name_that_is_no_recipient_hides_nothing,
    what_an_account_sees_stays_when_others_are_gone,
}

/// Hides these recipients of the mail that a job sends.
pub fn hiding(job: StoreJob, bcc: &str) -> StoreJob {
    let StoreJob::Send { sender, mail, to_lists, now } = job else { panic!("another job") };
    let bcc = bcc.split(',').filter(|name| !name.is_empty()).map(name).collect();
    let mail = Arc::new(NewMailRecord { bcc, ..(*mail).clone() });
    StoreJob::Send { sender, mail, to_lists, now }
}

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

/// The recipients that an account sees of its last mail.
fn seen(harness: &mut Harness, account: AccountId) -> String {
    harness.fetch(account).last().unwrap().to.to_string()
}

fn three(harness: &mut Harness) -> [AccountId; 3] {
    ["tony", "pepper", "bruce"].map(|name| harness.account(name))
}

/// Makes a list of these members, which takes everybody's mail.
fn list(harness: &mut Harness, owner: AccountId, title: &str, members: &str) {
    let mut change = |change| {
        let job = StoreJob::ChangeList { account: owner, name: name(title), change };
        assert_eq!(harness.run(job), StoreDone::Changed);
    };
    let senders = SendPolicy::Everybody {};
    change(ListChange::Create { title: title.parse().unwrap(), senders });
    let (members, role) = (members.parse().unwrap(), Role::Member {});
    change(ListChange::Add { members, role });
}

fn a_hidden_recipient_sees_itself_and_is_seen_by_no_other(harness: &mut Harness) {
    let [tony, pepper, bruce] = three(harness);
    // In the rows of the mails, and in a row that they share.
    harness.run(upload(tony, 4, 100, 0..100));
    harness.run(stage(tony, 9, 0..100));
    for job in [
        send(tony, 1, "tony,pepper,bruce", "short"),
        send(tony, 2, "bruce,tony,pepper", "short"),
        send_large(tony, 4, "tony,pepper,bruce", 100),
        send_staged(tony, 5, "tony,pepper,bruce", 100, 9),
    ] {
        let done = harness.run(hiding(job, "pepper"));
        assert!(is_sent(&done), "{done:?}");
        for account in [tony, bruce] {
            let seen = seen(harness, account);
            assert!(["tony, bruce", "bruce, tony"].contains(&seen.as_str()), "{seen}");
        }
        let seen = seen(harness, pepper);
        assert!(["tony, bruce, pepper", "bruce, tony, pepper"].contains(&seen.as_str()), "{seen}");
    }
    harness.confirm_all(pepper);
    assert!(is_sent(&harness.run(hiding(send(tony, 6, "pepper,tony,bruce", "x"), "tony,bruce"))));
    assert_eq!(seen(harness, pepper), "pepper");
    assert_eq!(seen(harness, tony), "pepper, tony");
    assert_eq!(seen(harness, bruce), "pepper, bruce");
}

fn recipients_that_are_all_hidden_see_themselves_alone(harness: &mut Harness) {
    let [tony, pepper, _] = three(harness);
    harness.run(upload(tony, 2, 100, 0..100));
    for job in [send(tony, 1, "tony,pepper", "x"), send_large(tony, 2, "tony,pepper", 100)] {
        let done = harness.run(hiding(job, "pepper,tony"));
        let StoreDone::Sent { recipients, .. } = done else { panic!("{done:?}") };
        assert_eq!(recipients, [tony, pepper], "in the order of the recipients");
        assert_eq!(seen(harness, tony), "tony");
        assert_eq!(seen(harness, pepper), "pepper");
    }
}

fn the_members_of_a_hidden_list_see_its_name(harness: &mut Harness) {
    let [tony, pepper, bruce] = three(harness);
    list(harness, tony, "turma", "pepper,bruce");
    harness.run(upload(bruce, 2, 100, 0..100));
    for job in [send(bruce, 1, "turma,bruce", "x"), send_large(bruce, 2, "turma,bruce", 100)] {
        let done = harness.run(hiding(job, "turma"));
        let StoreDone::Sent { recipients, .. } = done else { panic!("{done:?}") };
        assert_eq!(recipients, [bruce, pepper, tony]);
        assert_eq!(seen(harness, bruce), "bruce");
        assert_eq!(seen(harness, pepper), "bruce, turma");
        assert_eq!(seen(harness, tony), "bruce, turma");
    }
    assert!(is_sent(&harness.run(hiding(send(bruce, 3, "turma", "x"), "turma"))));
    assert_eq!(seen(harness, bruce), "turma");
}

fn an_account_sees_the_recipient_that_stands_for_it_first(harness: &mut Harness) {
    let [tony, pepper, bruce] = three(harness);
    list(harness, tony, "amigos", "pepper,bruce");
    list(harness, tony, "turma", "pepper,bruce");
    // Named and hidden, and a member of a list that all see.
    assert!(is_sent(&harness.run(hiding(send(bruce, 1, "turma,pepper", "x"), "pepper"))));
    assert_eq!(seen(harness, pepper), "turma, pepper");
    assert_eq!(seen(harness, tony), "turma");
    // Named, and a member of a hidden list.
    assert!(is_sent(&harness.run(hiding(send(bruce, 2, "turma,pepper", "x"), "turma"))));
    assert_eq!(seen(harness, pepper), "pepper");
    assert_eq!(seen(harness, tony), "pepper, turma");
    // A member of two hidden lists.
    assert!(is_sent(&harness.run(hiding(send(bruce, 3, "turma,amigos", "x"), "amigos,turma"))));
    assert_eq!(seen(harness, tony), "turma");
}

fn a_mail_is_the_same_only_with_the_same_hidden_recipients(harness: &mut Harness) {
    let [tony, pepper, _] = three(harness);
    let again = |bcc: &str| hiding(send(tony, 1, "tony,pepper,bruce", "x"), bcc);
    assert!(is_sent(&harness.run(again("pepper"))));
    let before = StoreDone::SentBefore { sent_at: Timestamp(1001) };
    assert_eq!(harness.run(again("pepper")), before);
    for other in ["", "bruce", "pepper,bruce"] {
        assert_eq!(harness.run(again(other)), StoreDone::Conflict, "hiding {other}");
    }
    assert_eq!(harness.confirm_all(pepper), 1);
    assert_eq!(harness.run(again("pepper")), before);
    assert_eq!(harness.fetch(pepper), []);
    assert!(is_sent(&harness.run(send(tony, 2, "tony,pepper", "x"))));
    let hidden = hiding(send(tony, 2, "tony,pepper", "x"), "pepper");
    assert_eq!(harness.run(hidden), StoreDone::Conflict);
}

fn a_refusal_names_hidden_recipients_to_the_sender(harness: &mut Harness) {
    let [tony, _, _] = three(harness);
    harness.run(send(tony, 1, "pepper", &"x".repeat(999)));
    let full = StoreDone::MailboxesFull { recipients: vec![name("pepper")], members: 0 };
    assert_eq!(harness.run(hiding(send(tony, 2, "tony,pepper", "x"), "pepper")), full);
    let unknown = StoreDone::UnknownRecipients(vec![name("nobody")]);
    assert_eq!(harness.run(hiding(send(tony, 3, "tony,nobody", "x"), "nobody")), unknown);
    assert_eq!(harness.fetch(tony), []);
}

fn a_name_that_is_no_recipient_hides_nothing(harness: &mut Harness) {
    let [tony, pepper, _] = three(harness);
    let done = harness.run(hiding(send(tony, 1, "tony,pepper", "x"), "bruce"));
    assert!(is_sent(&done), "{done:?}");
    for account in [tony, pepper] {
        assert_eq!(seen(harness, account), "tony, pepper");
    }
}

fn what_an_account_sees_stays_when_others_are_gone(harness: &mut Harness) {
    let [tony, pepper, bruce] = three(harness);
    harness.run(upload(bruce, 1, 100, 0..100));
    let large = hiding(send_large(bruce, 1, "tony,pepper,bruce", 100), "pepper,bruce");
    assert!(is_sent(&harness.run(large)));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(delete(bruce)), StoreDone::Changed);
    let mail = harness.fetch(pepper)[0].clone();
    assert_eq!((mail.to.to_string().as_str(), mail.id), ("tony, pepper", id(1)));
    assert_eq!(harness.read_all(pepper, mail.reference()).len(), 100);
    assert_eq!(harness.confirm_all(pepper), 1);
}
