//! The contract of all stores about lists, also with a crash before every job.

use correio_proto::{
    limits,
    mail::{Mail, MailRef, Username},
    message::{ListChange, ListOverview, Role, SendPolicy},
};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, StoreJob, ToLists},
};

use super::support::{
    Harness, content, create, delete, id, is_sent, rename, send, send_large, upload,
};

contract! {
    a_list_s_name_is_no_account_s_and_an_account_s_no_list_s,
    a_change_that_is_made_again_gives_the_same_answer,
    a_mail_to_a_list_reaches_every_member_once,
    a_mail_to_a_list_reaches_all_members_or_nobody,
    whose_mail_a_list_takes_is_its_owners_choice,
    only_owners_change_a_list_and_one_stays,
    the_members_of_a_list_are_accounts,
    a_deleted_account_leaves_its_lists,
    a_list_without_an_owner_takes_mail_as_before_and_goes_with_its_last_member,
    a_list_that_is_deleted_takes_no_mail_and_what_was_sent_stays,
    pages_of_members_are_in_order_and_bounded,
    an_account_sees_its_lists,
    the_list_of_all_accounts_has_no_owner_and_takes_no_mail,
    a_large_content_goes_to_a_list_and_is_kept_until_the_last_member_has_it,
    an_account_makes_so_many_lists_and_no_more,
    whoever_is_made_an_owner_still_makes_lists_and_sees_its_own,
    the_names_of_deleted_accounts_are_no_list_s,
    a_list_that_an_account_may_not_know_of_is_answered_like_none,
    a_mail_that_may_not_go_to_lists_now_reaches_nobody,
}

fn name(name: &str) -> Username {
    name.parse().unwrap()
}

fn names(list: &[&str]) -> Vec<Username> {
    list.iter().map(|text| name(text)).collect()
}

fn change(account: AccountId, list: &str, change: ListChange) -> StoreJob {
    StoreJob::ChangeList { account, name: name(list), change }
}

pub fn make(account: AccountId, list: &str, senders: SendPolicy) -> StoreJob {
    change(account, list, ListChange::Create { title: "Turma".parse().unwrap(), senders })
}

pub fn add(account: AccountId, list: &str, members: &str) -> StoreJob {
    let (members, role) = (members.parse().unwrap(), Role::Member {});
    change(account, list, ListChange::Add { members, role })
}

fn own(account: AccountId, list: &str, members: &str) -> StoreJob {
    let (members, role) = (members.parse().unwrap(), Role::Owner {});
    change(account, list, ListChange::Add { members, role })
}

pub fn remove(account: AccountId, list: &str, members: &str) -> StoreJob {
    change(account, list, ListChange::Remove { members: members.parse().unwrap() })
}

fn drop_list(account: AccountId, list: &str) -> StoreJob {
    change(account, list, ListChange::Delete {})
}

/// Tony's list `turma`, which takes its members' mail, with Pepper and Bruce.
fn turma(harness: &mut Harness) -> [AccountId; 3] {
    let accounts = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    for job in [
        make(accounts[0], "turma", SendPolicy::Members {}),
        add(accounts[0], "turma", "pepper,bruce"),
    ] {
        assert_eq!(harness.run(job), StoreDone::Changed);
    }
    accounts
}

fn members_after(
    harness: &mut Harness,
    account: AccountId,
    list: &str,
    after: Option<&str>,
    members: usize,
) -> StoreDone {
    let (list, after) = (name(list), after.map(name));
    harness.run(StoreJob::Members { account, name: list, after, members })
}

/// Usernames of a list's members, with a star for owners.
fn members(harness: &mut Harness, account: AccountId, list: &str) -> String {
    match members_after(harness, account, list, None, 500) {
        StoreDone::Members(page) => {
            assert!(!page.more);
            assert_eq!(page.list.members as usize, page.members.len());
            let star = |role: Role| if role == (Role::Owner {}) { "*" } else { "" };
            let names = page.members.iter().map(|m| format!("{}{}", m.username, star(m.role)));
            names.collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

fn lists(harness: &mut Harness, account: AccountId) -> Vec<ListOverview> {
    match harness.run(StoreJob::ListsOf { account }) {
        StoreDone::Lists(lists) => lists,
        other => panic!("lists were expected, not {other:?}"),
    }
}

fn a_list_s_name_is_no_account_s_and_an_account_s_no_list_s(harness: &mut Harness) {
    let [tony, pepper, _] = turma(harness);
    let taken = StoreDone::UsernameTaken;
    assert_eq!(harness.run(create(1, "turma", "h")), taken);
    assert_eq!(harness.run(create(1, "everybody", "h")), taken);
    assert_eq!(harness.run(make(tony, "bruce", SendPolicy::Members {})), taken);
    assert_eq!(harness.run(make(pepper, "turma", SendPolicy::Members {})), taken, "another's");
    assert_eq!(harness.run(make(pepper, "everybody", SendPolicy::Members {})), taken);
    assert_eq!(harness.run(drop_list(tony, "turma")), StoreDone::Changed);
    assert_eq!(harness.run(create(1, "turma", "h")), StoreDone::Created);
}

fn a_change_that_is_made_again_gives_the_same_answer(harness: &mut Harness) {
    let [tony, pepper, _] = turma(harness);
    for job in [
        make(tony, "turma", SendPolicy::Members {}),
        add(tony, "turma", "pepper,bruce"),
        own(tony, "turma", "pepper"),
        remove(tony, "turma", "bruce"),
        // Pepper is a member then.
        add(pepper, "turma", "pepper"),
    ] {
        for time in ["first", "again"] {
            assert_eq!(harness.run(job.clone()), StoreDone::Changed, "{time}: {job:?}");
        }
    }
    let leave = remove(pepper, "turma", "pepper");
    assert_eq!(harness.run(leave.clone()), StoreDone::Changed);
    assert_eq!(harness.run(leave), StoreDone::NoSuchList, "Pepper may know of it no more");
    assert_eq!(members(harness, tony, "turma"), "tony*");
    let other_title =
        ListChange::Create { title: "Outra".parse().unwrap(), senders: SendPolicy::Members {} };
    assert_eq!(harness.run(change(tony, "turma", other_title)), StoreDone::UsernameTaken);
    assert_eq!(harness.run(drop_list(tony, "turma")), StoreDone::Changed);
    assert_eq!(harness.run(drop_list(tony, "turma")), StoreDone::NoSuchList);
}

fn a_mail_to_a_list_reaches_every_member_once(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    harness.run(make(pepper, "amigos", SendPolicy::Everybody {}));
    harness.run(add(pepper, "amigos", "tony"));
    let sent = harness.run(send(tony, 1, "turma", "x"));
    let StoreDone::Sent { recipients, .. } = sent else { panic!("{sent:?}") };
    assert_eq!(recipients, [bruce, pepper, tony], "the sender is a member, too");
    // Pepper is named, and in both lists.
    let sent = harness.run(send(bruce, 2, "amigos,pepper,turma", "x"));
    let StoreDone::Sent { recipients, .. } = sent else { panic!("{sent:?}") };
    assert_eq!(recipients, [pepper, tony, bruce]);
    for account in [tony, pepper, bruce] {
        let mails = harness.fetch(account);
        let ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
        assert_eq!(ids, [id(1), id(2)]);
        assert_eq!(mails[1].to.to_string(), "amigos, pepper, turma");
    }
    let again = harness.run(send(tony, 1, "turma", "x"));
    assert!(matches!(again, StoreDone::SentBefore { .. }), "{again:?}");
    assert_eq!(harness.fetch(pepper).len(), 2);
}

fn a_mail_to_a_list_reaches_all_members_or_nobody(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    let refused = harness.run(send(tony, 1, "turma,nobody", "x"));
    assert_eq!(refused, StoreDone::UnknownRecipients(names(&["nobody"])));
    for number in 2..=6 {
        harness.run(send(tony, number, "bruce", "x"));
    }
    let full = StoreDone::MailboxesFull { recipients: names(&["bruce"]), members: 3 };
    assert_eq!(harness.run(send(tony, 7, "turma", "x")), full);
    assert_eq!((harness.fetch(tony), harness.fetch(pepper)), (vec![], vec![]));
    harness.confirm_all(bruce);
    assert!(is_sent(&harness.run(send(tony, 7, "turma", "x"))), "a refusal leaves no record");
}

fn whose_mail_a_list_takes_is_its_owners_choice(harness: &mut Harness) {
    let [tony, pepper, _] = turma(harness);
    let nobody = harness.account("nobody");
    let (mut number, refused) = (0, StoreDone::MayNotSend(names(&["turma"])));
    let policies = [SendPolicy::Owners {}, SendPolicy::Members {}, SendPolicy::Everybody {}];
    for (allowed, senders) in (1..).zip(policies) {
        let set = ListChange::Set { title: "Turma".parse().unwrap(), senders };
        assert_eq!(harness.run(change(tony, "turma", set)), StoreDone::Changed);
        for (place, sender) in (1..).zip([tony, pepper, nobody]) {
            number += 1;
            let done = harness.run(send(sender, number, "tony,turma", "x"));
            match place <= allowed {
                true => assert!(is_sent(&done), "{senders:?} {place}: {done:?}"),
                false => assert_eq!(done, refused, "{senders:?} {place}"),
            }
        }
        for account in [tony, pepper] {
            assert_eq!(harness.confirm_all(account), allowed, "refused mails reached nobody");
        }
        let bruce = harness.find("bruce");
        harness.confirm_all(bruce);
    }
}

fn only_owners_change_a_list_and_one_stays(harness: &mut Harness) {
    let [tony, pepper, _] = turma(harness);
    let nobody = harness.account("nobody");
    for (account, refusal) in [(pepper, StoreDone::NotOwner), (nobody, StoreDone::NoSuchList)] {
        for job in [
            add(account, "turma", "nobody"),
            own(account, "turma", "pepper"),
            remove(account, "turma", "bruce"),
            remove(account, "turma", "pepper,bruce,nobody"),
            drop_list(account, "turma"),
        ] {
            assert_eq!(harness.run(job.clone()), refusal, "{job:?}");
        }
    }
    assert_eq!(members(harness, nobody, "turma"), "NoSuchList");
    for job in [add(tony, "turma", "tony,bruce"), remove(tony, "turma", "bruce,tony")] {
        assert_eq!(harness.run(job.clone()), StoreDone::LastOwner, "{job:?}");
    }
    assert_eq!(members(harness, pepper, "turma"), "bruce pepper tony*", "nothing was changed");
    assert_eq!(harness.run(own(tony, "turma", "pepper")), StoreDone::Changed);
    assert_eq!(harness.run(remove(tony, "turma", "tony")), StoreDone::Changed);
    assert_eq!(members(harness, pepper, "turma"), "bruce pepper*");
    assert_eq!(members(harness, tony, "turma"), "NoSuchList");
}

fn the_members_of_a_list_are_accounts(harness: &mut Harness) {
    let [tony, ..] = turma(harness);
    harness.run(make(tony, "amigos", SendPolicy::Members {}));
    for (list, members) in
        [("turma", "turma"), ("turma", "pepper,amigos"), ("amigos", "ninguem,pepper,everybody")]
    {
        let done = harness.run(add(tony, list, members));
        let unknown: Vec<_> =
            names(&members.split(',').filter(|name| *name != "pepper").collect::<Vec<_>>());
        assert_eq!(done, StoreDone::UnknownRecipients(unknown), "{members}");
    }
    assert_eq!(members(harness, tony, "amigos"), "tony*", "all or none");
}

fn a_deleted_account_leaves_its_lists(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    harness.run(delete(bruce));
    assert_eq!(members(harness, pepper, "turma"), "pepper tony*");
    // Another account of that username is no member.
    let again = harness.account("bruce");
    assert_eq!(members(harness, again, "turma"), "NoSuchList");
    assert!(is_sent(&harness.run(send(tony, 1, "turma", "x"))));
    assert_eq!(harness.fetch(again), []);
}

fn a_list_without_an_owner_takes_mail_as_before_and_goes_with_its_last_member(
    harness: &mut Harness,
) {
    let [tony, pepper, bruce] = turma(harness);
    harness.run(delete(tony));
    assert_eq!(members(harness, pepper, "turma"), "bruce pepper");
    assert_eq!(harness.run(add(pepper, "turma", "tony")), StoreDone::NotOwner);
    assert!(is_sent(&harness.run(send(pepper, 1, "turma", "x"))));
    assert_eq!(harness.fetch(bruce).len(), 1);
    assert_eq!(harness.run(remove(pepper, "turma", "pepper")), StoreDone::Changed);
    assert_eq!(harness.run(delete(bruce)), StoreDone::Changed);
    assert_eq!(harness.run(make(pepper, "turma", SendPolicy::Owners {})), StoreDone::Changed);
    assert_eq!(members(harness, pepper, "turma"), "pepper*", "it is a new list");
}

fn a_list_that_is_deleted_takes_no_mail_and_what_was_sent_stays(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    harness.run(send(pepper, 1, "turma", "x"));
    harness.run(drop_list(tony, "turma"));
    assert!(matches!(harness.run(send(pepper, 1, "turma", "x")), StoreDone::SentBefore { .. }));
    let refused = harness.run(send(pepper, 2, "bruce,turma", "x"));
    assert_eq!(refused, StoreDone::UnknownRecipients(names(&["turma"])));
    for account in [tony, pepper, bruce] {
        assert_eq!(harness.fetch(account).len(), 1);
    }
}

fn pages_of_members_are_in_order_and_bounded(harness: &mut Harness) {
    let [tony, ..] = turma(harness);
    harness.run(rename(tony, "Anthony Edward Stark"));
    let page = |done: StoreDone| match done {
        StoreDone::Members(page) => {
            let names = page.members.iter().map(|member| member.username.to_string());
            (names.collect::<Vec<_>>().join(" "), page.more, page.list.members)
        }
        other => panic!("members were expected, not {other:?}"),
    };
    let first = page(members_after(harness, tony, "turma", None, 2));
    assert_eq!(first, ("bruce pepper".to_owned(), true, 3));
    let rest = page(members_after(harness, tony, "turma", Some("pepper"), 2));
    assert_eq!(rest, ("tony".to_owned(), false, 3));
    // The name after which the page begins may be anybody's.
    let rest = page(members_after(harness, tony, "turma", Some("morgan"), 2));
    assert_eq!(rest, ("pepper tony".to_owned(), false, 3));
    let StoreDone::Members(page) = members_after(harness, tony, "turma", Some("pepper"), 2) else {
        panic!("members were expected");
    };
    assert_eq!(page.members[0].full_name.as_str(), "Anthony Edward Stark");
    assert_eq!(page.list.role, Some(Role::Owner {}));
}

fn an_account_sees_its_lists(harness: &mut Harness) {
    let [tony, pepper, _] = turma(harness);
    harness.run(make(pepper, "amigos", SendPolicy::Everybody {}));
    let seen = |lists: Vec<ListOverview>| {
        let lists = lists.iter().map(|list| (list.name.to_string(), list.members, list.role));
        lists.collect::<Vec<_>>()
    };
    let everybody = ("everybody".to_owned(), 3, Some(Role::Member {}));
    assert_eq!(
        seen(lists(harness, pepper)),
        [
            ("amigos".to_owned(), 1, Some(Role::Owner {})),
            everybody.clone(),
            ("turma".to_owned(), 3, Some(Role::Member {})),
        ]
    );
    assert_eq!(
        seen(lists(harness, tony)),
        [everybody, ("turma".to_owned(), 3, Some(Role::Owner {}))]
    );
    let list = &lists(harness, tony)[1];
    assert_eq!((list.title.as_str(), list.senders), ("Turma", SendPolicy::Members {}));
    // A list that takes everybody's mail shows its members to everybody.
    assert_eq!(members(harness, tony, "amigos"), "pepper*");
    assert_eq!(harness.run(StoreJob::ListsOf { account: AccountId(99) }), StoreDone::NoAccount);
    let gone = members_after(harness, AccountId(99), "turma", None, 1);
    assert_eq!(gone, StoreDone::NoAccount);
    let gone = harness.run(add(AccountId(99), "turma", "tony"));
    assert_eq!(gone, StoreDone::NoAccount);
}

fn the_list_of_all_accounts_has_no_owner_and_takes_no_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let refused = StoreDone::MayNotSend(names(&["everybody"]));
    assert_eq!(harness.run(send(tony, 1, "pepper,everybody", "x")), refused);
    assert_eq!(harness.fetch(pepper), []);
    assert_eq!(members(harness, tony, "everybody"), "NotOwner", "it is the whole directory");
    for (job, done) in [
        (own(tony, "everybody", "tony"), StoreDone::NotOwner),
        (drop_list(tony, "everybody"), StoreDone::NotOwner),
        (remove(tony, "everybody", "tony"), StoreDone::FixedList),
        (remove(tony, "everybody", "pepper"), StoreDone::NotOwner),
        (add(tony, "everybody", "tony"), StoreDone::Changed),
    ] {
        assert_eq!(harness.run(job.clone()), done, "{job:?}");
    }
    assert_eq!(lists(harness, tony)[0].members, 2);
    harness.run(delete(pepper));
    assert_eq!(lists(harness, tony)[0].members, 1);
}

fn a_large_content_goes_to_a_list_and_is_kept_until_the_last_member_has_it(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    harness.run(upload(tony, 1, 300, 0..300));
    assert!(is_sent(&harness.run(send_large(tony, 1, "turma,pepper", 300))));
    let first = |harness: &mut Harness, account| -> Vec<MailRef> {
        harness.fetch(account).iter().map(Mail::reference).collect()
    };
    for account in [tony, pepper] {
        let mails = first(harness, account);
        assert_eq!(harness.read_all(account, mails[0]), content(1, 0..300));
        assert_eq!(harness.confirm(account, mails), 1);
    }
    let mails = first(harness, bruce);
    assert_eq!(harness.read_all(bruce, mails[0]), content(1, 0..300));
}

fn an_account_makes_so_many_lists_and_no_more(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    for number in 0..limits::LISTS_MAX {
        let done = harness.run(make(tony, &format!("l{number}"), SendPolicy::Owners {}));
        assert_eq!(done, StoreDone::Changed);
    }
    let full = StoreDone::ListFull;
    assert_eq!(harness.run(make(tony, "more", SendPolicy::Owners {})), full);
    let again = harness.run(make(tony, "l7", SendPolicy::Owners {}));
    assert_eq!(again, StoreDone::Changed, "it is the same list");
    harness.run(make(pepper, "a", SendPolicy::Owners {}));
    assert_eq!(harness.run(add(pepper, "a", "tony")), StoreDone::Changed);
    let seen = lists(harness, tony);
    assert_eq!(seen.len(), limits::LISTS_MAX);
    assert!(seen.iter().all(|list| list.role == Some(Role::Owner {})), "its own come first");
    // A list counts for the account that made it until it is deleted, whoever owns it.
    assert_eq!(harness.run(own(tony, "l7", "pepper")), StoreDone::Changed);
    assert_eq!(harness.run(remove(tony, "l7", "tony")), StoreDone::Changed);
    assert_eq!(harness.run(make(tony, "more", SendPolicy::Owners {})), full);
    assert_eq!(harness.run(drop_list(pepper, "l7")), StoreDone::Changed);
    assert_eq!(harness.run(make(tony, "more", SendPolicy::Owners {})), StoreDone::Changed);
}

fn whoever_is_made_an_owner_still_makes_lists_and_sees_its_own(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    for number in 0..limits::LISTS_MAX {
        let list = format!("l{number}");
        for job in [make(tony, &list, SendPolicy::Owners {}), own(tony, &list, "pepper")] {
            assert_eq!(harness.run(job), StoreDone::Changed);
        }
    }
    harness.run(make(pepper, "own", SendPolicy::Owners {}));
    // It is shown first also where Pepper is a member of it.
    for job in [own(pepper, "own", "tony"), add(pepper, "own", "pepper")] {
        assert_eq!(harness.run(job), StoreDone::Changed);
    }
    let seen = lists(harness, pepper);
    assert_eq!(seen.len(), limits::LISTS_MAX);
    let own: Vec<_> = seen.iter().filter(|list| list.name.as_str() == "own").collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].role, Some(Role::Member {}));
    assert_eq!(harness.run(remove(pepper, "own", "pepper")), StoreDone::Changed);
    assert!(lists(harness, pepper).iter().all(|list| list.name.as_str() != "own"));
}

/// Mail to that person would go to the members of the list. An account may have the name: who is
/// registered is the operator's choice.
fn the_names_of_deleted_accounts_are_no_list_s(harness: &mut Harness) {
    let [tony, _, bruce] = turma(harness);
    let new = make(tony, "bruce", SendPolicy::Everybody {});
    harness.run(delete(bruce));
    assert_eq!(harness.run(new.clone()), StoreDone::UsernameTaken);
    let again = harness.account("bruce");
    harness.run(delete(again));
    assert_eq!(harness.run(new), StoreDone::UsernameTaken);
}

fn a_list_that_an_account_may_not_know_of_is_answered_like_none(harness: &mut Harness) {
    let [tony, ..] = turma(harness);
    let nobody = harness.account("nobody");
    for list in ["turma", "nada"] {
        let hidden = StoreDone::NoSuchList;
        assert_eq!(members(harness, nobody, list), "NoSuchList", "{list}");
        for job in [
            remove(nobody, list, "nobody"),
            add(nobody, list, "nobody"),
            remove(nobody, list, "tony"),
            drop_list(nobody, list),
        ] {
            assert_eq!(harness.run(job.clone()), hidden, "{job:?}");
        }
    }
    let (title, senders) = ("Turma".parse().unwrap(), SendPolicy::Everybody {});
    harness.run(change(tony, "turma", ListChange::Set { title, senders }));
    assert_eq!(harness.run(remove(nobody, "turma", "nobody")), StoreDone::Changed);
}

fn a_mail_that_may_not_go_to_lists_now_reaches_nobody(harness: &mut Harness) {
    let [tony, pepper, bruce] = turma(harness);
    let held = |number, to| match send(tony, number, to, "x") {
        StoreJob::Send { sender, mail, now, .. } => {
            StoreJob::Send { sender, mail, to_lists: ToLists::Held, now }
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(harness.run(held(1, "pepper,turma")), StoreDone::ListsHeld);
    assert_eq!((harness.fetch(pepper), harness.fetch(bruce)), (vec![], vec![]));
    // Refusals that stand whenever it is sent come first, and persons get their mail.
    let unknown = StoreDone::UnknownRecipients(names(&["nada"]));
    assert_eq!(harness.run(held(1, "nada,turma")), unknown);
    assert!(is_sent(&harness.run(held(2, "pepper"))));
    assert!(is_sent(&harness.run(send(tony, 1, "pepper,turma", "x"))));
    let again = harness.run(held(1, "pepper,turma"));
    assert!(matches!(again, StoreDone::SentBefore { .. }), "{again:?}");
}
