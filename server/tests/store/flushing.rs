//! Tests of the memtable while it is flushed in slices: at each moment every mail is in one place.

use std::sync::Arc;

use correio_proto::mail::{Mail, MailRef};
use correio_server::{
    ids::AccountId,
    store::{StoreDone, sqlite::SqliteOptions},
    waker::Wake,
};
use correio_testing::{store::open_unlocked, wait::eventually};
use rusqlite::Connection;

use super::{
    files::{DATABASE, copy_files},
    support::{Harness, ROOMY, create, find, is_sent, send, waker},
};

/// Mailboxes: so many that a flush takes several slices.
const ACCOUNTS: u64 = 300;

fn open(directory: &std::path::Path) -> Harness {
    open_with(directory, ACCOUNTS as usize)
}

fn open_with(directory: &std::path::Path, memtable_mails: usize) -> Harness {
    let options = SqliteOptions { memtable_mails, ..SqliteOptions::default() };
    let (wake, woken) = waker();
    let waker: Arc<dyn Wake> = wake.clone();
    let store = open_unlocked(directory, ROOMY, options, &waker);
    Harness::around(Box::new(store), (wake, woken))
}

fn name(number: u64) -> String {
    format!("user{number}")
}

/// The mails of all mailboxes. Asserts that their counts are right.
fn mailboxes(harness: &mut Harness, accounts: &[AccountId]) -> Vec<Vec<Mail>> {
    let mut all = Vec::new();
    for (number, account) in (0..).zip(accounts) {
        let mails = harness.fetch(*account);
        assert_eq!(harness.record(&name(number)).waiting() as usize, mails.len());
        all.push(mails);
    }
    all
}

/// Registers the accounts and sends each of them a mail.
fn fill(harness: &mut Harness) -> Vec<AccountId> {
    let created = harness.run_together((0..ACCOUNTS).map(|n| create(n, &name(n), "h")).collect());
    assert!(created.iter().all(|done| *done == StoreDone::Created));
    let found = harness.run_together((0..ACCOUNTS).map(|n| find(&name(n))).collect());
    let accounts: Vec<AccountId> = found
        .into_iter()
        .map(|done| match done {
            StoreDone::Account(Some(account)) => account.id,
            other => panic!("{other:?}"),
        })
        .collect();
    for first in (0..ACCOUNTS).step_by(100) {
        let to: Vec<String> = (first..first + 100).map(name).collect();
        assert!(is_sent(&harness.run(send(accounts[0], first, &to.join(","), "x"))));
    }
    accounts
}

#[test]
fn a_flush_that_is_cut_short_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = open(directory.path());
    let accounts = fill(&mut harness);
    let mut seen = Vec::new();
    // Each group flushes a slice.
    for number in 1000..1004 {
        assert!(is_sent(&harness.run(send(accounts[0], number, "user7,user299", "x"))));
        let expected = mailboxes(&mut harness, &accounts);
        let copy = copy_files(directory.path());
        let flushed: u32 = Connection::open(copy.path().join(DATABASE))
            .unwrap()
            .query_row("SELECT flushed FROM meta", [], |row| row.get(0))
            .unwrap();
        seen.push(flushed);
        let copy = copy_files(directory.path());
        let mut other = open(copy.path());
        assert_eq!(mailboxes(&mut other, &accounts), expected, "{seen:?}");
        for (account, mails) in accounts.iter().zip(&expected) {
            let mails: Vec<MailRef> = mails.iter().map(Mail::reference).collect();
            assert_eq!(other.confirm(*account, mails.clone()) as usize, mails.len());
        }
        other.close();
        let empty = vec![Vec::new(); accounts.len()];
        assert_eq!(mailboxes(&mut open(copy.path()), &accounts), empty);
    }
    seen.dedup();
    assert!(seen.len() >= 2 && seen.ends_with(&[0]), "a flush was not cut short: {seen:?}");
}

#[test]
fn a_memtable_that_is_late_is_flushed_while_no_job_waits() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = open(directory.path());
    let accounts = fill(&mut harness);
    let copy = copy_files(directory.path());
    let path = copy.path().join(DATABASE);
    let in_index = || {
        let count = "SELECT count(*) FROM mailbox";
        Connection::open(&path).unwrap().query_row(count, [], |row| row.get::<_, u32>(0)).unwrap()
    };
    // All mails but those that a flush of its own threshold leaves.
    let mut other = open_with(copy.path(), 10);
    eventually(|| ACCOUNTS - u64::from(in_index()) < 20);
    let expected = mailboxes(&mut harness, &accounts);
    assert_eq!(mailboxes(&mut other, &accounts), expected);
}

/// The memtable is many times over its threshold after each of these mails.
#[test]
fn mails_to_many_are_not_refused_while_the_memtable_can_be_flushed() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = open_with(directory.path(), 10);
    let accounts = fill(&mut harness);
    let to: Vec<String> = (0..100).map(name).collect();
    for number in 1000..1020 {
        assert!(is_sent(&harness.run(send(accounts[0], number, &to.join(","), "x"))), "{number}");
    }
    assert_eq!(harness.fetch(accounts[99]).len(), 21);
}
