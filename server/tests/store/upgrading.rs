//! Kills the upgrade of an older database at each of its syncs and writes.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
};

use correio_proto::{
    mail::Timestamp,
    message::{ListChange, SendPolicy},
};
use correio_server::{
    cancel::Cancel,
    ids::AccountId,
    store::{
        NewMailRecord, StoreDone, StoreJob,
        admin::{AccountState, AdminDone, AdminJob, Retention},
        app_password::AppPasswordDone,
        sqlite::SqliteSnapshot,
    },
};
use correio_testing::{
    rerun::{data_directory, rerun},
    skip::can_trace,
    strace::{kill_at, traced},
};

use super::{
    admin::{admin, name, show},
    app_passwords::{make_password, passwords},
    files::{
        DATABASE, make_version_1, make_version_2, make_version_3, make_version_4, open_later,
        snapshot, with_sql,
    },
    support::{Harness, QUOTA, delete, everything, id, send},
};

#[test]
fn killed_at_any_moment_it_has_changed_nothing_or_all() {
    let test = "upgrading::killed_at_any_moment_it_has_changed_nothing_or_all";
    let open = |directory: &Path| open_later(directory).unwrap();
    let make = |directory: &Path| {
        let mut harness = Harness::sqlite(directory);
        let tony = harness.account("tony");
        harness.run(send(tony, 1, "tony", "x"));
        harness.close();
    };
    let again = StoreDone::SentBefore { sent_at: Timestamp(1001) };
    killed_at_any_moment(test, make, open, Harness::sqlite, &again);
}

#[test]
fn killed_on_the_way_from_the_first_version_it_has_changed_nothing_or_all() {
    let test = "upgrading::killed_on_the_way_from_the_first_version_it_has_changed_nothing_or_all";
    killed_at_any_moment(
        test,
        make_version_1,
        Harness::sqlite,
        Harness::sqlite,
        &StoreDone::Conflict,
    );
}

#[test]
fn killed_on_the_way_from_the_second_version_it_has_changed_nothing_or_all() {
    let test = "upgrading::killed_on_the_way_from_the_second_version_it_has_changed_nothing_or_all";
    killed_at_any_moment(
        test,
        make_version_2,
        Harness::sqlite,
        Harness::sqlite,
        &StoreDone::Conflict,
    );
}

#[test]
fn killed_on_the_way_from_the_third_version_it_has_changed_nothing_or_all() {
    let test = "upgrading::killed_on_the_way_from_the_third_version_it_has_changed_nothing_or_all";
    killed_at_any_moment(
        test,
        make_version_3,
        Harness::sqlite,
        Harness::sqlite,
        &StoreDone::Conflict,
    );
}

#[test]
fn killed_on_the_way_from_the_fourth_version_it_has_changed_nothing_or_all() {
    let test = "upgrading::killed_on_the_way_from_the_fourth_version_it_has_changed_nothing_or_all";
    killed_at_any_moment(
        test,
        make_version_4,
        Harness::sqlite,
        Harness::sqlite,
        &StoreDone::Conflict,
    );
}

#[test]
fn accounts_of_the_fourth_version_have_no_app_passwords() {
    let directory = tempfile::tempdir().unwrap();
    make_version_4(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    for username in ["tony", "pepper"] {
        let account = harness.find(username);
        assert_eq!(passwords(&mut harness, account), []);
        let made = make_password(&mut harness, account, "phone", 7);
        assert!(matches!(made, AppPasswordDone::Created(_)), "{made:?}");
    }
    harness.close();
}

#[test]
fn accounts_of_the_third_version_are_enabled_and_have_the_server_s_quota() {
    let directory = tempfile::tempdir().unwrap();
    make_version_3(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let tony = show(&mut harness, "tony");
    assert_eq!((tony.state, tony.has_password), (AccountState::Enabled, true));
    assert_eq!((tony.usage.quota, tony.has_own_quota), (QUOTA, false));
    assert_eq!((tony.code_expires_at, tony.created_at, tony.used_at), (None, None, None));
    harness.close();
    // The index of names is gone with its tables, and the check finds nothing wrong.
    let left = "CREATE TABLE directory (x); CREATE TABLE directory_data (x);";
    with_sql(&directory.path().join(DATABASE), left);
    let snapshot = SqliteSnapshot::open(directory.path(), &Cancel::default()).unwrap();
    let checked = snapshot.check(|_| ()).unwrap();
    assert!(checked.is_whole(), "{checked:?}");
    assert_eq!(checked.accounts, 2);
}

#[test]
fn lists_of_the_third_version_stay_and_the_rules_of_later_lists_hold() {
    let directory = tempfile::tempdir().unwrap();
    make_version_3(directory.path());
    let mut harness = Harness::sqlite(directory.path());
    let [tony, pepper] = [AccountId(1), AccountId(2)];
    let create = |list: &str| StoreJob::ChangeList {
        account: tony,
        name: name(list),
        change: ListChange::Create {
            title: "Turma".parse().unwrap(),
            senders: SendPolicy::Members {},
        },
    };
    assert_eq!(harness.run(create("turma")), StoreDone::UsernameTaken, "it is pepper's");
    assert_eq!(harness.run(create("clube")), StoreDone::Changed);
    assert_eq!(harness.run(delete(pepper)), StoreDone::Changed);
    assert_eq!(harness.run(create("pepper")), StoreDone::UsernameTaken, "the name is not free");
    harness.close();
}

#[test]
fn an_account_of_a_person_that_is_named_postmaster_does_not_speak_for_the_operator() {
    let directory = tempfile::tempdir().unwrap();
    make_version_3(directory.path());
    let renamed = "UPDATE account SET username = 'postmaster', register_id = randomblob(16)
                       WHERE username = 'pepper';
                   UPDATE list_member SET username = 'postmaster' WHERE username = 'pepper';";
    with_sql(&directory.path().join(DATABASE), renamed);
    let mut harness = Harness::sqlite(directory.path());
    let postmaster = name("postmaster");
    let mail = Arc::new(NewMailRecord::new(
        id(77),
        "everybody".parse().unwrap(),
        "s".parse().unwrap(),
        "text".parse().unwrap(),
    ));
    let announce = AdminJob::Announce { mail, after: None, now: Timestamp(7000) };
    let retain = AdminJob::Retain(Retention {
        after: None,
        now: Timestamp(7000),
        mails_before: Some(Timestamp(7000)),
        accounts_before: None,
        warning_days: 7,
        in_use: Arc::new([]),
    });
    for job in [&announce, &retain] {
        let taken = admin(&mut harness, job.clone());
        assert_eq!(taken, AdminDone::Taken(vec![postmaster.clone()]), "{job:?}");
    }
    let deleted = admin(&mut harness, AdminJob::Delete { username: postmaster });
    assert!(matches!(deleted, AdminDone::Changed(Some(_))), "{deleted:?}");
    for job in [announce, retain] {
        let done = admin(&mut harness, job);
        let is_done = matches!(done, AdminDone::Announced { .. } | AdminDone::Retained { .. });
        assert!(is_done, "{done:?}");
    }
    harness.close();
}

/// Kills the opening of a database at each sync and write, and requires that the next opening finds
/// all that a `reference` opening finds, and answers alike when a mail is sent again.
fn killed_at_any_moment(
    test: &str,
    make: impl Fn(&Path),
    open: impl Fn(&Path) -> Harness,
    reference: impl Fn(&Path) -> Harness,
    again: &StoreDone,
) {
    if let Some(directory) = data_directory() {
        open(&directory).close();
        return;
    }
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let old = snapshot(directory.path());
    let mut harness = reference(directory.path());
    let realm = harness.store.as_ref().unwrap().realm();
    let before = everything(&mut harness);
    harness.close();

    for (calls, least) in [("fsync,fdatasync", 4), ("write,pwrite64", 20)] {
        for when in 1.. {
            let killed = tempfile::tempdir().unwrap();
            for (name, bytes) in &old {
                std::fs::write(killed.path().join(name), bytes).unwrap();
            }
            let ended = open_and_kill(test, killed.path(), calls, when);
            let mut harness = open(killed.path());
            assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
            assert_eq!(everything(&mut harness), before, "killed at {when} of {calls}");
            let tony = harness.find("tony");
            assert_eq!(harness.run(send(tony, 1, "tony", "x")), *again);
            if ended.success() {
                assert!(when > least, "only {when} of {calls}");
                break;
            }
            assert_eq!(ended.signal(), Some(9), "{ended:?}");
        }
    }
}

/// Opens the directory in a process that is killed when a thread of it makes the `when`th of
/// these calls.
fn open_and_kill(test: &str, directory: &Path, calls: &str, when: usize) -> ExitStatus {
    let prepared = rerun(test, directory, "");
    traced(&prepared, Path::new("/dev/null"), &kill_at(calls, when))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}
