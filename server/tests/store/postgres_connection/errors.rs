//! Errors of each class on a real server, and servers that go away.

use std::{thread, time::Duration};

use correio_server::store::postgres::{
    CommitError, Connection, DatabaseUrl, Deadline, Host, QueryError, Statement,
};
use correio_testing::{
    port::free_address,
    postgres::{Postgres, connect},
};

use super::{connected, soon};

static SLEEP: Statement = Statement { sql: "SELECT pg_sleep(600)", params: &[] };
static ONE: Statement = Statement { sql: "SELECT 1", params: &[] };
static PID: Statement = Statement { sql: "SELECT pg_backend_pid()", params: &[] };

fn pid(connection: &mut Connection) -> i32 {
    connection.query(&PID, &[]).unwrap().one().unwrap().get(0).unwrap()
}

#[test]
fn errors_of_a_server_have_their_classes() {
    let Some((_database, mut connection)) = connected() else { return };
    let raise = |sqlstate: &str| {
        format!("DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{sqlstate}'; END $$")
    };
    let mut error = |sqlstate: &str| connection.batch(&raise(sqlstate)).unwrap_err();
    assert!(matches!(error("40001"), QueryError::Repeat(_)));
    assert!(matches!(error("40P01"), QueryError::Repeat(_)));
    assert!(matches!(error("53100"), QueryError::Unavailable(_)));
    assert!(matches!(error("25006"), QueryError::Reconnect(_)));
    assert!(matches!(error("23505"), QueryError::Refused { .. }));
    assert!(matches!(error("XX001"), QueryError::Fatal(_)));
    assert!(matches!(connection.batch("SELECT * FROM nothing"), Err(QueryError::Fatal(_))));
    assert!(!connection.is_broken());
    connection.query(&ONE, &[]).unwrap();
}

#[test]
fn a_deadlock_ends_one_of_its_transactions_which_can_run_again() {
    let Some((database, mut connection)) = connected() else { return };
    connection
        .batch("CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
        .unwrap();
    let mut other = database.connect();
    let lock = |id: u8| format!("SELECT 1 FROM t WHERE id = {id} FOR UPDATE");
    let (mut first, mut second) = (connection.transaction(), other.transaction());
    first.batch(&lock(1)).unwrap();
    second.batch(&lock(2)).unwrap();
    let ends = thread::scope(|scope| {
        let waiting = scope.spawn(|| first.batch(&lock(2)));
        let end = second.batch(&lock(1));
        drop(second);
        [waiting.join().unwrap(), end]
    });
    let repeats = ends.iter().filter(|end| matches!(end, Err(QueryError::Repeat(_)))).count();
    assert_eq!((repeats, ends.iter().filter(|end| end.is_ok()).count()), (1, 1), "{ends:?}");
}

#[test]
fn a_connection_that_an_administrator_ends_calls_for_another() {
    let Some((database, mut connection)) = connected() else { return };
    let ended = pid(&mut connection);
    let mut administrator = database.connect();
    administrator.batch(&format!("SELECT pg_terminate_backend({ended}, 60000)")).unwrap();
    let error = connection.query(&ONE, &[]).unwrap_err();
    assert!(matches!(&error, QueryError::Reconnect(text) if text.contains("57P01")), "{error}");
    assert_eq!(connection.query(&ONE, &[]).unwrap_err(), error, "it stays so");
    assert!(connection.is_broken());
}

#[test]
fn a_connection_that_waits_for_notifications_learns_of_its_end() {
    let Some((database, mut connection)) = connected() else { return };
    connection.listen("new_mail").unwrap();
    let ended = pid(&mut connection);
    let mut administrator = database.connect();
    administrator.batch(&format!("SELECT pg_terminate_backend({ended}, 60000)")).unwrap();
    let error = connection.wait_notification(soon()).unwrap_err();
    assert!(matches!(error, QueryError::Reconnect(_)), "{error}");
}

#[test]
fn a_statement_that_is_cancelled_can_run_again() {
    let Some((database, mut connection)) = connected() else { return };
    let sleeping = pid(&mut connection);
    let mut administrator = database.connect();
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| connection.query(&SLEEP, &[]).unwrap_err());
        administrator
            .batch(&format!(
                "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {sleeping} \
                 AND wait_event = 'PgSleep') LOOP PERFORM pg_stat_clear_snapshot(); END LOOP; \
                 PERFORM pg_cancel_backend({sleeping}); END $$"
            ))
            .unwrap();
        running.join().unwrap()
    });
    assert!(matches!(error, QueryError::Repeat(_)), "{error}");
}

#[test]
fn a_deadline_ends_a_wait_and_its_connection() {
    let Some((_database, mut connection)) = connected() else { return };
    connection.set_deadline(Deadline::after(Duration::from_millis(50)));
    let error = connection.query(&SLEEP, &[]).unwrap_err();
    assert!(matches!(&error, QueryError::Reconnect(text) if text.contains("in time")), "{error}");
    connection.set_deadline(Deadline::NEVER);
    assert!(connection.query(&ONE, &[]).is_err());
}

#[test]
fn a_statement_whose_columns_an_upgrade_changed_calls_for_another_connection() {
    static ALL: Statement = Statement { sql: "SELECT * FROM wide", params: &[] };
    let Some((database, mut connection)) = connected() else { return };
    connection.batch("CREATE TABLE wide (a int8)").unwrap();
    connection.query(&ALL, &[]).unwrap();
    database.connect().batch("ALTER TABLE wide ADD COLUMN b int8").unwrap();
    let error = connection.query(&ALL, &[]).unwrap_err();
    assert!(matches!(error, QueryError::Reconnect(_)), "{error}");
}

#[test]
fn a_server_that_loses_its_power_is_reached_again_after_its_start() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let mut connection = database.connect();
    connection.batch("CREATE TABLE t (id int8)").unwrap();
    let mut transaction = connection.transaction();
    transaction.batch("INSERT INTO t VALUES (1)").unwrap();
    server.kill();
    let error = transaction.commit().unwrap_err();
    assert!(matches!(error, CommitError::Unknown(_)), "{error}");
    let refused = connect(&database.url).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    server.restart();
    let rows = database.connect().query(&COUNT, &[]).unwrap();
    assert_eq!(rows.one().unwrap().get::<i64>(0), Ok(0));
}

static COUNT: Statement = Statement { sql: "SELECT count(*) FROM t", params: &[] };

#[test]
fn a_server_that_stops_says_so() {
    let Some(server) = Postgres::start("") else { return };
    let mut connection = server.database().connect();
    server.stop();
    let error = connection.query(&ONE, &[]).unwrap_err();
    assert!(matches!(&error, QueryError::Reconnect(text) if text.contains("57P01")), "{error}");
}

#[test]
fn the_first_host_that_takes_changes_is_used() {
    let Some((database, _connection)) = connected() else { return };
    let Some(standby) = Postgres::start("default_transaction_read_only = on") else { return };
    let closed = free_address();
    let alone: DatabaseUrl = standby.tcp_url("postgres");
    let error = connect(&alone).unwrap_err();
    assert!(error.to_string().contains("takes no changes") && error.is_temporary(), "{error}");
    let hosts = [
        Host::Tcp { name: "127.0.0.1".to_owned(), port: closed.port() },
        alone.hosts()[0].clone(),
        database.url.hosts()[0].clone(),
    ];
    let url = database.url.with_hosts(hosts.to_vec());
    let connection = connect(&url).unwrap();
    assert_eq!(connection.host(), database.url.hosts()[0].to_string());
}

#[test]
fn a_host_that_says_nothing_is_left_in_time() {
    let Some(server) = Postgres::start("") else { return };
    let url = server.tcp_url("postgres");
    server.freeze(true);
    let error = Connection::connect(&url, Deadline::after(Duration::from_millis(100)));
    server.freeze(false);
    let error = error.unwrap_err();
    assert!(error.to_string().contains("in time") && error.is_temporary(), "{error}");
}
