//! Copies a store from SQLite to PostgreSQL and back (`correiod migrate`).

use std::path::Path;

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Content, Timestamp},
    message::{ListChange, Role, SendPolicy},
};
use correio_server::{
    cancel::Cancel,
    day::DAY,
    ids::{AccountId, AppPasswordDigest, InviteId},
    ops::migrate::{MigrateError, Migrated, Migration, Step, Verified, migrate},
    store::{
        HashChange, Quota, StoreDone, StoreJob,
        admin::{AdminDone, AdminJob, DisabledMail, InviteRecord, Retention},
        app_password::AppPasswordJob,
        migration::{BatchLimits, MigrationTable},
        nodes::StoreRole,
        postgres::{
            DatabaseUrl, PostgresMigrationError, PostgresOpenError, PostgresOptions, PostgresStore,
            Statement,
        },
        sqlite::{SqliteMigrationError, SqliteOpenError, SqliteOptions, SqliteSnapshot},
    },
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Side},
    postgres::database,
    wait::eventually,
};

use super::{
    admin::{admin, disable, make, name},
    files::{DATABASE, open, with_sql},
    hidden::hiding,
    outlines::outline,
    support::{
        Harness, ROOMY, create, delete, find, hash, id, is_sent, read, send, send_large,
        send_large_message, send_message, upload, waker, whole_mailbox,
    },
};

const NAMES: [&str; 8] =
    ["tony", "pepper", "bruce", "thor", "steve", "loki", "postmaster", "natasha"];

/// Few rows and bytes, so that a small store has many batches.
pub const SMALL: BatchLimits = BatchLimits { rows: 3, bytes: 10_000 };

pub fn sqlite(directory: &Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

pub fn postgres(database: &DatabaseUrl) -> Harness {
    Harness::postgres_on(database, ROOMY, PostgresOptions::default())
}

fn done(harness: &mut Harness, job: StoreJob) {
    let shown = format!("{job:?}");
    let done = harness.run(job);
    let is_done = matches!(
        done,
        StoreDone::Created
            | StoreDone::Changed
            | StoreDone::Sent { .. }
            | StoreDone::Uploaded { .. }
    );
    assert!(is_done, "{shown}: {done:?}");
}

/// Fills a store with everything that a store can have. Returns the last account, which is deleted.
fn fill(harness: &mut Harness) -> AccountId {
    let [tony, pepper, bruce, steve] =
        ["tony", "pepper", "bruce", "steve"].map(|name| harness.account(name));
    let invited = StoreJob::CreateAccount {
        register_id: id(900),
        username: name("loki"),
        full_name: "Loki Á".parse().unwrap(),
        hash: hash("h"),
        invite: Some(InviteId([7; 8])),
    };
    done(harness, invited);
    make(harness, &["thor"]);
    disable(harness, "thor", DisabledMail::Kept);
    let quota = Some(Quota { mails: 77, bytes: 1 << 20 });
    admin(harness, AdminJob::SetQuota { username: name("bruce"), quota });
    let change = |account, change| StoreJob::ChangeList { account, name: name("turma"), change };
    let (title, senders) = ("Turma".parse().unwrap(), SendPolicy::Members {});
    done(harness, change(tony, ListChange::Create { title, senders }));
    let (members, role) = ("pepper,steve".parse().unwrap(), Role::Owner {});
    done(harness, change(tony, ListChange::Add { members, role }));
    mail(harness);
    done(harness, delete(steve));
    let label = "phone".parse().unwrap();
    let (digest, now) = (AppPasswordDigest([9; 32]), Timestamp(5));
    let make = AppPasswordJob::Create { account: pepper, label, digest, now };
    harness.run(StoreJob::AppPassword(make));
    let invite = |number| InviteRecord {
        id: InviteId([number; 8]),
        made_at: Timestamp(number.into()),
        expires_at: Timestamp(1 << 50),
    };
    admin(harness, AdminJob::AddInvites { invites: vec![invite(1), invite(2)] });
    admin(harness, AdminJob::RevokeInvite { id: InviteId([2; 8]) });
    // Warnings, and the days that retention counts.
    for day in 400..=405 {
        let retained = admin(harness, retain(day));
        assert!(matches!(retained, AdminDone::Retained { .. }), "{retained:?}");
    }
    // The highest number is no mail's any more.
    done(harness, send(bruce, 99, "bruce", "x"));
    let last = harness.fetch(bruce).last().unwrap().reference();
    assert_eq!(harness.confirm(bruce, vec![last]), 1);
    // Nor is the highest number of an account.
    let clint = harness.account("clint");
    done(harness, delete(clint));
    clint
}

/// Sends mails of each form.
fn mail(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.find(name));
    let shared = "y".repeat(9 << 10);
    let size = PIECE_MAX as u64 + 5000;
    for number in [5, 6] {
        done(harness, upload(tony, number, size, 0..PIECE_MAX as u64));
        done(harness, upload(tony, number, size, PIECE_MAX as u64..size));
    }
    for job in [
        send(tony, 1, "pepper,bruce", "Olá,\nsim.\0\r\n"),
        send_message(tony, 2, "pepper", b"Subject: a\r\n\r\n\0\xff"),
        send(pepper, 3, "tony,bruce,loki", &shared),
        send_message(pepper, 4, "tony,bruce,loki", shared.as_bytes()),
        send_large(tony, 5, "pepper,bruce", size),
        send_large_message(tony, 6, "bruce", size),
        hiding(send(tony, 7, "pepper,bruce", "z"), "bruce"),
        hiding(send(tony, 8, "pepper,bruce", &shared), "bruce"),
        send(tony, 9, "turma", "x"),
    ] {
        done(harness, job);
    }
    for number in 10..20 {
        done(harness, send(tony, number, "pepper,loki", "x"));
    }
    // Contents and pieces that are left to be deleted, and an upload that is not finished.
    done(harness, upload(tony, 21, 40_000, 0..40_000));
    done(harness, send_large(tony, 21, "tony", 40_000));
    let last = harness.fetch(tony).last().unwrap().reference();
    assert_eq!(harness.confirm(tony, vec![last]), 1);
    done(harness, upload(tony, 22, 40_000, 0..100));
}

fn retain(day: u64) -> AdminJob {
    AdminJob::Retain(Retention {
        after: None,
        now: Timestamp(day * DAY),
        mails_before: Some(Timestamp((day - 30) * DAY)),
        accounts_before: Some(Timestamp((day - 30) * DAY)),
        warning_days: 7,
        in_use: std::sync::Arc::new([]),
    })
}

/// The answers to all queries.
fn answers(harness: &mut Harness) -> Vec<StoreDone> {
    let mut jobs = Vec::new();
    for username in NAMES {
        jobs.push(find(username));
        jobs.push(StoreJob::Admin(AdminJob::Account { username: name(username) }));
        let StoreDone::Account(Some(account)) = harness.run(find(username)) else { continue };
        let account = account.id;
        jobs.extend([
            whole_mailbox(account),
            outline(account, 0, u32::MAX),
            StoreJob::AppPassword(AppPasswordJob::List { account }),
        ]);
        for mail in harness.fetch(account) {
            if matches!(mail.content, Content::Large(_)) {
                jobs.extend([0, PIECE_MAX as u64].map(|at| read(account, mail.reference(), at)));
            }
        }
    }
    let (after, lists, accounts, members) = (None, 100, 100, 100);
    jobs.push(StoreJob::Admin(AdminJob::Accounts { after: None, accounts }));
    jobs.push(StoreJob::Admin(AdminJob::Lists { after, lists }));
    for list in ["turma", "everybody"] {
        let after = None;
        jobs.push(StoreJob::Admin(AdminJob::Members { name: name(list), after, members }));
    }
    jobs.push(StoreJob::Admin(AdminJob::Invites { skip: 0, invites: 100 }));
    jobs.into_iter().map(|job| harness.run(job)).collect()
}

/// Changes a store so that each answer rests on what was copied, and returns the answers.
fn go_on(harness: &mut Harness) -> Vec<StoreDone> {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.find(name));
    let (title, senders) = ("Nova".parse().unwrap(), SendPolicy::Members {});
    let make = ListChange::Create { title, senders };
    let invited = StoreJob::CreateAccount {
        register_id: id(901),
        username: name("natasha"),
        full_name: "Natasha".parse().unwrap(),
        hash: hash("h"),
        invite: Some(InviteId([7; 8])),
    };
    let large = [
        // The rest of an upload that the source began.
        upload(tony, 22, 40_000, 100..40_000),
        send_large(tony, 22, "pepper", 40_000),
        upload(tony, 30, 40_000, 0..40_000),
        send_large(tony, 30, "pepper", 40_000),
    ];
    let jobs = [
        // The record of a mail, and that of an account whose mailbox is gone.
        send(tony, 1, "pepper,bruce", "Olá,\nsim.\0\r\n"),
        send(tony, 1, "pepper", "another"),
        StoreJob::ChangeList { account: tony, name: name("steve"), change: make },
        invited,
        create(902, "natasha", "h"),
        find("natasha"),
        create(1, "tony", "h"),
        StoreJob::SetHash {
            account: pepper,
            old: hash("h"),
            new: hash("i"),
            change: HashChange::NewPassword,
        },
        send(tony, 31, "turma", "x"),
    ];
    let mut answers: Vec<_> = jobs.into_iter().chain(large).map(|job| harness.run(job)).collect();
    let read_back = harness.fetch(pepper).last().unwrap().reference();
    answers.push(harness.run(read(pepper, read_back, 0)));
    answers
}

/// Lets days pass, until mails and accounts are deleted of which their owners were warned before.
fn grow_old(harness: &mut Harness) -> Vec<AdminDone> {
    // A day that was counted is not counted again.
    let days = 405..=410;
    let mut done: Vec<_> = days.map(|day| admin(harness, retain(day))).collect();
    for done in &mut done {
        // The number of the new account is another one in each store.
        if let AdminDone::Retained { warned, .. } = done {
            warned.retain(|warning| warning.username.as_str() != "natasha");
        }
    }
    done
}

pub fn to_database(from: &Path, to: &DatabaseUrl) -> Migration {
    Migration::ToDatabase { from: from.to_owned(), to: Box::new(to.clone()) }
}

pub fn to_directory(from: &DatabaseUrl, to: &Path) -> Migration {
    Migration::ToDirectory { from: Box::new(from.clone()), to: to.to_owned() }
}

/// Runs a migration, and tries again while the end of a store before it is not seen yet: a process
/// that another test starts has a copy of the lock of a directory until it runs its program, and a
/// database takes a moment to notice that a connection has ended.
pub fn run(
    migration: &Migration,
    cancel: &Cancel,
    see: &mut impl FnMut(Step),
) -> Result<Migrated, MigrateError> {
    let is_held = |error: &MigrateError| match error {
        MigrateError::Database(PostgresMigrationError::InUse) => true,
        error => is_locked(error),
    };
    run_unless(is_held, migration, cancel, see)
}

/// Whether a directory or a database is locked.
pub fn is_locked(error: &MigrateError) -> bool {
    matches!(
        error,
        MigrateError::Directory(SqliteMigrationError::InUse { .. })
            | MigrateError::Database(PostgresMigrationError::Busy)
    )
}

/// As [`run`], while errors are of this kind.
pub fn run_unless(
    is_held: impl Fn(&MigrateError) -> bool,
    migration: &Migration,
    cancel: &Cancel,
    see: &mut impl FnMut(Step),
) -> Result<Migrated, MigrateError> {
    let mut result = None;
    eventually(|| {
        let migrated = migrate(migration, SMALL, cancel, see);
        let is_over = !migrated.as_ref().is_err_and(&is_held);
        result = Some(migrated);
        is_over
    });
    result.unwrap()
}

pub fn whole(migration: &Migration) -> Verified {
    match run(migration, &Cancel::default(), &mut |_| {}).unwrap() {
        Migrated::Now(verified) => verified,
        Migrated::Before(_) => panic!("the target has the store already"),
    }
}

pub fn filled(directory: &Path) -> AccountId {
    let mut harness = sqlite(directory);
    let last = fill(&mut harness);
    harness.close();
    last
}

fn require_whole(directory: &Path) {
    let snapshot = SqliteSnapshot::open(directory, &Cancel::default()).unwrap();
    let checked = snapshot.check(|_| ()).unwrap();
    assert!(checked.is_whole(), "{checked:?}");
}

#[test]
fn there_and_back_again_a_store_gives_the_same_answers() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut harness = sqlite(there.path());
    fill(&mut harness);
    let realm = harness.store.as_ref().unwrap().realm();
    let before = answers(&mut harness);
    harness.close();
    // As an earlier version wrote them: the textures are counted.
    let older = "UPDATE mail SET texture = NULL; UPDATE content SET texture = NULL;
                 UPDATE upload SET texture = NULL;";
    with_sql(&there.path().join(DATABASE), older);

    let copied = whole(&to_database(there.path(), &database.url));
    for table in MigrationTable::ALL {
        assert!(copied.rows(table) > 0, "{table:?}");
    }
    let mut harness = postgres(&database.url);
    assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
    assert_eq!(answers(&mut harness), before);
    harness.close();

    let migration = to_directory(&database.url, back.path());
    assert_eq!(whole(&migration), copied);
    require_whole(back.path());
    for migration in [migration, to_database(there.path(), &database.url)] {
        match run(&migration, &Cancel::default(), &mut |_| {}).unwrap() {
            Migrated::Before(verified) => assert_eq!(verified, copied),
            Migrated::Now(_) => panic!("{migration:?}: the target had the store"),
        }
    }
    let mut harness = sqlite(back.path());
    assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
    assert_eq!(answers(&mut harness), before);
    harness.close();
}

#[test]
fn each_copy_goes_on_as_its_source_would() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clint = filled(there.path());
    whole(&to_database(there.path(), &database.url));
    whole(&to_directory(&database.url, back.path()));
    let mut source = sqlite(there.path());
    let last = |harness: &mut Harness| {
        let pepper = harness.find("pepper");
        harness.fetch(pepper).last().unwrap().seq
    };
    let before = last(&mut source);
    let expected = without_accounts(go_on(&mut source));
    let aged = grow_old(&mut source);
    let has_deleted = |done: &AdminDone| matches!(done, AdminDone::Retained { mails: 1.., .. });
    assert!(aged.iter().any(has_deleted), "{aged:?}");
    source.close();
    for mut harness in [postgres(&database.url), sqlite(back.path())] {
        assert_eq!(without_accounts(go_on(&mut harness)), expected);
        assert!(last(&mut harness) > before);
        assert!(harness.find("natasha") > clint, "the number of a deleted account was given again");
        assert_eq!(grow_old(&mut harness), aged);
        harness.close();
    }
    require_whole(back.path());
}

/// Answers without those that have the numbers of new accounts, which each store skips otherwise.
fn without_accounts(answers: Vec<StoreDone>) -> Vec<StoreDone> {
    answers.into_iter().filter(|answer| !matches!(answer, StoreDone::Account(_))).collect()
}

/// Ends a migration after each of its batches, until it is done. Returns the number of its ends.
fn end_after_each_batch(migration: &Migration, is_refused: impl Fn()) -> usize {
    for ends in 0.. {
        let cancel = Cancel::default();
        let mut see = |step| {
            if let Step::Copied(..) = step {
                cancel.flag().store(2, std::sync::atomic::Ordering::Relaxed);
            }
        };
        match run(migration, &cancel, &mut see) {
            Err(MigrateError::Interrupted) => is_refused(),
            Ok(Migrated::Now(_)) => return ends,
            other => panic!("{other:?}"),
        }
    }
    0
}

#[test]
fn ended_after_any_batch_it_goes_on_and_no_server_serves_the_copy_before() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut harness = sqlite(there.path());
    fill(&mut harness);
    let before = answers(&mut harness);
    harness.close();
    let ends = end_after_each_batch(&to_database(there.path(), &database.url), || {
        let refusal = open_postgres(&database.url);
        let is_expected =
            matches!(refusal, PostgresOpenError::Unfinished | PostgresOpenError::Migrating);
        assert!(is_expected, "{refusal}");
    });
    assert!(ends > 20, "{ends}");
    let mut harness = postgres(&database.url);
    assert_eq!(answers(&mut harness), before);
    harness.close();
    let ends = end_after_each_batch(&to_directory(&database.url, back.path()), || {
        let refusal = correio_testing::store::unlocked(|| open(back.path())).unwrap_err();
        assert!(matches!(refusal, SqliteOpenError::Unfinished { .. }), "{refusal}");
        let refusal = SqliteSnapshot::open(back.path(), &Cancel::default()).unwrap_err();
        assert!(matches!(refusal, SqliteOpenError::Unfinished { .. }), "{refusal}");
    });
    assert!(ends > 20, "{ends}");
    require_whole(back.path());
    let mut harness = sqlite(back.path());
    assert_eq!(answers(&mut harness), before);
    harness.close();
}

/// The refusal of a server that is started on a database.
pub fn open_postgres(database: &DatabaseUrl) -> PostgresOpenError {
    let directory = tempfile::tempdir().unwrap();
    let wake: std::sync::Arc<dyn correio_server::waker::Wake> = waker().0;
    let (options, role) = (PostgresOptions::default(), StoreRole::Command);
    let opened = PostgresStore::open(database, directory.path(), ROOMY, options, role, &wake);
    opened.map(drop).unwrap_err()
}

#[test]
fn a_copy_whose_connection_ends_at_any_message_goes_on() {
    let Some(database) = database() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let there = tempfile::tempdir().unwrap();
    let mut harness = sqlite(there.path());
    fill(&mut harness);
    let before = answers(&mut harness);
    harness.close();
    let migration = to_database(there.path(), &proxy.url());
    // Each attempt comes a few messages further than a connection needs to begin.
    let mut cuts = 0;
    for messages in (20..).step_by(11) {
        proxy.cut_after(Some((Side::Server, messages)));
        match run(&migration, &Cancel::default(), &mut |_| {}) {
            Ok(Migrated::Now(_)) => break,
            // The last commit holds, and its answer was lost.
            Ok(Migrated::Before(_)) => break,
            Err(MigrateError::Database(_)) => cuts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(cuts > 20, "{cuts}");
    let mut harness = postgres(&database.url);
    assert_eq!(answers(&mut harness), before);
    harness.close();
}

#[test]
fn a_target_with_another_store_is_left_as_it_is() {
    let Some(database) = database() else { return };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(one.path());
    let mut harness = sqlite(other.path());
    harness.account("clint");
    harness.close();
    let mut harness = postgres(&database.url);
    harness.account("natasha");
    harness.close();
    let refused = run(&to_database(one.path(), &database.url), &Cancel::default(), &mut |_| {});
    let refusal = refused.unwrap_err();
    let is_expected = matches!(refusal, MigrateError::Database(PostgresMigrationError::OtherStore));
    assert!(is_expected, "{refusal}");
    let refused = run(&to_directory(&database.url, other.path()), &Cancel::default(), &mut |_| {});
    let refusal = refused.unwrap_err();
    let is_expected =
        matches!(refusal, MigrateError::Directory(SqliteMigrationError::OtherStore { .. }));
    assert!(is_expected, "{refusal}");
    std::fs::write(other.path().join(DATABASE), "a letter").unwrap();
    let refused = run(&to_directory(&database.url, other.path()), &Cancel::default(), &mut |_| {});
    let refusal = refused.unwrap_err();
    assert!(refusal.to_string().contains("not a correio database"), "{refusal}");
    assert_eq!(std::fs::read(other.path().join(DATABASE)).unwrap(), b"a letter");
    let mut harness = postgres(&database.url);
    harness.find("natasha");
    harness.close();
}

#[test]
fn a_store_that_a_server_uses_is_not_copied() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut harness = sqlite(there.path());
    fill(&mut harness);
    let migration = to_database(there.path(), &database.url);
    let refusal = migrate(&migration, SMALL, &Cancel::default(), &mut |_| {}).unwrap_err();
    let is_expected =
        matches!(refusal, MigrateError::Directory(SqliteMigrationError::InUse { .. }));
    assert!(is_expected, "{refusal}");
    harness.close();
    whole(&migration);
    let harness = postgres(&database.url);
    static SEEN: Statement = Statement { sql: "SELECT count(*) > 0 FROM node", params: &[] };
    let mut connection = database.connect();
    eventually(|| connection.query(&SEEN, &[]).unwrap().one().unwrap().get(0).unwrap());
    for migration in [migration, to_directory(&database.url, back.path())] {
        let refused = run_unless(is_locked, &migration, &Cancel::default(), &mut |_| {});
        let refusal = refused.unwrap_err();
        let is_expected = matches!(refusal, MigrateError::Database(PostgresMigrationError::InUse));
        assert!(is_expected, "{refusal}");
    }
    harness.close();
    whole(&to_directory(&database.url, back.path()));
}

/// Ends a migration before its rows are compared.
pub fn copy_only(migration: &Migration) {
    let cancel = Cancel::default();
    let mut see = |step| {
        if let Step::Compared(..) = step {
            cancel.flag().store(2, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let ended = run(migration, &cancel, &mut see);
    assert!(matches!(ended, Err(MigrateError::Interrupted)), "{ended:?}");
}

#[test]
fn a_copy_that_differs_is_named_and_never_served() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(there.path());
    let migration = to_database(there.path(), &database.url);
    copy_only(&migration);
    let mut connection = database.connect();
    let damage = "UPDATE mail SET subject = 'other' WHERE seq = (SELECT max(seq) FROM mail);
                  DELETE FROM piece WHERE position = 0;";
    connection.batch(damage).unwrap();
    let refusal = run(&migration, &Cancel::default(), &mut |_| {}).unwrap_err();
    let MigrateError::Differs { differences } = &refusal else { panic!("{refusal}") };
    assert!(differences.contains("mail: digest"), "{differences}");
    assert!(differences.contains("piece: "), "{differences}");
    assert!(!differences.contains("account"), "{differences}");
    let refusal = open_postgres(&database.url);
    let is_expected =
        matches!(refusal, PostgresOpenError::Unfinished | PostgresOpenError::Migrating);
    assert!(is_expected, "{refusal}");
    // An unfinished copy is no source either.
    let migration = to_directory(&database.url, back.path());
    let refusal = run(&migration, &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(refusal.to_string().contains("unfinished copy"), "{refusal}");
    // A source that was changed between two commands.
    connection.batch("DROP SCHEMA public CASCADE; CREATE SCHEMA public;").unwrap();
    let migration = to_database(there.path(), &database.url);
    copy_only(&migration);
    let mut harness = sqlite(there.path());
    let tony = harness.find("tony");
    assert!(is_sent(&harness.run(send(tony, 50, "tony", "later"))));
    harness.close();
    let refusal = run(&migration, &Cancel::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(refusal, MigrateError::Differs { .. }), "{refusal}");
}
