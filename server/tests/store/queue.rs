//! Tests of the queue before the store thread, and of the groups of jobs that the thread takes from
//! it.

use std::{fs, sync::atomic::Ordering};

use correio_proto::mail::Timestamp;
use correio_server::store::{StoreDone, Submitted, sqlite::SqliteOptions};

use super::{
    files::DATABASE,
    support::{Harness, QUOTA, ROOMY, create, find, id, is_sent, send, whole_mailbox},
};

#[test]
fn those_who_wait_together_share_a_wake_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    assert_eq!(wake.count.load(Ordering::SeqCst), 1);
    let jobs = (0..2500).map(|_| harness.submit(find("nobody"))).count();
    drop(gate);
    assert_eq!(harness.collect(jobs).len(), jobs);
    harness.close();
    let wakes = wake.count.load(Ordering::SeqCst);
    assert_eq!(wakes, 1 + 3, "2500 jobs in groups of at most 1000");
}

#[test]
fn one_s_refusal_within_a_group_harms_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    let done = harness.run_as_one_group(vec![
        create(7, "pepper", "h"),
        create(8, "pepper", "h"),
        send(tony, 1, "pepper,tony", "x"),
        send(tony, 1, "pepper,tony", "x"),
        send(tony, 1, "pepper", "x"),
        send(tony, 2, "nobody", "x"),
        send(tony, 3, "pepper", "x"),
    ]);
    assert_eq!(done[..2], [StoreDone::Created, StoreDone::UsernameTaken]);
    assert!(is_sent(&done[2]) && is_sent(&done[6]), "{done:?}");
    let sent_at = Timestamp(1001);
    assert_eq!(done[3], StoreDone::SentBefore { sent_at });
    assert_eq!(done[4], StoreDone::Conflict);
    assert!(matches!(done[5], StoreDone::UnknownRecipients(_)));
    assert_eq!(harness.record("pepper").waiting(), 2);
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { queue_jobs: 3, queue_bytes: 100, ..SqliteOptions::default() };
    let mut harness = Harness::sqlite_with(directory.path(), QUOTA, options);
    let tony = harness.account("tony");
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let mut submitted = |number, to: &str, bytes: usize| {
        let job = send(tony, number, to, &"x".repeat(bytes));
        matches!(harness.submit(job).1, Submitted::Queued)
    };
    // With its subject's one byte, once for each recipient.
    let taken = [
        submitted(1, "tony", 50),
        submitted(2, "tony,nobody", 24),
        submitted(3, "tony", 49),
        submitted(4, "tony", 48),
        submitted(5, "tony", 1),
    ];
    assert_eq!(taken, [true, false, false, true, false], "bytes");
    let taken = [harness.submit(find("tony")).1, harness.submit(find("tony")).1];
    assert!(matches!(taken, [Submitted::Queued, Submitted::Full]), "jobs: {taken:?}");
    drop(gate);
    harness.collect(3);
    let ids: Vec<_> = harness.fetch(tony).iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [id(1), id(4)]);
    // The queue has its room back, and an empty queue takes even a mail that is larger than all its
    // room.
    assert!(is_sent(&harness.run(send(tony, 6, "tony", &"x".repeat(500)))));
}

#[test]
fn a_large_mail_has_its_turn_in_a_full_queue_and_its_connection_keeps_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { queue_bytes: 100, ..SqliteOptions::default() };
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, options);
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let large = |number| send(pepper, number, "tony,pepper", &"x".repeat(300));
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let is_taken = |(_, submitted)| matches!(submitted, Submitted::Queued);
    assert!(is_taken(harness.submit_from(1, send(tony, 1, "tony", &"x".repeat(99)))));
    assert!(!is_taken(harness.submit_from(2, send(pepper, 2, "tony", "x"))), "it is full");
    let (sent, submitted) = harness.submit_from(2, large(3));
    assert!(matches!(submitted, Submitted::Queued));
    // A second large mail of the same sender must wait; later jobs of its connection wait for it.
    assert!(!is_taken(harness.submit_from(3, large(4))));
    let (fetched, submitted) = harness.submit_from(2, whole_mailbox(tony));
    assert!(matches!(submitted, Submitted::Queued));
    let (found, _) = harness.submit_from(3, find("tony"));
    drop(gate);
    let done = harness.collect(4);
    let place = |ticket| done.iter().position(|(answered, _)| *answered == ticket).unwrap();
    // Jobs of other connections do not wait for the large mail.
    assert!(place(found) < place(sent) && place(sent) < place(fetched));
    assert!(is_sent(&done[place(sent)].1));
    let StoreDone::Page { mails, .. } = &done[place(fetched)].1 else { panic!("{done:?}") };
    assert_eq!(mails.iter().map(|mail| mail.id).collect::<Vec<_>>(), [id(1), id(3)]);
    assert!(is_sent(&harness.run(large(4))));
}

#[test]
fn closing_does_what_is_queued_and_tells_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    let tickets: Vec<_> =
        (0..1500).map(|number| harness.submit(send(tony, number, "tony", "x")).0).collect();
    let mut done = Vec::new();
    harness.store.take().unwrap().close(&mut done).unwrap();
    let answered: Vec<_> = done.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(answered, tickets);
    assert!(done.iter().all(|(_, done)| is_sent(done)));
    // Everything is in the one file.
    let copy = tempfile::tempdir().unwrap();
    fs::copy(directory.path().join(DATABASE), copy.path().join(DATABASE)).unwrap();
    let mut harness = Harness::sqlite_with(copy.path(), ROOMY, SqliteOptions::default());
    assert_eq!(harness.fetch(tony).len(), 1500);
}

#[test]
fn a_store_that_is_dropped_lets_go_of_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.submit(send(tony, 1, "tony", "x"));
    drop(harness);
    let mut harness = Harness::sqlite(directory.path());
    assert_eq!(harness.fetch(tony).len(), 1);
}

#[test]
fn pages_that_nobody_takes_hold_up_later_pages() {
    const PAGES: usize = 100;
    /// Two groups of pages, each with one page more than there is room for.
    const BYTES_MAX: usize = 2 * ((4 << 20) + (1 << 20) + 4096);
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.account("tony");
    let body = "x".repeat(1 << 20);
    assert!(is_sent(&harness.run(send(tony, 1, "tony", &body))));
    let wake = harness.wake.clone();
    let gate = harness.stop_between_groups(&wake);
    let jobs = (0..PAGES).map(|_| whole_mailbox(tony));
    let tickets: Vec<_> = jobs.map(|job| harness.submit(job).0).collect();
    drop(gate);
    let (mut answered, mut most) = (Vec::new(), 0);
    while answered.len() < PAGES {
        let done = harness.collect(1);
        let bodies = done.iter().map(|(_, done)| match done {
            StoreDone::Page { mails, .. } => mails[0].content.body().unwrap().as_str().len(),
            other => panic!("{other:?}"),
        });
        most = most.max(bodies.sum());
        answered.extend(done.into_iter().map(|(ticket, _)| ticket));
    }
    assert_eq!(answered, tickets);
    assert!((1..=BYTES_MAX).contains(&most), "{most} bytes at once");
}
