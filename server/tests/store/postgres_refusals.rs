//! What the database refuses, or has in its tables and should not.

use std::sync::Arc;

use correio_server::{
    store::{
        StoreDone,
        nodes::StoreRole,
        postgres::{Connection, PostgresOpenError, PostgresOptions, PostgresStore, Statement},
    },
    sysexits,
    waker::Wake,
};
use correio_testing::{
    database_proxy::{DatabaseProxy, Side},
    postgres::{Database, Postgres, database},
};

use super::support::{Harness, ROOMY, find, id, is_sent, send, waker, whole_mailbox};

/// A store with one lane, which takes the jobs that wait together.
fn store(database: &Database) -> Harness {
    let options = PostgresOptions { lanes: 1, ..PostgresOptions::default() };
    Harness::postgres_on(&database.url, ROOMY, options)
}

/// Has the database refuse mails with the text `poison`, with an error of this SQLSTATE.
fn poison(connection: &mut Connection, sqlstate: &str) {
    connection
        .batch(&format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION ''so it is'' USING ERRCODE = ''{sqlstate}''; END';
             DROP TRIGGER IF EXISTS refuse ON mail;
             CREATE TRIGGER refuse BEFORE INSERT ON mail FOR EACH ROW
                 WHEN (new.body = 'poison') EXECUTE FUNCTION refuse()"
        ))
        .unwrap();
}

/// 22021 is a text that the database cannot have, 23514 a value, 54000 a size; 53100 is a disk
/// without room.
#[test]
fn a_mail_that_the_database_refuses_is_unavailable_and_harms_no_other() {
    let Some(database) = database() else { return };
    let mut harness = store(&database);
    let tony = harness.account("tony");
    let mut administrator = database.connect();
    let mut sent = Vec::new();
    for (round, sqlstate) in (1..).zip(["22021", "23514", "54000", "53100"]) {
        poison(&mut administrator, sqlstate);
        let wake = harness.wake.clone();
        let gate = harness.stop_between_groups(&wake);
        let numbers = round * 10..round * 10 + 5;
        for number in numbers.clone() {
            let body = if number % 10 == 2 { "poison" } else { "x" };
            let index = u32::try_from(number % 10).unwrap();
            harness.submit_from(index, send(tony, number, "tony", body));
        }
        drop(gate);
        for (ticket, done) in harness.collect(5) {
            match (ticket.connection.index, &done) {
                (2, StoreDone::Unavailable(text)) => assert!(text.contains(sqlstate), "{text}"),
                (2, done) => panic!("{sqlstate}: {done:?}"),
                (_, done) => assert!(is_sent(done), "{sqlstate}: {done:?}"),
            }
        }
        sent.extend(numbers.filter(|number| number % 10 != 2));
        // The same with a transaction of its own.
        let done = harness.run(send(tony, round * 10 + 2, "tony", "poison"));
        assert!(matches!(done, StoreDone::Unavailable(_)), "{sqlstate}: {done:?}");
    }
    administrator.batch("DROP TRIGGER refuse ON mail").unwrap();
    // A refused mail has left no record.
    let again = harness.run(send(tony, 12, "tony", "poison"));
    assert!(is_sent(&again), "{again:?}");
    sent.push(12);
    let mut ids: Vec<_> = harness.fetch(tony).iter().map(|mail| mail.id).collect();
    ids.sort();
    sent.sort_unstable();
    assert_eq!(ids, sent.into_iter().map(id).collect::<Vec<_>>());
}

#[test]
fn a_damaged_value_ends_the_store_and_is_named() {
    let Some(database) = database() else { return };
    let mut administrator = database.connect();
    for change in [
        "UPDATE mail SET subject = ''",
        "UPDATE mail SET sender = 'No Name'",
        "UPDATE mail SET id = 'short'",
        "UPDATE mail SET body = '\\xff'",
        "UPDATE mail SET sent_at = -1",
    ] {
        administrator.batch("DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap();
        let mut harness = store(&database);
        let tony = harness.account("tony");
        assert!(is_sent(&harness.run(send(tony, 1, "tony", "x"))));
        administrator.batch(change).unwrap();
        let failed = harness.try_run(whole_mailbox(tony)).unwrap_err();
        assert!(failed.0.contains("damaged"), "{change}: {failed:?}");
    }
}

fn refused(database: &Database) -> PostgresOpenError {
    let directory = tempfile::tempdir().unwrap();
    let wake: Arc<dyn Wake> = waker().0;
    let options = PostgresOptions::default();
    PostgresStore::open(&database.url, directory.path(), ROOMY, options, StoreRole::Command, &wake)
        .unwrap_err()
}

/// The name of its table, for each column of all tables.
fn tables(connection: &mut Connection) -> Vec<String> {
    static NAMES: Statement = Statement {
        sql: "SELECT table_name::text FROM information_schema.columns \
              WHERE table_schema = 'public' ORDER BY table_name, column_name",
        params: &[],
    };
    let rows = connection.query(&NAMES, &[]).unwrap();
    rows.iter().map(|row| row.get::<&str>(0).unwrap().to_owned()).collect()
}

#[test]
fn tables_of_a_newer_version_are_left_as_they_are() {
    static VERSION: Statement = Statement { sql: "SELECT version FROM meta", params: &[] };
    let Some(database) = database() else { return };
    let mut harness = store(&database);
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", "x"))));
    harness.close();
    let mut administrator = database.connect();
    administrator.batch("UPDATE meta SET version = 1000").unwrap();
    let before = tables(&mut administrator);
    let error = refused(&database);
    assert!(matches!(error, PostgresOpenError::Newer { found: 1000, .. }), "{error}");
    assert_eq!(error.exit_status(), sysexits::CONFIG);
    assert_eq!(tables(&mut administrator), before);
    let version = administrator.query(&VERSION, &[]).unwrap();
    assert_eq!(version.one().unwrap().get::<i32>(0), Ok(1000));
}

#[test]
fn a_role_that_may_make_no_tables_learns_who_must_own_the_database() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut administrator = database.connect();
    administrator.batch("REVOKE CREATE ON SCHEMA public FROM PUBLIC").unwrap();
    administrator.batch("CREATE ROLE without_tables LOGIN").unwrap();
    let url = server.tcp_address("without_tables", "127.0.0.1", &database.name);
    let error = refused(&Database { url: url.parse().unwrap(), ..database });
    assert!(error.to_string().contains("ALTER DATABASE NAME OWNER TO correio"), "{error}");
    assert_eq!(error.exit_status(), sysexits::CONFIG);
}

#[test]
fn tables_of_another_program_are_left_as_they_are() {
    let Some(database) = database() else { return };
    let mut administrator = database.connect();
    for foreign in [
        "CREATE TABLE account (id int)",
        "CREATE TABLE list (id int)",
        "CREATE TABLE meta (key text, value text)",
        "CREATE TABLE meta (version text); INSERT INTO meta VALUES ('one')",
        "CREATE TABLE meta (version integer); INSERT INTO meta VALUES (1)",
        "CREATE TABLE meta (version integer)",
        "CREATE VIEW meta AS SELECT 1 AS version",
    ] {
        administrator.batch("DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap();
        administrator.batch(foreign).unwrap();
        let before = tables(&mut administrator);
        let error = refused(&database);
        assert_eq!(error.exit_status(), sysexits::CONFIG, "{foreign}: {error}");
        assert_eq!(tables(&mut administrator), before, "{foreign}");
    }
}

#[test]
fn a_connection_that_ends_while_the_tables_are_made_leaves_none_and_is_tried_again() {
    let Some(database) = database() else { return };
    let mut administrator = database.connect();
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    for messages in [2, 20, 26, 38, 44] {
        proxy.cut_after(Some((Side::Server, messages)));
        let through = Database { url: proxy.url(), name: database.name.clone() };
        let error = refused(&through);
        assert!(proxy.has_cut());
        assert_eq!(error.exit_status(), sysexits::UNAVAILABLE, "{messages}: {error}");
    }
    assert_eq!(tables(&mut administrator), [""; 0]);
    let mut harness = store(&database);
    assert_eq!(harness.run(find("nobody")), StoreDone::Account(None));
}
