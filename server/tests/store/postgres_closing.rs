//! The end of a store in PostgreSQL: what waits is done, or is given up within seconds.

use std::time::{Duration, Instant};

use correio_server::{
    ids::{ConnId, Ticket},
    store::{StoreDone, StoreJob, postgres::PostgresOptions},
};
use correio_testing::{
    database_proxy::DatabaseProxy,
    postgres::{Postgres, database},
    wait::eventually,
};

use super::support::{Harness, ROOMY, find, is_sent, send};

/// More than a store needs to end, and less than the wait for one answer of a database.
const SECONDS: Duration = Duration::from_secs(15);

fn submit(harness: &mut Harness, jobs: impl IntoIterator<Item = StoreJob>) {
    for (serial, job) in (0..).zip(jobs) {
        let connection = ConnId { index: u32::try_from(serial).unwrap(), generation: 0 };
        harness.store.as_mut().unwrap().submit(Ticket { connection, serial }, job);
    }
}

/// Closes the store. Returns the results of the jobs that waited, and how long it took.
fn close(harness: &mut Harness) -> (Vec<StoreDone>, Duration) {
    let (mut done, begun) = (Vec::new(), Instant::now());
    harness.store.take().unwrap().close(&mut done).unwrap();
    (done.into_iter().map(|(_, done)| done).collect(), begun.elapsed())
}

fn are_unavailable(done: &[StoreDone]) -> bool {
    done.iter().all(|done| matches!(done, StoreDone::Unavailable(_)))
}

#[test]
fn closing_does_what_waits() {
    let Some(database) = database() else { return };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    let tony = harness.account("tony");
    submit(&mut harness, (0..300).map(|number| send(tony, number, "tony", "x")));
    let (done, _) = close(&mut harness);
    assert_eq!(done.len(), 300);
    assert!(done.iter().all(is_sent), "{done:?}");
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    assert_eq!(harness.fetch(tony).len(), 300);
}

#[test]
fn closing_gives_up_what_waits_for_a_database_that_says_nothing() {
    let Some(database) = database() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let options =
        PostgresOptions { patience: Duration::from_secs(60), ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&proxy.url(), ROOMY, options);
    // Every lane has a connection, and waits for an answer over it.
    submit(&mut harness, (0..4).map(|_| find("nobody")));
    harness.collect(4);
    proxy.hold(true);
    submit(&mut harness, (0..40).map(|_| find("nobody")));
    let (done, took) = close(&mut harness);
    assert_eq!(done.len(), 40);
    assert!(are_unavailable(&done), "{done:?}");
    assert!(took < SECONDS, "{took:?}");
}

#[test]
fn closing_gives_up_what_waits_for_a_database_that_is_gone() {
    let Some(server) = Postgres::start("") else { return };
    let database = server.database();
    let options =
        PostgresOptions { patience: Duration::from_secs(60), ..PostgresOptions::default() };
    let mut harness = Harness::postgres_on(&database.url, ROOMY, options);
    let tony = harness.account("tony");
    server.kill();
    submit(&mut harness, (0..40).map(|number| send(tony, number, "tony", "x")));
    eventually(|| harness.store.as_ref().unwrap().health().ready.is_err());
    let (done, took) = close(&mut harness);
    assert_eq!(done.len(), 40);
    assert!(are_unavailable(&done), "{done:?}");
    assert!(took < SECONDS, "{took:?}");
    server.restart();
    let mut harness = Harness::postgres_on(&database.url, ROOMY, PostgresOptions::default());
    assert_eq!(harness.fetch(tony), []);
}

#[test]
fn a_store_is_closed_while_its_lanes_connect_to_a_host_that_says_nothing() {
    let Some(database) = database() else { return };
    let proxy = DatabaseProxy::start(&database.url).unwrap();
    let mut harness = Harness::postgres_on(&proxy.url(), ROOMY, PostgresOptions::default());
    proxy.hold(true);
    proxy.cut();
    submit(&mut harness, (0..8).map(|_| find("nobody")));
    eventually(|| harness.store.as_ref().unwrap().health().ready.is_err());
    let (done, took) = close(&mut harness);
    assert_eq!(done.len(), 8);
    assert!(are_unavailable(&done), "{done:?}");
    assert!(took < SECONDS, "{took:?}");
}
