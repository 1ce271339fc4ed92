//! Copies a store from SQLite to PostgreSQL and back (`correiod migrate`).

use correio_server::{
    cancel::Cancel,
    ops::migrate::{MigrateError, Migrated, Migration, Step, migrate},
    store::{
        StoreDone,
        admin::AdminDone,
        migration::MigrationTable,
        postgres::{PostgresMigrationError, PostgresOpenError, Statement},
        sqlite::{SqliteMigrationError, SqliteOpenError, SqliteSnapshot},
    },
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Side},
    postgres::database,
    wait::eventually,
};

use super::{
    files::{DATABASE, open, with_sql},
    migrated_store::{answers, fill, go_on, grow_old, postgres, sqlite},
    migration_runs::{
        SMALL, copy_only, filled, is_locked, open_postgres, require_whole, run, run_unless,
        to_database, to_directory, whole,
    },
    support::{Harness, is_sent, send},
};

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
