//! Statements, pipelines, transactions and notifications on a real server.

use std::time::Duration;

use correio_server::store::postgres::{CommitError, Deadline, QueryError, Statement};
use correio_testing::postgres::connect;
use postgres_types::Type;

use super::{connected, soon};

static MAKE: Statement = Statement {
    sql: "CREATE TABLE mail (id int8 PRIMARY KEY, body bytea NOT NULL, note text)",
    params: &[],
};
static INSERT: Statement = Statement {
    sql: "INSERT INTO mail SELECT * FROM unnest($1::int8[], $2::bytea[], $3::text[])",
    params: &[Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::TEXT_ARRAY],
};
static SELECT: Statement = Statement {
    sql: "SELECT id, body, note FROM mail WHERE id >= $1 ORDER BY id",
    params: &[Type::INT8],
};
static COUNT: Statement = Statement { sql: "SELECT count(*) FROM mail", params: &[] };
static WRONG: Statement = Statement { sql: "SELECT 1 / (id - id) FROM mail", params: &[] };
static ECHO: Statement = Statement { sql: "SELECT $1::bytea", params: &[Type::BYTEA] };

#[test]
fn values_come_back_as_they_were_stored() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.execute(&MAKE, &[]).unwrap();
    let bodies: Vec<&[u8]> = vec![b"a\0b", b"", "tschüß".as_bytes()];
    let notes = vec![Some("x"), None, Some("")];
    let inserted = connection.execute(&INSERT, &[&vec![1i64, 2, 3], &bodies, &notes]).unwrap();
    assert_eq!(inserted, 3);
    let rows = connection.query(&SELECT, &[&1i64]).unwrap();
    let read: Vec<(i64, Vec<u8>, Option<&str>)> = rows
        .iter()
        .map(|row| (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap()))
        .collect();
    let expected =
        bodies.iter().zip(notes).zip(1..).map(|((body, note), id)| (id, body.to_vec(), note));
    assert_eq!(read, expected.collect::<Vec<_>>());
    assert_eq!((rows.len(), rows.affected()), (3, 3));
    assert!(rows.one().is_err());
}

#[test]
fn a_pipeline_is_one_transaction_and_ends_with_its_first_error() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.execute(&MAKE, &[]).unwrap();
    let one = |id: i64| (vec![id], vec![&b"b"[..]], vec![None::<&str>]);
    let (ids, bodies, notes) = one(1);
    for _ in 0..2 {
        let mut pipeline = connection.pipeline();
        pipeline.add(&INSERT, &[&ids, &bodies, &notes]);
        pipeline.add(&WRONG, &[]);
        pipeline.add(&COUNT, &[]);
        let error = pipeline.run().unwrap_err();
        assert!(
            matches!(&error, QueryError::Refused { text, .. } if text.contains("22012")),
            "{error}"
        );
    }
    let mut pipeline = connection.pipeline();
    pipeline.add(&COUNT, &[]);
    pipeline.add(&INSERT, &[&ids, &bodies, &notes]);
    pipeline.add(&COUNT, &[]);
    let counts = pipeline.run().unwrap();
    let count = |index: usize| counts[index].one().unwrap().get::<i64>(0).unwrap();
    assert_eq!((count(0), counts[1].affected(), count(2)), (0, 1, 1));
}

#[test]
fn a_pipeline_that_never_ran_leaves_the_connection_as_it_was() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.execute(&MAKE, &[]).unwrap();
    connection.pipeline().add(&COUNT, &[]);
    let mut pipeline = connection.pipeline();
    pipeline.add(&SELECT, &[]);
    pipeline.add(&COUNT, &[]);
    assert!(matches!(pipeline.run(), Err(QueryError::Fatal(_))), "a value is missing");
    let mut pipeline = connection.pipeline();
    pipeline.add(&SELECT, &[&"text"]);
    assert!(matches!(pipeline.run(), Err(QueryError::Fatal(_))), "a value of another type");
    assert_eq!(connection.query(&COUNT, &[]).unwrap().len(), 1);
    assert!(!connection.is_broken());
}

#[test]
fn large_values_pass_both_ways_at_once() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.set_deadline(soon());
    // Both ends have more to send than sockets hold.
    let bytes: Vec<u8> = (0..4u32 << 20).map(|at| (at % 251) as u8).collect();
    let mut pipeline = connection.pipeline();
    for _ in 0..8 {
        pipeline.add(&ECHO, &[&bytes]);
    }
    for rows in pipeline.run().unwrap() {
        assert!(rows.one().unwrap().get::<&[u8]>(0).unwrap() == bytes);
    }
}

#[test]
fn a_transaction_that_is_dropped_is_rolled_back() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.execute(&MAKE, &[]).unwrap();
    let (bodies, notes) = (vec![&b"b"[..]], vec![None::<&str>]);
    let mut transaction = connection.transaction();
    transaction.execute(&INSERT, &[&vec![1i64], &bodies, &notes]).unwrap();
    drop(transaction);
    let mut transaction = connection.transaction();
    transaction.execute(&INSERT, &[&vec![2i64], &bodies, &notes]).unwrap();
    assert!(transaction.query(&WRONG, &[]).is_err());
    transaction.rollback().unwrap();
    // Nothing was sent.
    drop(connection.transaction());
    assert_eq!(connection.query(&COUNT, &[]).unwrap().one().unwrap().get::<i64>(0), Ok(0));
}

#[test]
fn a_transaction_holds_after_its_commit() {
    let Some((database, mut connection)) = connected() else { return };
    let (bodies, notes) = (vec![&b"b"[..]], vec![None::<&str>]);
    let mut transaction = connection.transaction();
    transaction.batch("CREATE TABLE other (); DROP TABLE other").unwrap();
    transaction.execute(&MAKE, &[]).unwrap();
    let (results, committed) = transaction
        .commit_with(|pipeline| {
            pipeline.add(&INSERT, &[&vec![1i64], &bodies, &notes]);
            pipeline.add(&COUNT, &[]);
        })
        .unwrap();
    let _ = committed;
    assert_eq!(results.len(), 2);
    assert_eq!(results[1].one().unwrap().get::<i64>(0), Ok(1));
    let _ = connection.transaction().commit().unwrap();
    let counted = database.connect().query(&COUNT, &[]).unwrap();
    assert_eq!(counted.one().unwrap().get::<i64>(0), Ok(1));
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.execute(&MAKE, &[]).unwrap();
    let (bodies, notes) = (vec![&b"b"[..]; 2], vec![None::<&str>; 2]);
    let transaction = connection.transaction();
    let failed = transaction.commit_with(|pipeline| {
        pipeline.add(&INSERT, &[&vec![1i64, 1], &bodies, &notes]);
    });
    let CommitError::Failed(error) = failed.unwrap_err() else {
        panic!("it failed before the commit");
    };
    assert_eq!(error.broken_unique(), Some("mail_pkey"));
    assert_eq!(connection.query(&COUNT, &[]).unwrap().one().unwrap().get::<i64>(0), Ok(0));
}

#[test]
fn notifications_reach_connections_that_listen() {
    let Some((database, mut connection)) = connected() else { return };
    let mut listening = database.connect();
    listening.listen("new_mail").unwrap();
    let none = listening.wait_notification(Deadline::after(Duration::ZERO)).unwrap();
    assert_eq!(none, None);
    connection.notify("other", "0").unwrap();
    connection.notify("new_mail", "1,2").unwrap();
    let came = listening.wait_notification(soon()).unwrap().unwrap();
    assert_eq!((came.channel.as_str(), came.payload.as_str()), ("new_mail", "1,2"));
    // Those that come beside the answers of statements are kept.
    connection.notify("new_mail", "3").unwrap();
    listening.notify("new_mail", "4").unwrap();
    for payload in ["3", "4"] {
        assert_eq!(listening.wait_notification(soon()).unwrap().unwrap().payload, payload);
    }
}

#[test]
fn the_session_has_the_settings_that_statements_rely_on() {
    let Some((database, mut connection)) = connected() else { return };
    static SETTINGS: Statement = Statement {
        sql: "SELECT current_setting('application_name'), current_setting('client_encoding'), \
              current_setting('client_min_messages'), current_setting('statement_timeout'), \
              current_setting('idle_in_transaction_session_timeout'), \
              current_setting('TimeZone'), current_setting('transaction_isolation'), \
              current_setting('synchronous_commit')",
        params: &[],
    };
    // A role's own settings give way.
    connection
        .batch(
            "CREATE ROLE impatient SUPERUSER LOGIN; ALTER ROLE impatient SET statement_timeout = 1; \
             ALTER ROLE impatient SET client_min_messages = 'error'; \
             ALTER ROLE impatient SET synchronous_commit = 'off'",
        )
        .unwrap();
    let address = database.url.to_string().replace("postgres@", "impatient@");
    let url = address.parse().unwrap();
    let mut impatient = connect(&url).unwrap();
    let rows = impatient.query(&SETTINGS, &[]).unwrap();
    let row = rows.one().unwrap();
    let settings: Vec<&str> = (0..8).map(|index| row.get(index).unwrap()).collect();
    let expected = ["correio", "UTF8", "warning", "0", "0", "UTC", "read committed", "on"];
    assert_eq!(settings, expected);
}
