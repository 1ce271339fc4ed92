//! The contract of all stores about the operator's lists, announcements and invites, also with a
//! crash before every job.

use std::sync::Arc;

use correio_proto::{
    mail::Timestamp,
    message::{ListChange, Role, SendPolicy},
};
use correio_server::{
    ids::{AccountId, InviteId},
    store::{
        NewMailRecord, Quota, StoreDone, StoreJob,
        admin::{
            AdminDone, AdminJob, AdminRefusal, DisabledMail, InviteRecord, InviteStanding,
            NewAccountRecord,
        },
    },
};

use super::{
    admin::{admin, disable, make, name, new_account, show},
    support::{Harness, create, hash, id, is_sent, send},
};

contract! {
    the_operator_makes_and_empties_a_list_and_it_stays,
    the_operator_reads_lists_and_their_members,
    the_list_of_all_accounts_gets_owners_and_stays,
    an_announcement_reaches_the_enabled_whatever_their_quotas_and_once,
    an_announcement_goes_in_steps_of_a_thousand,
    no_list_and_no_other_account_gets_a_name_that_is_kept,
    invites_are_recorded_used_and_revoked,
    a_revoked_invite_makes_no_account,
}

fn change(harness: &mut Harness, list: &str, change: ListChange) -> AdminDone {
    admin(harness, AdminJob::ChangeList { name: name(list), change })
}

fn new_list(harness: &mut Harness, list: &str) -> AdminDone {
    let (title, senders) = ("Turma".parse().unwrap(), SendPolicy::Everybody {});
    change(harness, list, ListChange::Create { title, senders })
}

fn add(harness: &mut Harness, list: &str, members: &str, role: Role) -> AdminDone {
    change(harness, list, ListChange::Add { members: members.parse().unwrap(), role })
}

fn remove(harness: &mut Harness, list: &str, members: &str) -> AdminDone {
    change(harness, list, ListChange::Remove { members: members.parse().unwrap() })
}

/// The usernames of a list's members, as the operator reads them.
fn members(harness: &mut Harness, list: &str) -> Vec<String> {
    match admin(harness, AdminJob::Members { name: name(list), after: None, members: 9 }) {
        AdminDone::Members(page) => {
            assert_eq!(page.list.role, None);
            assert_eq!(page.list.members as usize, page.members.len());
            page.members.iter().map(|member| member.username.to_string()).collect()
        }
        other => panic!("members were expected, not {other:?}"),
    }
}

fn the_operator_makes_and_empties_a_list_and_it_stays(harness: &mut Harness) {
    let [tony, _] = ["tony", "pepper"].map(|name| harness.account(name));
    let changed = AdminDone::Changed(None);
    assert_eq!(new_list(harness, "turma"), changed);
    assert_eq!(new_list(harness, "turma"), AdminDone::Taken(vec![name("turma")]));
    assert_eq!(new_list(harness, "tony"), AdminDone::Taken(vec![name("tony")]));
    assert_eq!(members(harness, "turma"), [""; 0]);
    assert!(is_sent(&harness.run(send(tony, 1, "turma", "text"))), "nobody gets it");
    let nobody = AdminDone::Refused(AdminRefusal::UnknownAccounts(vec![name("nobody")]));
    assert_eq!(add(harness, "turma", "tony,nobody", Role::Owner {}), nobody);
    assert_eq!(add(harness, "turma", "tony", Role::Owner {}), changed);
    assert_eq!(add(harness, "turma", "pepper", Role::Member {}), changed);
    assert_eq!(members(harness, "turma"), ["pepper", "tony"]);
    assert_eq!(remove(harness, "turma", "tony"), changed, "the last owner");
    assert_eq!(remove(harness, "turma", "pepper"), changed, "the last member");
    assert_eq!(members(harness, "turma"), [""; 0]);
    // A change of another list, and an account that goes, leave it as it is.
    assert_eq!(new_list(harness, "other"), changed);
    assert_eq!(change(harness, "other", ListChange::Delete {}), changed);
    admin(harness, AdminJob::Delete { username: name("pepper") });
    assert_eq!(members(harness, "turma"), [""; 0]);
    assert_eq!(change(harness, "turma", ListChange::Delete {}), changed);
    assert_eq!(change(harness, "turma", ListChange::Delete {}), AdminDone::NoList);
    assert_eq!(remove(harness, "turma", "tony"), AdminDone::NoList);
}

fn the_operator_reads_lists_and_their_members(harness: &mut Harness) {
    harness.account("tony");
    for list in ["turma", "amigos"] {
        new_list(harness, list);
    }
    let mut page = |after: Option<&str>, lists| match admin(
        harness,
        AdminJob::Lists { after: after.map(name), lists },
    ) {
        AdminDone::Lists { lists, more } => {
            assert!(lists.iter().all(|list| list.role.is_none()));
            (lists.iter().map(|list| list.name.to_string()).collect::<Vec<_>>(), more)
        }
        other => panic!("lists were expected, not {other:?}"),
    };
    assert_eq!(page(None, 2), (vec!["amigos".into(), "everybody".into()], true));
    assert_eq!(page(Some("everybody"), 2), (vec!["turma".into()], false));
    assert_eq!(members(harness, "everybody"), ["tony"]);
    let none = admin(harness, AdminJob::Members { name: name("x"), after: None, members: 9 });
    assert_eq!(none, AdminDone::NoList);
}

fn the_list_of_all_accounts_gets_owners_and_stays(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    let changed = AdminDone::Changed(None);
    assert_eq!(add(harness, "everybody", "tony", Role::Owner {}), changed);
    assert!(is_sent(&harness.run(send(tony, 1, "everybody", "text"))));
    let refused = StoreDone::MayNotSend(vec![name("everybody")]);
    assert_eq!(harness.run(send(pepper, 1, "everybody", "text")), refused);
    assert_eq!(remove(harness, "everybody", "tony"), changed);
    assert_eq!(harness.run(send(tony, 2, "everybody", "text")), refused);
    assert_eq!(members(harness, "everybody"), ["pepper", "tony"]);
    let fixed = AdminDone::Refused(AdminRefusal::FixedList);
    assert_eq!(change(harness, "everybody", ListChange::Delete {}), fixed);
    assert_eq!(members(harness, "everybody"), ["pepper", "tony"]);
}

fn announce(harness: &mut Harness, number: u64, after: Option<&str>, body: &str) -> AdminDone {
    let mail = Arc::new(NewMailRecord::new(
        id(number),
        "everybody".parse().unwrap(),
        "s".parse().unwrap(),
        body.parse().unwrap(),
    ));
    admin(harness, AdminJob::Announce { mail, after: after.map(name), now: Timestamp(7000) })
}

fn announced(accounts: &[AccountId]) -> AdminDone {
    AdminDone::Announced { accounts: accounts.to_vec(), next: None }
}

fn an_announcement_reaches_the_enabled_whatever_their_quotas_and_once(harness: &mut Harness) {
    let [tony, pepper, bruce] = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    let quota = Some(Quota { mails: 0, bytes: 0 });
    admin(harness, AdminJob::SetQuota { username: name("tony"), quota });
    disable(harness, "pepper", DisabledMail::Refused);
    disable(harness, "bruce", DisabledMail::Kept);
    assert_eq!(announce(harness, 1, None, "text"), announced(&[bruce, tony]));
    let mails = harness.fetch(tony);
    assert_eq!((mails.len(), mails[0].from.as_str()), (1, "postmaster"));
    assert_eq!(mails[0].to.to_string(), "everybody");
    assert_eq!(mails[0].sent_at, Timestamp(7000));
    let postmaster = show(harness, "postmaster");
    assert_eq!((postmaster.has_password, postmaster.usage.mails), (false, 0));
    assert_eq!(announce(harness, 1, None, "text"), announced(&[]), "again");
    let conflict = AdminDone::Refused(AdminRefusal::Conflict);
    assert_eq!(announce(harness, 1, None, "other"), conflict);
    assert_eq!(announce(harness, 2, Some("bruce"), "text"), announced(&[tony]));
    assert_eq!(show(harness, "postmaster").id, postmaster.id, "it was made once");
    assert_eq!(harness.fetch(tony).len(), 2);
    assert_eq!((harness.fetch(pepper).len(), harness.fetch(bruce).len()), (0, 1));
}

fn an_announcement_goes_in_steps_of_a_thousand(harness: &mut Harness) {
    let usernames: Vec<String> = (0..1001).map(|number| format!("a{number:04}")).collect();
    let accounts: Vec<NewAccountRecord> = usernames.iter().map(|name| new_account(name)).collect();
    assert_eq!(
        admin(harness, AdminJob::Create { accounts, now: Timestamp(1) }),
        AdminDone::Created
    );
    match announce(harness, 1, None, "text") {
        AdminDone::Announced { accounts, next } => {
            assert_eq!((accounts.len(), next), (1000, Some(name("a0999"))));
        }
        other => panic!("an announcement was expected, not {other:?}"),
    }
    match announce(harness, 2, Some("a0999"), "text") {
        AdminDone::Announced { accounts, next } => assert_eq!((accounts.len(), next), (1, None)),
        other => panic!("an announcement was expected, not {other:?}"),
    }
    for username in ["a0000", "a0999", "a1000"] {
        assert_eq!(show(harness, username).usage.mails, 1, "{username}");
    }
}

fn no_list_and_no_other_account_gets_a_name_that_is_kept(harness: &mut Harness) {
    harness.account("tony");
    admin(harness, AdminJob::Delete { username: name("tony") });
    for kept in ["postmaster", "everybody"] {
        assert_eq!(make(harness, &[kept]), AdminDone::Taken(vec![name(kept)]));
        assert_eq!(new_list(harness, kept), AdminDone::Taken(vec![name(kept)]));
    }
    // Mail to somebody who has left goes to no list.
    assert_eq!(new_list(harness, "tony"), AdminDone::Taken(vec![name("tony")]));
    assert_eq!(make(harness, &["tony"]), AdminDone::Created);
}

fn invite(number: u8) -> InviteRecord {
    let made_at = Timestamp(100 - u64::from(number));
    InviteRecord { id: InviteId([number; 8]), made_at, expires_at: Timestamp(500) }
}

/// Numbers of the recorded invites, with `u` for those that were used and `r` for revoked ones.
fn invites(harness: &mut Harness, skip: usize, invites: usize) -> (Vec<String>, bool) {
    match admin(harness, AdminJob::Invites { skip, invites }) {
        AdminDone::Invites { invites, more } => {
            let shown = invites.iter().map(|shown| {
                let InviteId([number, ..]) = shown.invite.id;
                assert_eq!(shown.invite, invite(number));
                let standing = match shown.standing {
                    InviteStanding::Unused => "",
                    InviteStanding::Used => "u",
                    InviteStanding::Revoked => "r",
                };
                format!("{number}{standing}")
            });
            (shown.collect(), more)
        }
        other => panic!("invites were expected, not {other:?}"),
    }
}

fn register_with(number: u8, username: &str) -> StoreJob {
    let invite = Some(InviteId([number; 8]));
    match create(u64::from(number), username, "h") {
        StoreJob::CreateAccount { register_id, username, full_name, hash, .. } => {
            StoreJob::CreateAccount { register_id, username, full_name, hash, invite }
        }
        other => other,
    }
}

fn invites_are_recorded_used_and_revoked(harness: &mut Harness) {
    let changed = AdminDone::Changed(None);
    for _ in 0..2 {
        let records = vec![invite(1), invite(2), invite(3)];
        assert_eq!(admin(harness, AdminJob::AddInvites { invites: records }), changed);
    }
    assert_eq!(harness.run(register_with(2, "tony")), StoreDone::Created);
    let mut revoke = |number| admin(harness, AdminJob::RevokeInvite { id: InviteId([number; 8]) });
    assert_eq!(revoke(1), changed);
    assert_eq!(revoke(1), changed, "twice");
    assert_eq!(revoke(2), AdminDone::InviteUsed);
    // The oldest is first.
    assert_eq!(invites(harness, 0, 2), (vec!["3".into(), "2u".into()], true));
    assert_eq!(invites(harness, 2, 2), (vec!["1r".into()], false));
    assert_eq!(invites(harness, 3, 2), (vec![], false));
}

fn a_revoked_invite_makes_no_account(harness: &mut Harness) {
    let changed = AdminDone::Changed(None);
    admin(harness, AdminJob::AddInvites { invites: vec![invite(1)] });
    // The second was never recorded.
    for number in [1, 2] {
        let id = InviteId([number; 8]);
        assert_eq!(admin(harness, AdminJob::RevokeInvite { id }), changed);
        let register = register_with(number, "tony");
        assert_eq!(harness.run(register), StoreDone::InviteUsed);
    }
    assert_eq!(harness.run(register_with(3, "tony")), StoreDone::Created);
    assert_eq!(harness.record("tony").hash, Some(hash("h")));
}
