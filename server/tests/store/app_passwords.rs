//! The contract of all stores about app passwords, and about logging in with one.

use std::net::IpAddr;

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse},
    limits::APP_PASSWORDS_MAX,
    mail::Timestamp,
};
use correio_server::{
    day::DAY,
    ids::{AccountId, AppPasswordDigest, CodeDigest},
    store::{
        AccountRecord, HashChange, StoreDone, StoreJob,
        admin::{AccountState, AdminDone, AdminJob, CodeRecord, DisabledMail},
        app_password::{AppPasswordDone, AppPasswordJob},
        gateway::{GatewayDone, GatewayJob},
        sqlite::SqliteSnapshot,
    },
};

use proptest::prelude::*;

use super::{
    admin::{admin, disable, name},
    files::{DATABASE, with_sql},
    support::{Harness, NAMES, create, delete, hash, set_hash},
};

contract! {
    an_app_password_logs_in_under_its_own_username_alone,
    an_app_password_that_is_revoked_logs_in_no_more,
    a_label_is_taken_once_an_account,
    an_account_has_at_most_twenty_app_passwords,
    a_creation_that_is_repeated_makes_one_app_password,
    an_app_password_of_another_account_is_neither_shown_nor_revoked,
    a_new_password_revokes_all_app_passwords_and_a_new_cost_none,
    a_recovery_code_revokes_all_app_passwords_when_it_is_made_and_when_it_is_used,
    a_deleted_account_has_no_app_passwords_and_nor_has_its_successor,
    a_disabled_account_is_found_by_its_app_password,
    the_last_use_is_recorded_to_the_day_with_its_address,
}

fn digest(number: u8) -> AppPasswordDigest {
    AppPasswordDigest([number; 32])
}

fn run(harness: &mut Harness, job: AppPasswordJob) -> AppPasswordDone {
    match harness.run(StoreJob::AppPassword(job)) {
        StoreDone::AppPassword(done) => done,
        other => panic!("a result about app passwords was expected, not {other:?}"),
    }
}

/// Makes the app password with this number, at this number as a time.
pub fn make_password(
    harness: &mut Harness,
    account: AccountId,
    label: &str,
    number: u8,
) -> AppPasswordDone {
    let (label, now) = (label.parse().unwrap(), Timestamp(number.into()));
    run(harness, AppPasswordJob::Create { account, label, digest: digest(number), now })
}

fn made(harness: &mut Harness, account: AccountId, label: &str, number: u8) -> AppPasswordId {
    match make_password(harness, account, label, number) {
        AppPasswordDone::Created(id) => id,
        other => panic!("an app password was expected, not {other:?}"),
    }
}

pub fn passwords(harness: &mut Harness, account: AccountId) -> Vec<AppPasswordOverview> {
    match run(harness, AppPasswordJob::List { account }) {
        AppPasswordDone::List(passwords) => passwords,
        other => panic!("a list was expected, not {other:?}"),
    }
}

/// A random job about app passwords of accounts that may exist, and of few numbers and labels.
pub fn job() -> impl Strategy<Value = StoreJob> {
    let account = || (1..5_i64).prop_map(AccountId);
    let job = StoreJob::AppPassword;
    prop_oneof![
        (account(), 0..3_u8, 0..4_u8).prop_map(move |(account, label, number)| {
            let label = label.to_string().parse().unwrap();
            let now = Timestamp(number.into());
            job(AppPasswordJob::Create { account, label, digest: digest(number), now })
        }),
        account().prop_map(move |account| job(AppPasswordJob::List { account })),
        (account(), 1..6_u64).prop_map(move |(account, id)| {
            job(AppPasswordJob::Revoke { account, id: AppPasswordId(id) })
        }),
        (prop::sample::select(&NAMES[..]), 0..4_u8, 0..3_u64, 0..2_u8).prop_map(
            |(username, number, day, host)| StoreJob::Gateway(GatewayJob::LogIn {
                username: name(username),
                password: digest(number),
                from: IpAddr::from([192, 0, 2, host]),
                now: Timestamp(day * DAY),
            })
        ),
    ]
}

fn labels(harness: &mut Harness, account: AccountId) -> Vec<String> {
    passwords(harness, account).iter().map(|it| it.label.to_string()).collect()
}

fn log_in_from(
    harness: &mut Harness,
    username: &str,
    number: u8,
    from: &str,
    now: u64,
) -> Option<AccountRecord> {
    let (username, password) = (name(username), digest(number));
    let from: IpAddr = from.parse().unwrap();
    let job = GatewayJob::LogIn { username, password, from, now: Timestamp(now) };
    match harness.run(StoreJob::Gateway(job)) {
        StoreDone::Gateway(GatewayDone::LoggedIn(account)) => Some(*account),
        StoreDone::Gateway(GatewayDone::WrongPassword) => None,
        other => panic!("a login was expected, not {other:?}"),
    }
}

fn log_in(harness: &mut Harness, username: &str, number: u8) -> Option<AccountId> {
    log_in_from(harness, username, number, "192.0.2.7", 5).map(|account| account.id)
}

fn an_app_password_logs_in_under_its_own_username_alone(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    made(harness, tony, "phone", 1);
    made(harness, pepper, "phone", 2);
    assert_eq!(log_in(harness, "tony", 1), Some(tony));
    assert_eq!(log_in(harness, "pepper", 2), Some(pepper));
    // Chance does not make the same one twice; if it did, it would be one for each of them.
    made(harness, pepper, "tablet", 1);
    for (username, number) in [("tony", 2), ("pepper", 3), ("tony", 3), ("bruce", 1)] {
        assert_eq!(log_in(harness, username, number), None, "{username} {number}");
    }
    let account = log_in_from(harness, "tony", 1, "2001:db8::7", 5).unwrap();
    assert_eq!(account, harness.record("tony"));
    assert_eq!(log_in(harness, "pepper", 1), Some(pepper));
}

fn an_app_password_that_is_revoked_logs_in_no_more(harness: &mut Harness) {
    let tony = harness.account("tony");
    let (phone, laptop) = (made(harness, tony, "phone", 1), made(harness, tony, "laptop", 2));
    let revoke = AppPasswordJob::Revoke { account: tony, id: phone };
    let revoked = AppPasswordDone::Revoked(Some("phone".parse().unwrap()));
    assert_eq!(run(harness, revoke.clone()), revoked);
    assert_eq!(run(harness, revoke), AppPasswordDone::Revoked(None));
    assert_eq!((log_in(harness, "tony", 1), log_in(harness, "tony", 2)), (None, Some(tony)));
    assert_eq!(labels(harness, tony), ["laptop"]);
    // Its label is free, and its number is not given again.
    let again = made(harness, tony, "phone", 3);
    assert!(again > laptop);
    let run_last = AppPasswordJob::Revoke { account: tony, id: again };
    run(harness, run_last);
    assert!(made(harness, tony, "tablet", 4) > again);
}

fn a_label_is_taken_once_an_account(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    made(harness, tony, "celular da Tia", 1);
    assert_eq!(make_password(harness, tony, "celular da Tia", 2), AppPasswordDone::LabelTaken);
    made(harness, tony, "Celular da Tia", 3);
    made(harness, pepper, "celular da Tia", 4);
    assert_eq!(labels(harness, tony), ["celular da Tia", "Celular da Tia"]);
    assert_eq!(log_in(harness, "tony", 2), None);
}

fn an_account_has_at_most_twenty_app_passwords(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let last = u8::try_from(APP_PASSWORDS_MAX).unwrap();
    for number in 1..=last {
        made(harness, tony, &number.to_string(), number);
    }
    assert_eq!(make_password(harness, tony, "one more", last + 1), AppPasswordDone::Full);
    assert_eq!(make_password(harness, tony, "7", last + 1), AppPasswordDone::LabelTaken);
    made(harness, pepper, "phone", last + 1);
    let first = passwords(harness, tony)[0].id;
    run(harness, AppPasswordJob::Revoke { account: tony, id: first });
    made(harness, tony, "one more", last + 2);
    assert_eq!(passwords(harness, tony).len(), APP_PASSWORDS_MAX);
}

fn a_creation_that_is_repeated_makes_one_app_password(harness: &mut Harness) {
    let tony = harness.account("tony");
    let id = made(harness, tony, "phone", 1);
    assert_eq!(made(harness, tony, "phone", 1), id);
    assert_eq!(labels(harness, tony), ["phone"]);
}

fn an_app_password_of_another_account_is_neither_shown_nor_revoked(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let id = made(harness, tony, "phone", 1);
    assert_eq!(passwords(harness, pepper), []);
    let revoke = AppPasswordJob::Revoke { account: pepper, id };
    assert_eq!(run(harness, revoke), AppPasswordDone::Revoked(None));
    assert_eq!(log_in(harness, "tony", 1), Some(tony));
    let largest = AppPasswordJob::Revoke { account: tony, id: AppPasswordId(u64::MAX) };
    assert_eq!(run(harness, largest), AppPasswordDone::Revoked(None));
}

fn a_new_password_revokes_all_app_passwords_and_a_new_cost_none(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    made(harness, tony, "phone", 1);
    made(harness, tony, "laptop", 2);
    made(harness, pepper, "phone", 3);
    let rehash = StoreJob::SetHash {
        account: tony,
        old: hash("h"),
        new: hash("i"),
        change: HashChange::NewCost,
    };
    assert_eq!(harness.run(rehash), StoreDone::Changed);
    assert_eq!(harness.run(set_hash(tony, "wrong", "j")), StoreDone::Conflict);
    assert_eq!(log_in(harness, "tony", 1), Some(tony));
    assert_eq!(harness.run(set_hash(tony, "i", "j")), StoreDone::PasswordSet { revoked: 2 });
    assert_eq!((log_in(harness, "tony", 1), log_in(harness, "tony", 2)), (None, None));
    assert_eq!(passwords(harness, tony), []);
    assert_eq!(log_in(harness, "pepper", 3), Some(pepper));
}

fn a_recovery_code_revokes_all_app_passwords_when_it_is_made_and_when_it_is_used(
    harness: &mut Harness,
) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    made(harness, tony, "phone", 1);
    made(harness, pepper, "phone", 2);
    let digest = CodeDigest([9; 32]);
    let code = CodeRecord { digest, expires_at: Timestamp(1000) };
    let reset = admin(harness, AdminJob::SetCode { username: name("tony"), code });
    assert_eq!(reset, AdminDone::CodeSet { account: tony, revoked: 1 });
    assert_eq!(log_in(harness, "tony", 1), None);
    made(harness, tony, "phone", 3);
    let recover = |code| StoreJob::Recover {
        username: name("tony"),
        code,
        hash: hash("new"),
        now: Timestamp(10),
    };
    assert_eq!(harness.run(recover(CodeDigest([8; 32]))), StoreDone::WrongCode);
    assert_eq!(log_in(harness, "tony", 3), Some(tony));
    assert_eq!(harness.run(recover(digest)), StoreDone::Recovered { account: tony, revoked: 1 });
    assert_eq!(log_in(harness, "tony", 3), None);
    assert_eq!(log_in(harness, "pepper", 2), Some(pepper));
}

fn a_deleted_account_has_no_app_passwords_and_nor_has_its_successor(harness: &mut Harness) {
    let tony = harness.account("tony");
    made(harness, tony, "phone", 1);
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(log_in(harness, "tony", 1), None);
    let list = StoreJob::AppPassword(AppPasswordJob::List { account: tony });
    assert_eq!(harness.run(list), StoreDone::NoAccount);
    assert_eq!(harness.run(create(77, "tony", "h")), StoreDone::Created);
    assert_eq!(log_in(harness, "tony", 1), None);
    let successor = harness.find("tony");
    made(harness, successor, "phone", 2);
    let deleted = admin(harness, AdminJob::Delete { username: name("tony") });
    assert!(matches!(deleted, AdminDone::Changed(Some(_))), "{deleted:?}");
    assert_eq!(log_in(harness, "tony", 2), None);
}

fn a_disabled_account_is_found_by_its_app_password(harness: &mut Harness) {
    let tony = harness.account("tony");
    made(harness, tony, "phone", 1);
    disable(harness, "tony", DisabledMail::Kept);
    let account = log_in_from(harness, "tony", 1, "192.0.2.7", 5).unwrap();
    assert_eq!(account.state, AccountState::Disabled(DisabledMail::Kept));
    assert_eq!(labels(harness, tony), ["phone"]);
}

fn the_last_use_is_recorded_to_the_day_with_its_address(harness: &mut Harness) {
    let tony = harness.account("tony");
    made(harness, tony, "phone", 1);
    made(harness, tony, "laptop", 2);
    let used = |harness: &mut Harness| {
        let passwords = passwords(harness, tony);
        assert_eq!((passwords[1].used, passwords[1].made_at), (None, Timestamp(2)));
        passwords[0].used
    };
    assert_eq!(used(harness), None);
    let (v4, v6) = ("192.0.2.7", "2001:db8::7");
    // A clock that was set back changes no day.
    for (from, now, day) in [
        (v4, 5 * DAY + 17, 5 * DAY),
        (v4, 6 * DAY - 1, 5 * DAY),
        (v6, 6 * DAY - 1, 5 * DAY),
        (v6, 6 * DAY, 6 * DAY),
        (v6, 2 * DAY, 6 * DAY),
        (v4, 2 * DAY, 6 * DAY),
    ] {
        log_in_from(harness, "tony", 1, from, now).unwrap();
        let (day, from) = (Timestamp(day), from.parse().unwrap());
        assert_eq!(used(harness), Some(AppPasswordUse { day, from }));
    }
    assert_eq!(log_in_from(harness, "tony", 3, v6, 9 * DAY), None);
    assert_eq!(used(harness).unwrap().day, Timestamp(6 * DAY));
    let AdminDone::Account(_, shown) = admin(harness, AdminJob::Account { username: name("tony") })
    else {
        panic!("an account was expected");
    };
    assert_eq!(shown, passwords(harness, tony));
}

#[test]
fn a_program_that_polls_writes_nothing_on_the_same_day_from_the_same_address() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    made(&mut harness, tony, "phone", 1);
    let log = || std::fs::read(directory.path().join(super::files::LOG)).unwrap();
    log_in(&mut harness, "tony", 1).unwrap();
    let before = log();
    for now in 5..50 {
        log_in_from(&mut harness, "tony", 1, "192.0.2.7", now).unwrap();
        assert_eq!(log_in(&mut harness, "tony", 2), None);
    }
    assert!(log() == before, "a login that changes nothing has written to the log");
    log_in_from(&mut harness, "tony", 1, "192.0.2.8", 50).unwrap();
    assert!(log() != before, "the test sees no write");
    harness.close();
}

#[test]
fn a_check_finds_an_app_password_without_an_account_or_with_a_value_that_none_has() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    made(&mut harness, tony, "phone", 1);
    harness.close();
    let check = || {
        let snapshot = SqliteSnapshot::open(directory.path(), &Default::default()).unwrap();
        let findings = snapshot.check(|_| ()).unwrap().findings;
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(check(), Vec::<String>::new());
    let database = directory.path().join(DATABASE);
    with_sql(&database, "UPDATE app_password SET account = 99");
    assert_eq!(check(), ["app password belongs to no account (number 1)"]);
}
