//! What `correiod migrate` refuses before it changes anything, or before a server gets the copy.

use correio_server::{
    cancel::Cancel,
    ops::migrate::{MigrateError, Migrated, Migration, migrate},
    store::{
        postgres::{DatabaseUrl, PostgresMigrationError, PostgresOpenError, Statement},
        sqlite::{Schema, SqliteMigrationError},
    },
    sysexits,
};
use correio_testing::postgres::{Database, Postgres, database};

use super::{
    files::{DATABASE, with_sql},
    migrated_store::{postgres, sqlite},
    migration_runs::{
        SMALL, copy_only, filled, open_postgres, run, to_database, to_directory, whole,
    },
    support::{id, is_sent, send},
};

/// Runs a migration that is refused.
fn refused(migration: &Migration) -> MigrateError {
    run(migration, &Cancel::default(), &mut |_| {}).unwrap_err()
}

/// The names of the tables in a database.
fn tables(database: &Database) -> Vec<String> {
    static NAMES: Statement = Statement {
        sql: "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        params: &[],
    };
    let rows = database.connect().query(&NAMES, &[]).unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

/// A store was copied to the database and served there: the directory that it came from has the
/// same realm, and an earlier state.
#[test]
fn a_target_with_another_state_of_the_same_store_is_left_as_it_is() {
    let Some(database) = database() else { return };
    let there = tempfile::tempdir().unwrap();
    filled(there.path());
    whole(&to_database(there.path(), &database.url));
    let mut harness = postgres(&database.url);
    let tony = harness.find("tony");
    assert!(is_sent(&harness.run(send(tony, 50, "tony", "later"))));
    harness.close();
    let before = std::fs::read(there.path().join(DATABASE)).unwrap();
    for migration in
        [to_directory(&database.url, there.path()), to_database(there.path(), &database.url)]
    {
        let refusal = refused(&migration);
        assert_eq!(refusal.exit_status(), sysexits::CANNOT_CREATE);
        let MigrateError::Apart { differences, .. } = &refusal else { panic!("{refusal}") };
        assert!(differences.contains("mail: "), "{differences}");
        assert!(!differences.contains("list: "), "{differences}");
    }
    assert!(std::fs::read(there.path().join(DATABASE)).unwrap() == before);
    let mut harness = postgres(&database.url);
    assert_eq!(harness.fetch(tony).last().unwrap().id, id(50));
    harness.close();
}

#[test]
fn a_database_with_tables_of_another_program_is_left_as_it_is() {
    let Some(database) = database() else { return };
    let there = tempfile::tempdir().unwrap();
    filled(there.path());
    database.connect().batch("CREATE TABLE letter (text text)").unwrap();
    let refusal = refused(&to_database(there.path(), &database.url));
    let is_expected = matches!(refusal, MigrateError::Database(PostgresMigrationError::NotEmpty));
    assert!(is_expected, "{refusal}");
    assert_eq!(refusal.exit_status(), sysexits::CANNOT_CREATE);
    assert_eq!(tables(&database), ["letter"]);
    // What an extension brings is no table of another program.
    let mut connection = database.connect();
    connection.batch("DROP TABLE letter").unwrap();
    if connection.batch("CREATE EXTENSION pg_stat_statements").is_ok() {
        whole(&to_database(there.path(), &database.url));
    }
}

/// The address of a database for a role without any right in it.
fn stranger(server: &Postgres, database: &Database, role: &str) -> DatabaseUrl {
    // A role is of the whole server, and a test makes its own once.
    server.administrate(&format!("CREATE ROLE {role} LOGIN"));
    server.administrate(&format!("REVOKE ALL ON DATABASE {} FROM {role}", database.name));
    let lock_out = format!("REVOKE ALL ON SCHEMA public FROM PUBLIC, {role}");
    database.connect().batch(&lock_out).unwrap();
    database.connect().batch(&format!("GRANT USAGE ON SCHEMA public TO {role}")).unwrap();
    server.tcp_address(role, "127.0.0.1", &database.name).parse().unwrap()
}

#[test]
fn a_role_without_rights_is_told_what_it_lacks() {
    let Some(server) = Postgres::shared() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(there.path());
    let database = server.database();
    let url = stranger(server, &database, "migrate_stranger");
    let refusal = refused(&to_database(there.path(), &url));
    assert_eq!(refusal.exit_status(), sysexits::NO_PERMISSION);
    assert!(refusal.to_string().contains("may not make tables"), "{refusal}");
    whole(&to_database(there.path(), &database.url));
    let all_but_numbers = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO migrate_stranger";
    for sql in ["SELECT 1", all_but_numbers] {
        database.connect().batch(sql).unwrap();
        let refusal = refused(&to_directory(&url, back.path()));
        assert_eq!(refusal.exit_status(), sysexits::NO_PERMISSION, "{sql}");
        assert!(refusal.to_string().contains("may not read the store"), "{refusal}");
        assert!(!back.path().join(DATABASE).exists());
    }
    let numbers = "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO migrate_stranger";
    database.connect().batch(numbers).unwrap();
    whole(&to_directory(&url, back.path()));
}

#[test]
fn a_store_of_another_version_is_not_copied() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(there.path());
    let migration = to_database(there.path(), &database.url);
    // A copy that another version has begun.
    copy_only(&migration);
    let version = |version| format!("UPDATE meta SET version = {version}");
    database.connect().batch(&version("-1")).unwrap();
    let refusal = refused(&migration);
    assert!(refusal.to_string().contains("another version of correio began it"), "{refusal}");
    database.connect().batch(&version("1")).unwrap();
    whole(&migration);
    let back_again = to_directory(&database.url, back.path());
    for (found, text) in [("2", "newer correio (schema 2"), ("-1", "earlier correio (schema -1")] {
        database.connect().batch(&version(found)).unwrap();
        for migration in [&migration, &back_again] {
            let refusal = refused(migration);
            assert_eq!(refusal.exit_status(), sysexits::CONFIG, "{refusal}");
            assert!(refusal.to_string().contains(text), "{refusal}");
        }
    }
    database.connect().batch(&version("1")).unwrap();
    copy_only(&back_again);
    let copy = back.path().join(DATABASE);
    let present = Schema::PRESENT.version();
    with_sql(&copy, &format!("PRAGMA user_version = {}", present - 1));
    let refusal = refused(&back_again);
    assert!(refusal.to_string().contains("another version of correio began it"), "{refusal}");
    with_sql(&copy, &format!("PRAGMA user_version = {present}"));
    whole(&back_again);
    // The schema of a source, which a newer or an older program has written.
    for (version, age) in [(present - 1, "older"), (present + 1, "newer")] {
        let text = format!("{age} correio (schema {version}");
        with_sql(&there.path().join(DATABASE), &format!("PRAGMA user_version = {version}"));
        let refusal = refused(&migration);
        assert_eq!(refusal.exit_status(), sysexits::CONFIG, "{refusal}");
        assert!(refusal.to_string().contains(&text), "{refusal}");
    }
}

#[test]
fn a_place_without_a_store_is_no_source() {
    let Some(database) = database() else { return };
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refusal = refused(&to_database(there.path(), &database.url));
    let is_expected =
        matches!(refusal, MigrateError::Directory(SqliteMigrationError::NoStore { .. }));
    assert!(is_expected, "{refusal}");
    assert_eq!(std::fs::read_dir(there.path()).unwrap().count(), 0, "nothing was made");
    let refusal = refused(&to_directory(&database.url, back.path()));
    let is_expected = matches!(refusal, MigrateError::Database(PostgresMigrationError::NoStore));
    assert!(is_expected, "{refusal}");
    assert_eq!(refusal.exit_status(), sysexits::CONFIG);
    assert_eq!(tables(&database), [""; 0]);
}

/// A directory that a backup was restored into has no lock until a server starts there.
#[test]
fn a_server_that_starts_at_an_unlocked_source_is_noticed() {
    let Some(database) = database() else { return };
    let there = tempfile::tempdir().unwrap();
    filled(there.path());
    std::fs::remove_file(there.path().join("lock")).unwrap();
    let migration = to_database(there.path(), &database.url);
    let mut served = None;
    let refusal = migrate(&migration, SMALL, &Cancel::default(), &mut |_| {
        served.get_or_insert_with(|| sqlite(there.path()));
    });
    let refusal = refusal.unwrap_err();
    let is_expected =
        matches!(refusal, MigrateError::Directory(SqliteMigrationError::InUse { .. }));
    assert!(is_expected, "{refusal}");
    served.unwrap().close();
    let refusal = open_postgres(&database.url);
    let is_expected =
        matches!(refusal, PostgresOpenError::Unfinished | PostgresOpenError::Migrating);
    assert!(is_expected, "{refusal}");
    // The server has changed nothing that is copied.
    let result = run(&migration, &Cancel::default(), &mut |_| {}).unwrap();
    assert!(matches!(result, Migrated::Now(_)), "{result:?}");
}
