//! Times in which the database cannot do what a store asks of it.

use std::time::{Duration, Instant};

use correio_server::store::{
    StoreDone, StoreJob,
    postgres::{Connection, Deadline, PostgresOptions, Statement},
};
use correio_testing::{
    database_proxy::DatabaseProxy,
    postgres::{Database, Postgres, database},
    wait::eventually,
};

use super::support::{Harness, ROOMY, find, id, is_sent, send};

/// A store with one lane, whose jobs are given up after this time.
fn impatient(database: &Database, patience: Duration) -> Harness {
    let options = PostgresOptions { lanes: 1, patience, ..PostgresOptions::default() };
    Harness::postgres_on(&database.url, ROOMY, options)
}

fn text(done: &StoreDone) -> &str {
    match done {
        StoreDone::Unavailable(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Runs a job again until it is not unavailable.
fn run_until_done(harness: &mut Harness, job: &StoreJob) -> StoreDone {
    let mut done = None;
    eventually(|| {
        let result = harness.run(job.clone());
        let is_done = !matches!(result, StoreDone::Unavailable(_));
        done = Some(result);
        is_done
    });
    done.unwrap()
}

#[test]
fn a_long_queue_waits_for_a_silent_database_as_long_as_one_job() {
    const JOBS: usize = 60;
    let Some(database) = database() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let patience = Duration::from_secs(1);
    let options = PostgresOptions { lanes: 1, patience, ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&proxy.url(), ROOMY, options);
    harness.run(find("nobody"));
    proxy.hold(true);
    let begun = Instant::now();
    for _ in 0..JOBS {
        harness.submit(find("nobody"));
    }
    let done = harness.collect(JOBS);
    let took = begun.elapsed();
    assert!(done.iter().all(|(_, done)| matches!(done, StoreDone::Unavailable(_))), "{done:?}");
    // Each for itself would wait for a second.
    assert!(took < Duration::from_secs(JOBS as u64 / 2), "{took:?}");
    assert!(harness.store.as_ref().unwrap().health().ready.is_err(), "it is still away");
    proxy.hold(false);
    // Without a job, the store learns by itself that the database is back.
    eventually(|| harness.store.as_ref().unwrap().health().ready.is_ok());
    assert_eq!(harness.run(find("nobody")), StoreDone::Account(None));
}

#[test]
fn an_idle_server_learns_that_its_database_is_away_and_that_it_is_back() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let harness = impatient(&database, Duration::from_secs(2));
    let is_ready = |harness: &Harness| harness.store.as_ref().unwrap().health().ready.is_ok();
    eventually(|| is_ready(&harness));
    server.kill();
    eventually(|| !is_ready(&harness));
    server.restart();
    eventually(|| is_ready(&harness));
}

/// After a restore, or a change in DNS: its accounts have the numbers of this store's accounts.
#[test]
fn another_store_in_the_place_of_the_database_is_not_served() {
    let Some(database) = database() else { return };
    let mut harness = impatient(&database, Duration::from_millis(500));
    let tony = harness.account("tony");
    assert!(is_sent(&harness.run(send(tony, 1, "tony", "x"))));
    let mut administrator = database.connect();
    let replace = "ALTER TABLE meta ADD COLUMN own bytea; UPDATE meta SET own = realm; \
                   UPDATE meta SET realm = decode(repeat('ff', 16), 'hex')";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    administrator.batch(replace).unwrap();
    administrator.batch(end).unwrap();
    let refused = harness.run(find("tony"));
    assert!(text(&refused).contains("has another store"), "{refused:?}");
    administrator.batch("UPDATE meta SET realm = own").unwrap();
    run_until_done(&mut harness, &find("tony"));
    assert_eq!(harness.fetch(tony).len(), 1);
}

#[test]
fn a_primary_that_becomes_read_only_is_waited_for() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let mut harness = impatient(&database, Duration::from_millis(300));
    let tony = harness.account("tony");
    let mut administrator = database.connect();
    administrator.batch("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    administrator.batch("SELECT pg_reload_conf()").unwrap();
    let mut number = 0;
    // The present connections learn of it after a moment.
    eventually(|| {
        number += 1;
        let done = harness.run(send(tony, number, "tony", "x"));
        match &done {
            StoreDone::Unavailable(text) => {
                assert!(text.contains("takes no changes"), "{text}");
                true
            }
            done => !is_sent(done),
        }
    });
    administrator.batch("SET default_transaction_read_only = off").unwrap();
    administrator.batch("ALTER SYSTEM RESET default_transaction_read_only").unwrap();
    administrator.batch("SELECT pg_reload_conf()").unwrap();
    assert!(is_sent(&run_until_done(&mut harness, &send(tony, number, "tony", "x"))));
    assert_eq!(harness.fetch(tony).len() as u64, number);
}

#[test]
fn a_lane_waits_for_a_place_among_the_connections_of_the_database() {
    let settings = "max_connections = 6\nsuperuser_reserved_connections = 0";
    let Some(server) = Postgres::start(settings) else { return };
    let database = server.database();
    let mut harness = impatient(&database, Duration::from_secs(2));
    // No lane has a connection before its first job.
    let mut others: Vec<Connection> = Vec::new();
    let begun = Instant::now();
    let refusal = loop {
        match Connection::connect(&database.url, Deadline::NEVER) {
            Ok(other) => others.push(other),
            // Until the news thread has its connection, which it tries for each second.
            Err(error) if begun.elapsed() > Duration::from_secs(3) => break error,
            Err(_) => std::thread::park_timeout(Duration::from_millis(20)),
        }
    };
    assert!(refusal.is_temporary(), "{refusal}");
    let done = harness.run(find("nobody"));
    assert!(text(&done).contains("53300"), "{done:?}");
    drop(others);
    assert_eq!(run_until_done(&mut harness, &find("nobody")), StoreDone::Account(None));
}

#[test]
fn mails_are_sent_once_however_often_connections_are_ended() {
    const MAILS: u64 = 200;
    static END: Statement = Statement {
        sql: "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
              WHERE datname = current_database() AND pid <> pg_backend_pid()",
        params: &[],
    };
    let Some(database) = database() else { return };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    let tony = harness.account("tony");
    let mut administrator = database.connect();
    for number in 0..MAILS {
        let index = u32::try_from(number % 8).unwrap();
        harness.submit_from(index, send(tony, number, "tony", "x"));
        if number % 20 == 0 {
            administrator.query(&END, &[]).unwrap();
        }
    }
    let done = harness.collect(usize::try_from(MAILS).unwrap());
    let is_there = |done: &StoreDone| is_sent(done) || matches!(done, StoreDone::SentBefore { .. });
    assert!(done.iter().all(|(_, done)| is_there(done)), "{done:?}");
    let mut ids: Vec<_> = harness.fetch(tony).iter().map(|mail| mail.id).collect();
    ids.sort();
    assert_eq!(ids, (0..MAILS).map(id).collect::<Vec<_>>());
}

#[test]
fn a_job_that_waits_for_a_lock_holds_up_no_other_lane() {
    let Some(database) = database() else { return };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    let tony = harness.account("tony");
    let mut other = database.connect();
    let mut transaction = other.transaction();
    transaction.batch("SELECT 1 FROM mailbox FOR UPDATE").unwrap();
    let (waiting, _) = harness.submit_from(4, send(tony, 1, "tony", "x"));
    // Each of the four lanes has one of these.
    for index in 0..4 {
        harness.submit_from(index, find("nobody"));
    }
    let others = harness.collect(3);
    assert!(others.iter().all(|(_, done)| *done == StoreDone::Account(None)), "{others:?}");
    transaction.rollback().unwrap();
    let done = harness.collect(2);
    let of_mail = done.iter().find(|(ticket, _)| *ticket == waiting);
    assert!(of_mail.is_some_and(|(_, done)| is_sent(done)), "{done:?}");
}
