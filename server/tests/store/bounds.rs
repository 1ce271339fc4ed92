//! Tests of bounds besides the queue: steps of work, and the memory of the memory store.

use std::fs;

use correio_proto::mail::Timestamp;
use correio_server::store::{
    Quota, StoreDone, StoreJob, memory::MemoryLimits, sqlite::SqliteOptions,
};

use correio_simulation::store::PRUNE_STEP;

use super::{
    files::{DATABASE, LOG},
    support::{Harness, ROOMY, create, delete, find, is_sent, send},
};

#[test]
fn idempotency_records_are_pruned_in_bounded_steps() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        let tony = harness.account("tony");
        let sends = (0..2500).map(|number| send(tony, number, "tony", "x")).collect();
        assert!(harness.run_together(sends).iter().all(is_sent));
        let before = Timestamp(1000 + 2345);
        let mut forgotten = 0;
        // Ten are more than enough for any step worth the name.
        let steps = (1..=10).find(|_| {
            match harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before }) {
                StoreDone::Pruned { records, more, .. } => {
                    forgotten += records;
                    !more
                }
                other => panic!("{other:?}"),
            }
        });
        assert!(steps.is_some());
        assert_eq!(forgotten, 2345);
    }
}

#[test]
fn a_memory_store_that_is_full_says_so_and_changes_nothing() {
    let limits = MemoryLimits { accounts: 2, bytes: 40, records: 4, ..MemoryLimits::default() };
    let unavailable = |done: StoreDone| matches!(done, StoreDone::Unavailable(_));
    let mut harness = Harness::memory_with(ROOMY, limits);
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert!(unavailable(harness.run(create(1, "bruce", "h"))));
    assert_eq!(harness.run(find("bruce")), StoreDone::Account(None));

    // Twice 19 bytes and a subject: all there is.
    let body = "x".repeat(19);
    assert!(is_sent(&harness.run(send(tony, 1, "tony,pepper", &body))));
    assert!(unavailable(harness.run(send(tony, 2, "pepper", "x"))));
    assert_eq!(harness.fetch(pepper).len(), 1);
    harness.confirm_all(pepper);
    let again = harness.run(send(tony, 2, "pepper", &body));
    assert!(is_sent(&again), "it left no record: {again:?}");
    harness.run(delete(pepper));
    assert!(is_sent(&harness.run(send(tony, 3, "tony", &body))));

    harness.confirm_all(tony);
    assert!(is_sent(&harness.run(send(tony, 4, "tony", "x"))));
    assert!(unavailable(harness.run(send(tony, 5, "tony", "x"))));
    harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before: Timestamp(1002) });
    assert!(is_sent(&harness.run(send(tony, 5, "tony", "x"))));
}

/// `more` is exact, even after a full step: the server prunes again if it is set.
#[test]
fn a_step_that_prunes_the_last_record_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for mut harness in [
        Harness::oracle(ROOMY),
        Harness::memory_with(ROOMY, MemoryLimits::default()),
        Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default()),
    ] {
        let tony = harness.account("tony");
        // Two whole steps, and one idempotency record that is kept.
        let step = u64::try_from(PRUNE_STEP).unwrap();
        let sends = (0..=2 * step).map(|number| send(tony, number, "tony", "x")).collect();
        assert!(harness.run_together(sends).iter().all(is_sent));
        let before = Timestamp(1000 + 2 * step);
        let steps: Vec<_> = (0..3)
            .map(|_| harness.run(StoreJob::Prune { uploads_before: Timestamp(0), before }))
            .collect();
        let pruned = |records, more| StoreDone::Pruned { uploads: 0, records, more };
        assert_eq!(steps, [pruned(1000, true), pruned(1000, false), pruned(0, false)]);
    }
}

#[test]
fn large_mails_do_not_make_the_log_grow_without_end() {
    const MAILS: u64 = 400;
    const GROUP: u64 = 20;
    const LOG_MAX: u64 = 64 << 20;
    let quota = Quota { mails: 1000, bytes: 1 << 30 };
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), quota, SqliteOptions::default());
    let tony = harness.account("tony");
    let body = "x".repeat(1 << 20);
    for first in (0..MAILS).step_by(usize::try_from(GROUP).unwrap()) {
        let sends = (first..first + GROUP).map(|number| send(tony, number, "tony", &body));
        assert!(harness.run_together(sends.collect()).iter().all(is_sent));
        let log = fs::metadata(directory.path().join(LOG)).unwrap().len();
        assert!(log < LOG_MAX, "{log} bytes of log after {} mails", first + GROUP);
    }
    assert_eq!(u64::from(harness.record("tony").waiting), MAILS);
    let database = fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    assert!(database > (MAILS << 20) - LOG_MAX, "{database} bytes: the mails are elsewhere");
}
