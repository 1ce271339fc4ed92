//! The contract of all stores about the operator's jobs on accounts, also with a crash before every
//! job.

use correio_proto::mail::{Timestamp, Username};
use correio_server::{
    day::DAY,
    ids::{AccountId, CodeDigest},
    store::{
        Quota, StoreDone, StoreJob,
        admin::{
            AccountOverview, AccountState, AdminDone, AdminJob, CodeRecord, DisabledMail,
            NewAccountRecord, Totals,
        },
    },
};

use super::support::{Harness, QUOTA, create, hash, is_sent, send, set_hash};

contract! {
    accounts_are_read_in_pages_in_the_order_of_their_usernames,
    an_account_is_shown_as_it_is,
    accounts_are_made_all_or_none_and_all_taken_names_are_named,
    an_account_without_a_password_can_neither_be_deleted_nor_registered,
    a_code_sets_a_password_once_and_before_it_expires,
    a_code_replaces_an_earlier_one_and_goes_with_its_account,
    a_disabled_account_takes_mail_or_refuses_it,
    a_mail_to_a_list_skips_accounts_that_refuse_mail,
    an_own_quota_holds_and_what_is_beyond_it_stays,
    an_account_that_the_operator_deletes_or_renames_is_found_so,
    totals_count_each_mail_of_each_mailbox,
    a_login_is_recorded_to_the_day_and_a_later_day_stays,
}

pub fn name(name: &str) -> Username {
    name.parse().unwrap()
}

pub fn admin(harness: &mut Harness, job: AdminJob) -> AdminDone {
    match harness.run(StoreJob::Admin(job)) {
        StoreDone::Admin(done) => done,
        other => panic!("a result of the operator's job was expected, not {other:?}"),
    }
}

pub fn show(harness: &mut Harness, username: &str) -> AccountOverview {
    match admin(harness, AdminJob::Account { username: name(username) }) {
        AdminDone::Account(account, _) => *account,
        other => panic!("an account was expected, not {other:?}"),
    }
}

pub fn set_state(harness: &mut Harness, username: &str, state: AccountState) {
    let done = admin(harness, AdminJob::SetState { username: name(username), state });
    assert!(matches!(done, AdminDone::Changed(Some(_))), "{done:?}");
}

pub fn disable(harness: &mut Harness, username: &str, mail: DisabledMail) {
    set_state(harness, username, AccountState::Disabled(mail));
}

fn code(digest: u8, expires_at: u64) -> CodeRecord {
    CodeRecord { digest: CodeDigest([digest; 32]), expires_at: Timestamp(expires_at) }
}

pub fn new_account(username: &str) -> NewAccountRecord {
    NewAccountRecord {
        username: name(username),
        full_name: "Bruce Banner".parse().unwrap(),
        code: code(1, 2000),
    }
}

pub fn make(harness: &mut Harness, usernames: &[&str]) -> AdminDone {
    let accounts = usernames.iter().map(|username| new_account(username)).collect();
    admin(harness, AdminJob::Create { accounts, now: Timestamp(5000) })
}

fn recover(username: &str, digest: u8, now: u64) -> StoreJob {
    StoreJob::Recover {
        username: name(username),
        code: CodeDigest([digest; 32]),
        hash: hash("new"),
        now: Timestamp(now),
    }
}

fn set_code(harness: &mut Harness, username: &str, code: CodeRecord) -> AdminDone {
    admin(harness, AdminJob::SetCode { username: name(username), code })
}

fn set_quota(harness: &mut Harness, username: &str, quota: Option<Quota>) -> AdminDone {
    admin(harness, AdminJob::SetQuota { username: name(username), quota })
}

fn page(harness: &mut Harness, after: Option<&str>, accounts: usize) -> (Vec<String>, bool) {
    match admin(harness, AdminJob::Accounts { after: after.map(name), accounts }) {
        AdminDone::Accounts { accounts, more } => {
            (accounts.iter().map(|account| account.username.to_string()).collect(), more)
        }
        other => panic!("accounts were expected, not {other:?}"),
    }
}

fn accounts_are_read_in_pages_in_the_order_of_their_usernames(harness: &mut Harness) {
    assert_eq!(page(harness, None, 2), (vec![], false));
    for username in ["tony", "bruce", "pepper"] {
        harness.account(username);
    }
    assert_eq!(page(harness, None, 2), (vec!["bruce".into(), "pepper".into()], true));
    assert_eq!(page(harness, Some("pepper"), 2), (vec!["tony".into()], false));
    assert_eq!(page(harness, Some("c"), 2), (vec!["pepper".into(), "tony".into()], false));
    assert_eq!(page(harness, Some("tony"), 2), (vec![], false));
}

fn an_account_is_shown_as_it_is(harness: &mut Harness) {
    let nobody = admin(harness, AdminJob::Account { username: name("tony") });
    assert_eq!(nobody, AdminDone::NoAccount);
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", "text"))));
    let shown = show(harness, "tony");
    assert_eq!((shown.id, shown.has_password, shown.state), (tony, true, AccountState::Enabled));
    assert_eq!((shown.usage.mails, shown.usage.bytes, shown.usage.quota), (1, 5, QUOTA));
    assert_eq!((shown.code_expires_at, shown.created_at, shown.used_at), (None, None, None));
    assert_eq!(make(harness, &["bruce"]), AdminDone::Created);
    let shown = show(harness, "bruce");
    assert!(!shown.has_password && !shown.has_own_quota);
    assert_eq!(shown.code_expires_at, Some(Timestamp(2000)));
    assert_eq!(shown.created_at, Some(Timestamp(5000)));
}

fn accounts_are_made_all_or_none_and_all_taken_names_are_named(harness: &mut Harness) {
    harness.account("tony");
    harness.account("pepper");
    let taken = make(harness, &["bruce", "tony", "everybody", "postmaster", "pepper"]);
    let expected = ["tony", "everybody", "postmaster", "pepper"].map(name).to_vec();
    assert_eq!(taken, AdminDone::Taken(expected));
    assert_eq!(page(harness, None, 9).0, ["pepper", "tony"]);
    assert_eq!(make(harness, &["bruce", "happy"]), AdminDone::Created);
    assert_eq!(page(harness, None, 9).0, ["bruce", "happy", "pepper", "tony"]);
    let again = make(harness, &["bruce", "happy"]);
    assert_eq!(again, AdminDone::Taken(["bruce", "happy"].map(name).to_vec()));
}

fn an_account_without_a_password_can_neither_be_deleted_nor_registered(harness: &mut Harness) {
    assert_eq!(make(harness, &["bruce"]), AdminDone::Created);
    assert_eq!(harness.record("bruce").hash, None);
    assert_eq!(harness.run(create(1, "bruce", "h")), StoreDone::UsernameTaken);
    let account = harness.find("bruce");
    for text in ["h", ""] {
        let deleted = harness.run(StoreJob::DeleteAccount { account, hash: hash(text) });
        assert_eq!(deleted, StoreDone::Conflict, "{text:?}");
        let changed = harness.run(set_hash(account, text, "other"));
        assert_eq!(changed, StoreDone::Conflict, "{text:?}");
    }
    assert_eq!(harness.record("bruce").hash, None);
}

fn a_code_sets_a_password_once_and_before_it_expires(harness: &mut Harness) {
    let tony = harness.account("tony");
    assert_eq!(harness.run(recover("tony", 1, 1)), StoreDone::WrongCode, "there is none");
    assert_eq!(harness.run(recover("nobody", 1, 1)), StoreDone::WrongCode);
    assert_eq!(set_code(harness, "nobody", code(1, 2000)), AdminDone::NoAccount);
    let set = AdminDone::CodeSet { account: tony, revoked: 0 };
    assert_eq!(set_code(harness, "tony", code(1, 2000)), set);
    assert_eq!(harness.record("tony").code, Some(code(1, 2000)));
    assert_eq!(harness.run(recover("tony", 2, 1)), StoreDone::WrongCode);
    assert_eq!(harness.run(recover("tony", 1, 2000)), StoreDone::WrongCode, "expired");
    assert_eq!(harness.record("tony").hash, Some(hash("h")), "the password stays until then");
    assert_eq!(
        harness.run(recover("tony", 1, 1999)),
        StoreDone::Recovered { account: tony, revoked: 0 }
    );
    let record = harness.record("tony");
    assert_eq!((record.hash, record.code), (Some(hash("new")), None));
    assert_eq!(harness.run(recover("tony", 1, 1)), StoreDone::WrongCode, "used");
}

fn a_code_replaces_an_earlier_one_and_goes_with_its_account(harness: &mut Harness) {
    let tony = harness.account("tony");
    set_code(harness, "tony", code(1, 2000));
    set_code(harness, "tony", code(2, 2000));
    assert_eq!(harness.run(recover("tony", 1, 1)), StoreDone::WrongCode);
    let deleted = admin(harness, AdminJob::Delete { username: name("tony") });
    assert_eq!(deleted, AdminDone::Changed(Some(tony)));
    assert_eq!(harness.run(recover("tony", 2, 1)), StoreDone::WrongCode);
    assert_eq!(set_code(harness, "tony", code(2, 2000)), AdminDone::NoAccount);
    assert_eq!(harness.run(create(9, "tony", "h")), StoreDone::Created);
    assert_eq!(harness.run(recover("tony", 2, 1)), StoreDone::WrongCode, "another account");
}

fn a_disabled_account_takes_mail_or_refuses_it(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    disable(harness, "pepper", DisabledMail::Kept);
    assert_eq!(harness.record("pepper").state, AccountState::Disabled(DisabledMail::Kept));
    assert!(is_sent(&harness.run(send(tony, 1, "pepper", "text"))));
    disable(harness, "pepper", DisabledMail::Refused);
    let refused = StoreDone::UnknownRecipients(vec![name("pepper")]);
    assert_eq!(harness.run(send(tony, 2, "tony,pepper", "text")), refused);
    assert_eq!(harness.fetch(tony).len(), 0);
    let again = harness.run(send(tony, 1, "pepper", "text"));
    assert!(matches!(again, StoreDone::SentBefore { .. }), "it was sent: {again:?}");
    assert_eq!(harness.fetch(pepper).len(), 1, "the mailbox stays");
    set_state(harness, "pepper", AccountState::Enabled);
    assert!(is_sent(&harness.run(send(tony, 2, "tony,pepper", "text"))));
    assert_eq!(harness.fetch(pepper).len(), 2);
}

fn a_mail_to_a_list_skips_accounts_that_refuse_mail(harness: &mut Harness) {
    let [tony, pepper, bruce] = ["tony", "pepper", "bruce"].map(|name| harness.account(name));
    let members = "tony".parse().unwrap();
    let role = correio_proto::message::Role::Owner {};
    let change = correio_proto::message::ListChange::Add { members, role };
    let owned = admin(harness, AdminJob::ChangeList { name: name("everybody"), change });
    assert_eq!(owned, AdminDone::Changed(None));
    disable(harness, "pepper", DisabledMail::Refused);
    disable(harness, "bruce", DisabledMail::Kept);
    match harness.run(send(tony, 1, "everybody", "text")) {
        StoreDone::Sent { recipients, .. } => assert_eq!(recipients, [bruce, tony]),
        other => panic!("the mail was expected to be sent, not {other:?}"),
    }
    assert_eq!(harness.fetch(pepper).len(), 0);
    // A full mailbox that takes no mail keeps nobody else from it.
    set_quota(harness, "pepper", Some(Quota { mails: 0, bytes: 0 }));
    assert!(is_sent(&harness.run(send(tony, 2, "everybody", "text"))));
}

fn an_own_quota_holds_and_what_is_beyond_it_stays(harness: &mut Harness) {
    let tony = harness.account("tony");
    for number in 0..3 {
        assert!(is_sent(&harness.run(send(tony, number, "tony", "text"))));
    }
    let small = Quota { mails: 2, bytes: 1000 };
    assert_eq!(set_quota(harness, "tony", Some(small)), AdminDone::Changed(Some(tony)));
    assert_eq!(set_quota(harness, "nobody", Some(small)), AdminDone::NoAccount);
    assert_eq!(harness.fetch(tony).len(), 3);
    assert_eq!(harness.record("tony").usage.quota, small);
    assert!(show(harness, "tony").has_own_quota);
    let full = StoreDone::MailboxesFull { recipients: vec![name("tony")], members: 0 };
    assert_eq!(harness.run(send(tony, 3, "tony", "text")), full);
    set_quota(harness, "tony", Some(Quota { mails: 100, bytes: 19 }));
    assert_eq!(harness.run(send(tony, 3, "tony", "text")), full, "bytes");
    set_quota(harness, "tony", Some(Quota { mails: 100, bytes: 5000 }));
    let long = "x".repeat(QUOTA.bytes as usize);
    assert!(is_sent(&harness.run(send(tony, 4, "tony", &long))), "more than the default");
    set_quota(harness, "tony", None);
    assert!(!show(harness, "tony").has_own_quota);
    assert_eq!(harness.run(send(tony, 5, "tony", "text")), full);
    harness.confirm_all(tony);
    assert!(is_sent(&harness.run(send(tony, 5, "tony", "text"))));
}

fn an_account_that_the_operator_deletes_or_renames_is_found_so(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.account(name));
    assert!(is_sent(&harness.run(send(tony, 1, "pepper", "text"))));
    let full_name = "Pepper Potts".parse().unwrap();
    let renamed = admin(harness, AdminJob::Rename { username: name("pepper"), full_name });
    assert_eq!(renamed, AdminDone::Changed(Some(pepper)));
    assert_eq!(show(harness, "pepper").full_name.as_str(), "Pepper Potts");
    assert_eq!(found(harness, "potts"), ["pepper"]);
    for _ in 0..2 {
        let deleted = admin(harness, AdminJob::Delete { username: name("tony") });
        let expected = [AdminDone::Changed(Some(tony)), AdminDone::NoAccount];
        assert!(expected.contains(&deleted), "{deleted:?}");
    }
    assert_eq!(found(harness, "stark"), [""; 0]);
    assert_eq!(harness.fetch(pepper).len(), 1, "what was sent stays");
    let full_name = "Tony Stark".parse().unwrap();
    let renamed = admin(harness, AdminJob::Rename { username: name("tony"), full_name });
    assert_eq!(renamed, AdminDone::NoAccount);
    assert_eq!(make(harness, &["tony"]), AdminDone::Created);
    assert_eq!(found(harness, "banner"), ["tony"]);
    assert_ne!(harness.find("tony"), tony);
}

fn found(harness: &mut Harness, query: &str) -> Vec<String> {
    match harness.run(StoreJob::Find { query: query.parse().unwrap(), people: 9 }) {
        StoreDone::Found(found) => {
            found.people.iter().map(|person| person.username.to_string()).collect()
        }
        other => panic!("people were expected, not {other:?}"),
    }
}

fn totals_count_each_mail_of_each_mailbox(harness: &mut Harness) {
    let [tony, _] = ["tony", "pepper"].map(|name| harness.account(name));
    assert!(is_sent(&harness.run(send(tony, 1, "tony,pepper", "text"))));
    disable(harness, "pepper", DisabledMail::Kept);
    let totals = match admin(harness, AdminJob::Totals) {
        AdminDone::Totals(totals) => Totals { file_bytes: 0, nodes: None, ..totals },
        other => panic!("totals were expected, not {other:?}"),
    };
    let expected = Totals {
        accounts: 2,
        disabled: 1,
        mails: 2,
        bytes: 10,
        lists: 1,
        file_bytes: 0,
        nodes: None,
    };
    assert_eq!(totals, expected);
}

fn a_login_is_recorded_to_the_day_and_a_later_day_stays(harness: &mut Harness) {
    let account = harness.account("tony");
    for (now, day) in [(3 * DAY + 5, 3), (3 * DAY + 9, 3), (5 * DAY, 5), (4 * DAY - 1, 5)] {
        let used = harness.run(StoreJob::SetUsed { account, now: Timestamp(now) });
        assert_eq!(used, StoreDone::Changed);
        assert_eq!(show(harness, "tony").used_at, Some(Timestamp(day * DAY)));
    }
    let nobody = harness.run(StoreJob::SetUsed { account: AccountId(99), now: Timestamp(1) });
    assert_eq!(nobody, StoreDone::NoAccount);
}
