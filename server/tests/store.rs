//! What every store must do, asked of each of them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use correio_proto::{
    mail::{Mail, MailId, MailRef, Seq, Timestamp},
    message::Realm,
};
use correio_server::{
    store::{
        AccountId, AccountRecord, Outgoing, PasswordHash, Quota, Store, StoreDone, StoreFailed,
        StoreJob, Submitted, Wake,
        memory::{MemoryLimits, MemoryStore},
        sqlite::{OpenError, SqliteOptions, SqliteStore},
    },
    ticket::{ConnId, Ticket},
};
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_secs(20);
const QUOTA: Quota = Quota { mails: 5, bytes: 1000 };

/// For tests of something else than quotas.
const ROOMY: Quota = Quota { mails: 100_000, bytes: 1 << 30 };

struct Woken {
    sender: Sender<()>,
    count: AtomicUsize,
    /// Held by the store thread for as long as it is in its call to `wake`.
    passage: Mutex<()>,
    /// Who holds it keeps the store thread in that call, between two groups.
    gate: Mutex<()>,
}

impl Wake for Woken {
    fn wake(&self) {
        let _passage = self.passage.lock();
        self.count.fetch_add(1, Ordering::SeqCst);
        let _ = self.sender.send(());
        drop(self.gate.lock());
    }
}

impl Woken {
    /// Closes the gate. All that was submitted must have been collected: the call that told of
    /// it is waited for, so that the thread comes to the gate with a later group, not with that.
    fn close_gate(&self) -> MutexGuard<'_, ()> {
        drop(self.passage.lock().unwrap());
        self.gate.lock().unwrap()
    }
}

/// A store and what it takes to wait for its answers.
struct Harness {
    store: Option<Box<dyn Store>>,
    woken: Receiver<()>,
    wake: Arc<Woken>,
    serial: u64,
}

fn waker() -> (Arc<Woken>, Receiver<()>) {
    let (sender, woken) = mpsc::channel();
    (
        Arc::new(Woken {
            sender,
            count: AtomicUsize::new(0),
            passage: Mutex::new(()),
            gate: Mutex::new(()),
        }),
        woken,
    )
}

impl Harness {
    fn memory() -> Self {
        Self::memory_with(QUOTA, MemoryLimits::default())
    }

    fn memory_with(quota: Quota, limits: MemoryLimits) -> Self {
        let store = MemoryStore::new(Realm([1; 16]), quota, limits);
        Self::around(Box::new(store), waker())
    }

    fn sqlite(directory: &Path) -> Self {
        Self::sqlite_with(directory, QUOTA, SqliteOptions::default())
    }

    fn sqlite_with(directory: &Path, quota: Quota, options: SqliteOptions) -> Self {
        let (wake, woken) = waker();
        let store = SqliteStore::open(directory, quota, options, wake.clone()).unwrap();
        Self::around(Box::new(store), (wake, woken))
    }

    fn around(store: Box<dyn Store>, (wake, woken): (Arc<Woken>, Receiver<()>)) -> Self {
        Self { store: Some(store), woken, wake, serial: 0 }
    }

    fn submit(&mut self, job: StoreJob) -> (Ticket, Submitted) {
        self.serial += 1;
        let connection = ConnId { index: 0, generation: 0 };
        let ticket = Ticket { connection, serial: self.serial };
        let submitted = self.store.as_mut().unwrap().submit(ticket, job);
        (ticket, submitted)
    }

    fn run(&mut self, job: StoreJob) -> StoreDone {
        self.try_run(job).unwrap()
    }

    fn try_run(&mut self, job: StoreJob) -> Result<StoreDone, StoreFailed> {
        match self.submit(job) {
            (_, Submitted::Done(done)) => Ok(done),
            (ticket, Submitted::Queued) => {
                let mut done = self.try_collect(1)?;
                assert_eq!(done.len(), 1);
                let (answered, done) = done.remove(0);
                assert_eq!(answered, ticket);
                Ok(done)
            }
            (_, Submitted::Full) => panic!("the queue is full"),
        }
    }

    /// Submits all before it waits for any, and requires their answers in that order.
    fn run_together(&mut self, jobs: Vec<StoreJob>) -> Vec<StoreDone> {
        let (mut tickets, mut answers) = (Vec::new(), Vec::new());
        for job in jobs {
            match self.submit(job) {
                (_, Submitted::Done(done)) => answers.push(done),
                (ticket, Submitted::Queued) => tickets.push(ticket),
                (_, Submitted::Full) => panic!("the queue is full"),
            }
        }
        let (answered, done): (Vec<_>, Vec<_>) = self.collect(tickets.len()).into_iter().unzip();
        assert_eq!(answered, tickets);
        answers.extend(done);
        answers
    }

    fn collect(&mut self, count: usize) -> Vec<(Ticket, StoreDone)> {
        self.try_collect(count).unwrap()
    }

    fn try_collect(&mut self, count: usize) -> Result<Vec<(Ticket, StoreDone)>, StoreFailed> {
        let mut done = Vec::new();
        while done.len() < count {
            self.woken.recv_timeout(PATIENCE).expect("an answer in time");
            self.store.as_mut().unwrap().collect(&mut done)?;
        }
        Ok(done)
    }

    fn close(mut self) {
        self.store.take().unwrap().close(&mut Vec::new()).unwrap();
    }

    fn account(&mut self, username: &str) -> AccountId {
        let number = username.bytes().map(u64::from).sum::<u64>() + 1000;
        let created = self.run(create(number, username, "h"));
        assert_eq!(created, StoreDone::Created);
        self.find(username)
    }

    fn find(&mut self, username: &str) -> AccountId {
        self.record(username).id
    }

    fn record(&mut self, username: &str) -> AccountRecord {
        match self.run(find(username)) {
            StoreDone::Account(Some(account)) => account,
            other => panic!("an account was expected, not {other:?}"),
        }
    }

    fn fetch(&mut self, account: AccountId) -> Vec<Mail> {
        self.page(account, 0, 100_000, usize::MAX).0
    }

    fn confirm_all(&mut self, account: AccountId) -> u32 {
        let mails = self.fetch(account).iter().map(Mail::reference).collect();
        self.confirm(account, mails)
    }

    fn page(
        &mut self,
        account: AccountId,
        after: u64,
        mails: u32,
        bytes: usize,
    ) -> (Vec<Mail>, bool) {
        match self.run(StoreJob::Fetch { account, after: Seq(after), mails, bytes }) {
            StoreDone::Page { mails, more } => (mails, more),
            other => panic!("a page was expected, not {other:?}"),
        }
    }

    fn confirm(&mut self, account: AccountId, mails: Vec<MailRef>) -> u32 {
        match self.run(StoreJob::Confirm { account, mails }) {
            StoreDone::Confirmed { deleted } => deleted,
            other => panic!("a confirmation was expected, not {other:?}"),
        }
    }
}

fn id(number: u64) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[8] |= 0x80;
    MailId::try_from(bytes).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

fn create(number: u64, username: &str, password: &str) -> StoreJob {
    StoreJob::CreateAccount {
        register_id: id(number),
        username: username.parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        hash: hash(password),
        invite: None,
    }
}

fn find(username: &str) -> StoreJob {
    StoreJob::FindAccount { username: username.parse().unwrap() }
}

fn whole_mailbox(account: AccountId) -> StoreJob {
    StoreJob::Fetch { account, after: Seq(0), mails: u32::MAX, bytes: usize::MAX }
}

fn delete(account: AccountId) -> StoreJob {
    StoreJob::DeleteAccount { account, hash: hash("h") }
}

fn rename(account: AccountId, full_name: &str) -> StoreJob {
    StoreJob::SetFullName { account, full_name: full_name.parse().unwrap() }
}

fn send(sender: AccountId, number: u64, to: &str, body: &str) -> StoreJob {
    send_at(1000 + number, sender, number, to, body)
}

fn send_at(now: u64, sender: AccountId, number: u64, to: &str, body: &str) -> StoreJob {
    StoreJob::Send {
        sender,
        mail: Outgoing {
            id: id(number),
            to: to.parse().unwrap(),
            subject: "s".parse().unwrap(),
            body: body.parse().unwrap(),
        },
        now: Timestamp(now),
    }
}

fn is_sent(done: &StoreDone) -> bool {
    matches!(done, StoreDone::Sent { .. })
}

/// Runs the same test with each store.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::Harness::memory()); })*
        }
        mod sqlite {
            $(#[test] fn $name() {
                let directory = tempfile::tempdir().unwrap();
                super::$name(&mut super::Harness::sqlite(directory.path()));
            })*
        }
    };
}

contract! {
    a_username_is_taken_once,
    a_hash_is_changed_only_from_what_it_was,
    a_deleted_account_takes_everything_along,
    a_mail_reaches_all_or_nobody,
    a_mail_sent_again_is_one_mail,
    a_verdict_outlives_the_mail_and_is_forgotten,
    a_refusal_leaves_no_verdict,
    a_verdict_comes_before_everything_about_recipients,
    the_sender_s_names_are_those_of_the_time,
    a_full_mailbox_refuses,
    a_quota_is_exact_to_the_byte,
    pages_are_in_order_and_bounded,
    only_what_is_named_is_deleted,
    numbers_are_not_given_again,
    what_is_stored_comes_back_to_the_byte,
}

fn a_username_is_taken_once(harness: &mut Harness) {
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::Created);
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::Created);
    assert_eq!(harness.run(create(2, "tony", "b")), StoreDone::UsernameTaken);
    let account = harness.record("tony");
    assert_eq!((account.hash, account.waiting), (hash("a"), 0));
    assert_eq!(harness.run(find("nobody")), StoreDone::Account(None));
}

fn a_hash_is_changed_only_from_what_it_was(harness: &mut Harness) {
    let account = harness.account("tony");
    let set = |old: &str, new: &str| StoreJob::SetHash { account, old: hash(old), new: hash(new) };
    assert_eq!(harness.run(set("x", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(set("h", "i")), StoreDone::Changed);
    assert_eq!(harness.run(set("h", "i")), StoreDone::Changed, "again, after a lost answer");
    assert_eq!(harness.run(set("h", "j")), StoreDone::Conflict);
    assert_eq!(harness.run(delete(account)), StoreDone::Conflict);
    assert_eq!(harness.record("tony").hash, hash("i"));
}

fn a_deleted_account_takes_everything_along(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper", "x"));
    harness.run(send(pepper, 2, "tony", "x"));
    assert_eq!(harness.run(delete(tony)), StoreDone::Changed);
    assert_eq!(harness.run(delete(tony)), StoreDone::NoAccount);
    assert_eq!(harness.run(send(tony, 3, "pepper", "x")), StoreDone::NoAccount);
    assert_eq!(harness.run(whole_mailbox(tony)), StoreDone::NoAccount);
    let confirm = StoreJob::Confirm { account: tony, mails: vec![] };
    assert_eq!(harness.run(confirm), StoreDone::NoAccount);
    assert_eq!(harness.run(rename(tony, "Tony")), StoreDone::NoAccount);
    let set_hash = StoreJob::SetHash { account: tony, old: hash("h"), new: hash("i") };
    assert_eq!(harness.run(set_hash), StoreDone::NoAccount);
    assert_eq!(harness.fetch(pepper).len(), 1, "what it sent stays");
    let again = harness.account("tony");
    assert_ne!(again, tony);
    assert_eq!(harness.fetch(again), []);
    assert_eq!(harness.record("tony").waiting, 0);
    let first_of_this_account = harness.run(send(again, 1, "pepper", "x"));
    assert!(is_sent(&first_of_this_account), "{first_of_this_account:?}");
}

fn a_mail_reaches_all_or_nobody(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let unknown = ["happy", "nobody"].map(|name| name.parse().unwrap()).to_vec();
    let refused = harness.run(send(tony, 1, "pepper,happy,tony,nobody", "x"));
    assert_eq!(refused, StoreDone::UnknownRecipients(unknown));
    assert_eq!((harness.fetch(tony), harness.fetch(pepper)), (vec![], vec![]));
    let sent = harness.run(send(tony, 2, "pepper,tony", "x"));
    let StoreDone::Sent { recipients, sent_at, from } = sent else { panic!("{sent:?}") };
    assert_eq!((recipients, sent_at), (vec![pepper, tony], Timestamp(1002)));
    assert_eq!(from.0.as_str(), "tony");
    assert_eq!((harness.fetch(tony).len(), harness.fetch(pepper).len()), (1, 1));
}

fn a_mail_sent_again_is_one_mail(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper", "x"));
    assert_eq!(
        harness.run(send_at(99_999, tony, 1, "pepper", "x")),
        StoreDone::SentBefore { sent_at: Timestamp(1001) }
    );
    assert_eq!(harness.run(send(tony, 1, "pepper", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(send(tony, 1, "pepper,tony", "x")), StoreDone::Conflict);
    assert!(matches!(harness.run(send(pepper, 1, "pepper", "z")), StoreDone::Sent { .. }));
    assert_eq!(harness.fetch(pepper).len(), 2, "ids are a sender's own");
}

fn a_verdict_outlives_the_mail_and_is_forgotten(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    harness.run(send(tony, 2, "tony", "x"));
    assert_eq!(harness.confirm_all(tony), 2);
    let before = |job: StoreDone| matches!(job, StoreDone::SentBefore { .. });
    assert!(before(harness.run(send(tony, 1, "tony", "x"))));
    let pruned = harness.run(StoreJob::Prune { before: Timestamp(1002) });
    assert_eq!(pruned, StoreDone::Pruned { verdicts: 1, more: false });
    assert!(before(harness.run(send(tony, 2, "tony", "x"))));
    assert!(matches!(harness.run(send(tony, 1, "tony", "x")), StoreDone::Sent { .. }));
}

fn a_refusal_leaves_no_verdict(harness: &mut Harness) {
    let tony = harness.account("tony");
    let refused = harness.run(send(tony, 1, "pepper", "x"));
    assert!(matches!(refused, StoreDone::UnknownRecipients(_)));
    harness.account("pepper");
    assert!(matches!(harness.run(send(tony, 1, "pepper", "x")), StoreDone::Sent { .. }));
}

fn a_full_mailbox_refuses(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let full = StoreDone::MailboxesFull(vec!["pepper".parse().unwrap()]);
    for number in 1..=5 {
        harness.run(send(tony, number, "pepper", "x"));
    }
    assert_eq!(harness.run(send(tony, 6, "tony,pepper", "x")), full, "mails");
    assert_eq!(harness.fetch(tony), []);
    assert_eq!(harness.confirm_all(pepper), 5);
    // The subject counts with the body.
    let large = "x".repeat(999);
    assert!(matches!(harness.run(send(tony, 7, "pepper", &large)), StoreDone::Sent { .. }));
    assert_eq!(harness.run(send(tony, 8, "pepper", "x")), full, "bytes");
    assert_eq!(harness.record("pepper").waiting, 1);
}

fn a_verdict_comes_before_everything_about_recipients(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    let happy = harness.account("happy");
    for number in 1..=5 {
        harness.run(send(tony, number, "pepper", "x"));
    }
    harness.run(send(tony, 6, "happy", "x"));
    harness.run(delete(happy));
    let before = |number: u64| StoreDone::SentBefore { sent_at: Timestamp(1000 + number) };
    // One mailbox is full by now, the other is gone.
    assert_eq!(harness.run(send(tony, 5, "pepper", "x")), before(5));
    assert_eq!(harness.run(send(tony, 6, "happy", "x")), before(6));
    assert_eq!(harness.run(send(tony, 6, "happy", "y")), StoreDone::Conflict);
    let refused = harness.run(send(tony, 7, "pepper,happy", "x"));
    let unknown = vec!["happy".parse().unwrap()];
    assert_eq!(refused, StoreDone::UnknownRecipients(unknown));
    assert_eq!(harness.fetch(pepper).len(), 5);
}

fn the_sender_s_names_are_those_of_the_time(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    assert_eq!(harness.run(rename(tony, "Anthony Edward Stark")), StoreDone::Changed);
    let sent = harness.run(send(tony, 2, "tony", "x"));
    let StoreDone::Sent { from, .. } = sent else { panic!("{sent:?}") };
    let full_name = harness.record("tony").full_name;
    assert_eq!(full_name.as_str(), "Anthony Edward Stark");
    assert_eq!(from, ("tony".parse().unwrap(), full_name));
    let mails = harness.fetch(tony);
    let names: Vec<_> = mails.iter().map(|mail| mail.from_name.as_str()).collect();
    assert_eq!(names, ["Tony Stark", "Anthony Edward Stark"]);
}

fn a_quota_is_exact_to_the_byte(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.account("happy");
    // Two bytes a letter, a zero byte, and one byte of subject.
    let fits = format!("{}\0", "ã".repeat(499));
    let over = format!("{fits}x");
    let full = |names: &[&str]| {
        StoreDone::MailboxesFull(names.iter().map(|name| name.parse().unwrap()).collect())
    };
    assert_eq!(harness.run(send(tony, 1, "pepper", &over)), full(&["pepper"]));
    // What a mailbox counts is what a deletion takes away: the second round is like the first.
    for number in [2, 3] {
        let sent = harness.run(send(tony, number, "pepper", &fits));
        assert!(is_sent(&sent), "{sent:?}");
        assert_eq!(harness.run(send(tony, 9, "pepper", "x")), full(&["pepper"]));
        assert_eq!(harness.confirm_all(pepper), 1);
    }
    for number in [4, 5] {
        harness.run(send(tony, number, "pepper,tony", &"x".repeat(499)));
    }
    let all = harness.run(send(tony, 6, "tony,happy,pepper", "x"));
    assert_eq!(all, full(&["tony", "pepper"]));
}

fn pages_are_in_order_and_bounded(harness: &mut Harness) {
    let tony = harness.account("tony");
    for number in 1..=4 {
        harness.run(send(tony, number, "tony", &"x".repeat(100)));
    }
    let (first, more) = harness.page(tony, 0, 2, usize::MAX);
    assert_eq!((first[0].id, first[1].id, first.len(), more), (id(1), id(2), 2, true));
    let (rest, more) = harness.page(tony, first[1].seq.0, 2, usize::MAX);
    assert_eq!((rest[0].id, rest.len(), more), (id(3), 2, false));
    assert_eq!(harness.page(tony, 0, 100, 0).0.len(), 1, "at least one");
    let (by_bytes, more) = harness.page(tony, 0, 100, 200);
    assert_eq!((by_bytes.len(), more), (2, true));
    let (up_to_the_last, more) = harness.page(tony, 0, 4, usize::MAX);
    assert_eq!((up_to_the_last.len(), more), (4, false));
    assert_eq!(harness.page(tony, u64::MAX, 100, 200), (vec![], false));
}

fn only_what_is_named_is_deleted(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper,tony", "x"));
    harness.run(send(tony, 2, "pepper", "x"));
    let mails = harness.fetch(pepper);
    let first = mails[0].reference();
    assert_eq!(harness.confirm(tony, vec![first]), 0, "another's");
    let wrong_id = MailRef { id: id(9), ..first };
    let wrong_seq = MailRef { seq: Seq(999), ..first };
    assert_eq!(harness.confirm(pepper, vec![wrong_id, wrong_seq]), 0);
    assert_eq!(harness.confirm(pepper, vec![first, first]), 1);
    assert_eq!(harness.fetch(pepper), mails[1..]);
    assert_eq!(harness.fetch(tony).len(), 1);
}

fn numbers_are_not_given_again(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let first = harness.fetch(tony)[0].reference();
    harness.confirm(tony, vec![first]);
    harness.run(send(tony, 2, "tony", "x"));
    let second = harness.fetch(tony)[0].reference();
    assert!(second.seq > first.seq);
    harness.run(delete(tony));
    let again = harness.account("tony");
    harness.run(send(again, 3, "tony", "x"));
    assert!(harness.fetch(again)[0].seq > second.seq);
}

fn what_is_stored_comes_back_to_the_byte(harness: &mut Harness) {
    let tony = harness.account("tony");
    let body = "From x\r\n\0.\r\n\u{1b}[2J\u{202e} ção 😀\n\n";
    harness.run(send(tony, 1, "tony", body));
    let mail = &harness.fetch(tony)[0];
    assert_eq!(mail.body.as_str(), body);
    assert_eq!(mail.from_name.as_str(), "Tony Stark");
    assert_eq!(mail.to.to_string(), "tony");
    assert_eq!(mail.sent_at, Timestamp(1001));
}

#[test]
fn everything_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let realm = harness.store.as_ref().unwrap().realm();
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let mails = harness.fetch(tony);
    harness.close();
    let mut harness = Harness::sqlite(directory.path());
    assert_eq!(harness.store.as_ref().unwrap().realm(), realm);
    assert_eq!(harness.find("tony"), tony);
    assert_eq!(harness.fetch(tony), mails);
    let again = harness.run(send(tony, 1, "tony", "x"));
    assert_eq!(again, StoreDone::SentBefore { sent_at: Timestamp(1001) });
    harness.confirm(tony, vec![mails[0].reference()]);
    harness.close();
    let mut harness = Harness::sqlite(directory.path());
    harness.run(send(tony, 2, "tony", "x"));
    assert!(harness.fetch(tony)[0].seq > mails[0].seq);
}

#[test]
fn what_was_acknowledged_is_in_the_files_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    // What another process would find if this one ended now.
    let copy = tempfile::tempdir().unwrap();
    for name in ["correio.db", "correio.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    let mut other = Harness::sqlite(copy.path());
    assert_eq!(other.fetch(tony), harness.fetch(tony));
}

#[test]
fn those_who_wait_together_share_a_wake_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let wake = harness.wake.clone();
    let gate = wake.close_gate();
    // A job that is alone waits for no company; after it the thread stands at the gate.
    harness.submit(find("nobody"));
    assert_eq!(harness.collect(1).len(), 1);
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
    let wake = harness.wake.clone();
    let gate = wake.close_gate();
    harness.submit(find("nobody"));
    harness.collect(1);
    let jobs = [
        create(7, "pepper", "h"),
        create(8, "pepper", "h"),
        send(tony, 1, "pepper,tony", "x"),
        send(tony, 1, "pepper,tony", "x"),
        send(tony, 1, "pepper", "x"),
        send(tony, 2, "nobody", "x"),
        send(tony, 3, "pepper", "x"),
    ];
    let count = jobs.map(|job| harness.submit(job)).len();
    drop(gate);
    let done: Vec<_> = harness.collect(count).into_iter().map(|(_, done)| done).collect();
    assert_eq!(done[..2], [StoreDone::Created, StoreDone::UsernameTaken]);
    assert!(is_sent(&done[2]) && is_sent(&done[6]), "{done:?}");
    let sent_at = Timestamp(1001);
    assert_eq!(done[3], StoreDone::SentBefore { sent_at });
    assert_eq!(done[4], StoreDone::Conflict);
    assert!(matches!(done[5], StoreDone::UnknownRecipients(_)));
    assert_eq!(harness.record("pepper").waiting, 2);
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { queue_jobs: 3, queue_bytes: 100 };
    let mut harness = Harness::sqlite_with(directory.path(), QUOTA, options);
    let tony = harness.account("tony");
    let wake = harness.wake.clone();
    let gate = wake.close_gate();
    harness.submit(find("tony"));
    harness.collect(1);
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
    // The queue has its room back, and what is larger than all of it is taken when it is empty.
    assert!(is_sent(&harness.run(send(tony, 6, "tony", &"x".repeat(500)))));
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
    fs::copy(directory.path().join("correio.db"), copy.path().join("correio.db")).unwrap();
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
fn verdicts_are_forgotten_in_bounded_steps() {
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
        let steps = (1..=10).find(|_| match harness.run(StoreJob::Prune { before }) {
            StoreDone::Pruned { verdicts, more } => {
                forgotten += verdicts;
                !more
            }
            other => panic!("{other:?}"),
        });
        assert!(steps.is_some());
        assert_eq!(forgotten, 2345);
    }
}

#[test]
fn a_memory_store_that_is_full_says_so_and_changes_nothing() {
    let limits = MemoryLimits { accounts: 2, bytes: 40, verdicts: 4 };
    let unavailable = |done: StoreDone| matches!(done, StoreDone::Unavailable(_));
    let mut harness = Harness::memory_with(ROOMY, limits);
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    assert!(unavailable(harness.run(create(1, "happy", "h"))));
    assert_eq!(harness.run(find("happy")), StoreDone::Account(None));

    // Twice 19 bytes and a subject: all there is.
    let body = "x".repeat(19);
    assert!(is_sent(&harness.run(send(tony, 1, "tony,pepper", &body))));
    assert!(unavailable(harness.run(send(tony, 2, "pepper", "x"))));
    assert_eq!(harness.fetch(pepper).len(), 1);
    harness.confirm_all(pepper);
    let again = harness.run(send(tony, 2, "pepper", &body));
    assert!(is_sent(&again), "it left no verdict: {again:?}");
    harness.run(delete(pepper));
    assert!(is_sent(&harness.run(send(tony, 3, "tony", &body))));

    harness.confirm_all(tony);
    assert!(is_sent(&harness.run(send(tony, 4, "tony", "x"))));
    assert!(unavailable(harness.run(send(tony, 5, "tony", "x"))));
    harness.run(StoreJob::Prune { before: Timestamp(1002) });
    assert!(is_sent(&harness.run(send(tony, 5, "tony", "x"))));
}

fn open(directory: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory, QUOTA, SqliteOptions::default(), waker().0)
}

/// Opens a directory whose database was changed by `change`, and checks that the refusal leaves
/// the file as it is.
fn refusal(change: impl Fn(&Path)) -> OpenError {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    harness.account("tony");
    harness.close();
    let path = directory.path().join("correio.db");
    change(&path);
    let before = fs::read(&path).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(error.to_string().contains(directory.path().to_str().unwrap()), "{error}");
    error
}

fn with_sql(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_second_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Harness::sqlite(directory.path());
    assert!(matches!(open(directory.path()).unwrap_err(), OpenError::InUse { .. }));
}

#[test]
fn what_is_not_understood_is_left_alone() {
    let newer = refusal(|path| with_sql(path, "PRAGMA user_version = 99"));
    assert!(matches!(newer, OpenError::Newer { found: 99, .. }), "{newer}");
    let foreign = refusal(|path| with_sql(path, "PRAGMA application_id = 7"));
    assert!(matches!(foreign, OpenError::Foreign { .. }), "{foreign}");
    let text = refusal(|path| fs::write(path, "Lembrar: comprar leite\n".repeat(50)).unwrap());
    assert!(matches!(text, OpenError::Foreign { .. }), "{text}");
    let cut = refusal(|path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(8192).unwrap();
    });
    assert!(matches!(cut, OpenError::Damaged { .. }), "{cut}");
    let garbled = refusal(|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[100..4096].fill(0xff);
        fs::write(path, bytes).unwrap();
    });
    assert!(matches!(garbled, OpenError::Damaged { .. }), "{garbled}");
    let no_realm = refusal(|path| with_sql(path, "DELETE FROM meta"));
    assert!(matches!(no_realm, OpenError::Damaged { .. }), "{no_realm}");
}

#[test]
fn a_checkpoint_cut_short_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    let copy = tempfile::tempdir().unwrap();
    for name in ["correio.db", "correio.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    // The first page is there with the number of pages to come, the others are not yet.
    let path = copy.path().join("correio.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes.resize(4096, 0);
    bytes[28..32].copy_from_slice(&100_u32.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let mut other = Harness::sqlite(copy.path());
    assert_eq!(other.fetch(tony), harness.fetch(tony));
}

#[test]
fn a_log_without_its_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("correio.db-wal");
    fs::write(&log, "a log").unwrap();
    assert!(matches!(open(directory.path()).unwrap_err(), OpenError::Damaged { .. }));
    assert_eq!(fs::read_to_string(&log).unwrap(), "a log");
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Directory { .. }), "{error}");
    }
}

#[test]
fn a_read_only_directory_is_refused() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert!(matches!(open(directory.path()).unwrap_err(), OpenError::Directory { .. }));
}

#[test]
fn nobody_else_can_read_what_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("var/correio");
    let mut harness = Harness::sqlite(&made);
    harness.account("tony");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&made), 0o700);
    let files: Vec<_> = fs::read_dir(&made).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_read_only_database_is_refused() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let error = refusal(|path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
    });
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_database_that_is_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("correio.db")).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

/// What a person could ask of the accounts tony and pepper.
fn everything(harness: &mut Harness) -> Vec<StoreDone> {
    ["tony", "pepper"]
        .into_iter()
        .flat_map(|username| match harness.run(find(username)) {
            StoreDone::Account(Some(account)) => {
                let mailbox = harness.run(whole_mailbox(account.id));
                vec![StoreDone::Account(Some(account)), mailbox]
            }
            nobody => vec![nobody],
        })
        .collect()
}

#[test]
fn a_log_cut_anywhere_holds_all_that_was_acknowledged_up_to_there() {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("correio.db-wal");
    let length = || usize::try_from(fs::metadata(&log).unwrap().len()).unwrap();
    let mut harness = Harness::sqlite(directory.path());
    // After each acknowledgement: how long the log was, and what was to be seen.
    let mut history = vec![(length(), everything(&mut harness))];
    let (tony, pepper) = (AccountId(1), AccountId(2));
    let jobs = [
        create(1, "tony", "h"),
        create(2, "pepper", "h"),
        send(tony, 1, "tony,pepper", "x"),
        send(pepper, 1, "tony,pepper", &"x".repeat(900)),
        rename(tony, "Anthony Edward Stark"),
        send(tony, 2, "pepper", "x"),
    ];
    for job in jobs {
        harness.run(job);
        history.push((length(), everything(&mut harness)));
    }
    harness.confirm_all(tony);
    history.push((length(), everything(&mut harness)));
    harness.run(delete(pepper));
    history.push((length(), everything(&mut harness)));

    let bytes = fs::read(&log).unwrap();
    let database = fs::read(directory.path().join("correio.db")).unwrap();
    let frames = (bytes.len() - HEADER) / FRAME;
    assert!(frames > 20, "{frames} frames");
    let cuts = (0..=frames).flat_map(|frame| {
        let whole = HEADER + frame * FRAME;
        [whole, whole + 1, whole + FRAME - 1]
    });
    let (first, _) = history[0];
    for cut in cuts.filter(|cut| (first..=bytes.len()).contains(cut)) {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("correio.db"), &database).unwrap();
        fs::write(copy.path().join("correio.db-wal"), &bytes[..cut]).unwrap();
        let found = everything(&mut Harness::sqlite(copy.path()));
        let (_, expected) = history.iter().rfind(|(length, _)| *length <= cut).unwrap();
        assert_eq!(found, *expected, "cut at {cut}");
    }
}

#[test]
fn a_damaged_byte_anywhere_is_refused_or_reported_but_never_a_panic() {
    const STRIDE: usize = 251;
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "tony,pepper", &"x".repeat(900)));
    harness.close();
    let whole = fs::read(directory.path().join("correio.db")).unwrap();
    let (mut refused, mut failed) = (0, 0);
    for at in (0..whole.len()).step_by(STRIDE) {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("correio.db");
        let mut bytes = whole.clone();
        bytes[at] ^= 0x81;
        fs::write(&path, bytes).unwrap();
        let (wake, woken) = waker();
        let store =
            match SqliteStore::open(copy.path(), QUOTA, SqliteOptions::default(), wake.clone()) {
                Ok(store) => store,
                Err(error) => {
                    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                    refused += 1;
                    continue;
                }
            };
        let mut harness = Harness::around(Box::new(store), (wake, woken));
        let jobs = [
            find("tony"),
            whole_mailbox(pepper),
            send(tony, 1, "tony,pepper", "x"),
            send(tony, 2, "tony,pepper", "x"),
            delete(tony),
        ];
        // Whatever is answered comes in time: nobody waits for a thread that is gone.
        let ran: Result<Vec<_>, _> = jobs.into_iter().map(|job| harness.try_run(job)).collect();
        if let Err(error) = ran {
            assert!(!error.to_string().contains("panicked"), "at {at}: {error}");
            failed += 1;
        }
    }
    assert!(refused > 0 && failed > 0, "{refused} refused, {failed} failed");
}

/// Where a process that [`elsewhere`] started has its data; none in the process of the tests.
fn room() -> Option<PathBuf> {
    env::var_os("CORREIO_TEST_ROOM").map(PathBuf::from)
}

/// Runs one test again in a process of its own that a line of shell prepares.
fn elsewhere(test: &str, directory: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{shell}\nexec \"$0\" \"$@\""))
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("CORREIO_TEST_ROOM", directory)
        .stdin(Stdio::null());
    command
}

/// Requires that the process came to its end, not only that nothing was found wrong.
fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("came to the end"), "{said}");
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    if let Some(room) = room() {
        let mut harness = Harness::sqlite_with(&room, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        for number in 1.. {
            assert!(is_sent(&harness.run(send(tony, number, "tony", "x"))));
            eprintln!("sent {number}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut process = elsewhere("a_killed_server_keeps_what_it_acknowledged", directory.path(), "")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let heard = said
        .by_ref()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("sent "))
        .take(100)
        .count();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(heard, 100);
    // What it said before the signal reached it was acknowledged too.
    let more = said.map_while(Result::ok).filter(|line| line.starts_with("sent ")).count();
    let acknowledged = u64::try_from(heard + more).unwrap();

    let mut harness = Harness::sqlite_with(directory.path(), ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    let mails = harness.fetch(tony);
    let found = u64::try_from(mails.len()).unwrap();
    // One more may have been committed without anybody being told.
    assert!((acknowledged..=acknowledged + 1).contains(&found));
    assert!((1..).zip(&mails).all(|(number, mail)| mail.id == id(number)));
    assert_eq!(u64::from(harness.record("tony").waiting), found);
}

/// Sends until the store does not take a mail any more: how many it took, and what it said then.
fn fill(harness: &mut Harness, account: AccountId) -> (u64, Result<StoreDone, StoreFailed>) {
    let body = "x".repeat(10_000);
    let mut acknowledged = 0;
    loop {
        match harness.try_run(send(account, acknowledged, "tony", &body)) {
            Ok(StoreDone::Sent { .. }) => acknowledged += 1,
            other => return (acknowledged, other),
        }
    }
}

/// The number that a process said it came to.
fn acknowledged(output: &Output) -> u64 {
    assert_passed(output);
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().find_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).unwrap()
}

/// Requires every mail that was acknowledged; one more may have been written all the same.
fn assert_kept(directory: &Path, acknowledged: u64) {
    let mut harness = Harness::sqlite_with(directory, ROOMY, SqliteOptions::default());
    let tony = harness.find("tony");
    let mails = harness.fetch(tony);
    let found = u64::try_from(mails.len()).unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    assert_eq!(u64::from(harness.record("tony").waiting), found);
}

#[test]
fn a_failed_write_is_answered_and_takes_nothing_back() {
    if let Some(room) = room() {
        let mut harness = Harness::sqlite_with(&room, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, refused) = fill(&mut harness, tony);
        assert!(matches!(refused, Ok(StoreDone::Unavailable(_))), "{refused:?}");
        let found = harness.fetch(tony).len();
        assert_eq!(u64::try_from(found).unwrap(), acknowledged);
        harness.close();
        eprintln!("acknowledged {acknowledged}\ncame to the end");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // No file above 400 or 800 KiB, as the shell counts; a write beyond is an error, not a signal.
    let test = "a_failed_write_is_answered_and_takes_nothing_back";
    let output = elsewhere(test, directory.path(), "trap '' XFSZ; ulimit -f 800").output().unwrap();
    let acknowledged = acknowledged(&output);
    assert!(acknowledged > 5, "{acknowledged}");
    assert_kept(directory.path(), acknowledged);
}

#[test]
fn a_failed_sync_ends_the_store() {
    if let Some(room) = room() {
        let mut harness = Harness::sqlite_with(&room, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, failed) = fill(&mut harness, tony);
        assert!(failed.is_err(), "{failed:?}");
        // Nobody is told anything any more, not even that something was not found.
        harness.submit(find("nobody"));
        let mut done = Vec::new();
        assert!(harness.store.take().unwrap().close(&mut done).is_err());
        assert_eq!(done, []);
        eprintln!("acknowledged {acknowledged}\ncame to the end");
        return;
    }
    // Each thread's twelfth sync; those before it are for the first accounts and mails.
    let failing = ["-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e"];
    let failing = failing.into_iter().chain(["inject=fsync,fdatasync:error=EIO:when=12"]);
    let possible = Command::new("strace")
        .args(failing.clone())
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        eprintln!("skipped: this takes strace, and the right to use it");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let prepared = elsewhere("a_failed_sync_ends_the_store", directory.path(), "");
    let output = Command::new("strace")
        .args(failing)
        .arg(prepared.get_program())
        .args(prepared.get_args())
        .env("CORREIO_TEST_ROOM", directory.path())
        .output()
        .unwrap();
    let acknowledged = acknowledged(&output);
    assert!(acknowledged > 5, "{acknowledged}");
    assert_kept(directory.path(), acknowledged);
}

#[test]
fn on_a_full_disk_reading_goes_on_and_room_is_all_it_takes() {
    const SMALL_DISK: &str = "mount -t tmpfs -o size=12m tmpfs \"$CORREIO_TEST_ROOM\" || exit 99";
    if let Some(room) = room() {
        let data = room.join("data");
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        let tony = harness.account("tony");
        let (acknowledged, refused) = fill(&mut harness, tony);
        assert!(matches!(refused, Ok(StoreDone::Unavailable(_))), "{refused:?}");
        assert!(acknowledged > 100, "{acknowledged}");
        let body = "x".repeat(10_000);
        let mails = harness.fetch(tony);
        assert_eq!(u64::try_from(mails.len()).unwrap(), acknowledged);
        // A group in which one job finds no room: the others' answers come all the same.
        let answers = harness.run_together(vec![
            find("tony"),
            send(tony, acknowledged, "tony", &body),
            find("nobody"),
        ]);
        assert!(matches!(answers[0], StoreDone::Account(Some(_))));
        assert!(matches!(answers[1], StoreDone::Unavailable(_)));
        assert_eq!(answers[2], StoreDone::Account(None));

        // Somebody else takes the rest of the disk, and gives it back.
        let ballast = room.join("ballast");
        assert!(fs::write(&ballast, vec![1; 12 << 20]).is_err(), "the disk is larger than it says");
        assert_eq!(u64::try_from(harness.fetch(tony).len()).unwrap(), acknowledged);
        fs::remove_file(ballast).unwrap();

        // Deleting makes room, without any from outside.
        for page in mails.chunks(200) {
            let page: Vec<MailRef> = page.iter().map(Mail::reference).collect();
            assert_eq!(harness.confirm(tony, page.clone()) as usize, page.len());
        }
        let sent = harness.run(send(tony, acknowledged, "tony", &body));
        assert!(is_sent(&sent), "a refusal left a verdict, or there is no room: {sent:?}");
        harness.close();
        let mut harness = Harness::sqlite_with(&data, ROOMY, SqliteOptions::default());
        assert_eq!(harness.fetch(tony).len(), 1);
        eprintln!("came to the end");
        return;
    }
    // The disk is a mount that ends with the process and that no other process sees.
    let own_mounts = ["--user", "--map-root-user", "--mount", "sh", "-c"];
    let directory = tempfile::tempdir().unwrap();
    let possible = Command::new("unshare")
        .args(own_mounts)
        .arg(SMALL_DISK)
        .env("CORREIO_TEST_ROOM", directory.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        eprintln!("skipped: this system does not let this user mount a small disk");
        return;
    }
    let test = "on_a_full_disk_reading_goes_on_and_room_is_all_it_takes";
    let prepared = elsewhere(test, directory.path(), SMALL_DISK);
    let output = Command::new("unshare")
        .args(&own_mounts[..3])
        .arg(prepared.get_program())
        .args(prepared.get_args())
        .env("CORREIO_TEST_ROOM", directory.path())
        .output()
        .unwrap();
    assert_passed(&output);
}

#[test]
fn a_stored_value_that_is_damaged_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = Harness::sqlite(directory.path());
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    harness.close();
    with_sql(&directory.path().join("correio.db"), "UPDATE mail SET sender = '../x'");
    let mut harness = Harness::sqlite(directory.path());
    harness.submit(StoreJob::Fetch { account: tony, after: Seq(0), mails: 1, bytes: 1 });
    harness.woken.recv_timeout(PATIENCE).unwrap();
    let mut done = Vec::new();
    assert!(harness.store.as_mut().unwrap().collect(&mut done).is_err());
    assert_eq!(done, []);
}

/// A step of a random history, with few names and numbers so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Create(u64, u8),
    Rename(u8),
    SetHash(u8, u8, u8),
    Delete(u8, u8),
    Send(u8, u64, Vec<u8>, u8),
    Fetch(u8, u32),
    Confirm(u8, usize),
    Prune(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u64, 0..3_u8).prop_map(|(id, name)| Step::Create(id, name)),
        (0..3_u8).prop_map(Step::Rename),
        (0..3_u8, 0..2_u8, 0..2_u8).prop_map(|(name, old, new)| Step::SetHash(name, old, new)),
        (0..3_u8, 0..2_u8).prop_map(|(name, hash)| Step::Delete(name, hash)),
        (0..3_u8, 0..6_u64, prop::collection::vec(0..4_u8, 1..3), 0..2_u8)
            .prop_map(|(from, id, to, body)| Step::Send(from, id, to, body)),
        (0..3_u8, 1..4_u32).prop_map(|(name, mails)| Step::Fetch(name, mails)),
        (0..3_u8, 0..3_usize).prop_map(|(name, mails)| Step::Confirm(name, mails)),
        (0..20_u64).prop_map(Step::Prune),
    ]
}

const NAMES: [&str; 4] = ["tony", "pepper", "happy", "nobody"];

/// Plays a history and writes down every answer. Accounts and mails are numbered alike by both
/// stores, so the answers can be compared as they are.
fn play(harness: &mut Harness, steps: &[Step]) -> Vec<StoreDone> {
    let name = |index: u8| NAMES[usize::from(index)];
    let mut answers = Vec::new();
    for (time, step) in (0..).zip(steps) {
        let mut account = |index: u8| {
            let job = StoreJob::FindAccount { username: name(index).parse().unwrap() };
            match harness.run(job) {
                StoreDone::Account(Some(account)) => account.id,
                _ => AccountId(999),
            }
        };
        let job = match step {
            Step::Create(number, index) => create(*number, name(*index), "0"),
            Step::Rename(index) => StoreJob::SetFullName {
                account: account(*index),
                full_name: "Anthony Stark".parse().unwrap(),
            },
            Step::SetHash(index, old, new) => StoreJob::SetHash {
                account: account(*index),
                old: hash(&old.to_string()),
                new: hash(&new.to_string()),
            },
            Step::Delete(index, password) => StoreJob::DeleteAccount {
                account: account(*index),
                hash: hash(&password.to_string()),
            },
            Step::Send(from, number, to, body) => {
                let to: Vec<_> = to.iter().map(|index| name(*index)).collect();
                let body = "x".repeat(1 + usize::from(*body) * 300);
                match send(account(*from), *number, &to.join(","), &body) {
                    StoreJob::Send { sender, mail, .. } => {
                        StoreJob::Send { sender, mail, now: Timestamp(time) }
                    }
                    other => other,
                }
            }
            Step::Fetch(index, mails) => StoreJob::Fetch {
                account: account(*index),
                after: Seq(0),
                mails: *mails,
                bytes: 400,
            },
            Step::Confirm(index, count) => {
                let account = account(*index);
                let fetch = StoreJob::Fetch { account, after: Seq(0), mails: 9, bytes: 9999 };
                let mails = match harness.run(fetch) {
                    StoreDone::Page { mails, .. } => {
                        mails.iter().take(*count).map(Mail::reference).collect()
                    }
                    _ => vec![],
                };
                StoreJob::Confirm { account, mails }
            }
            Step::Prune(before) => StoreJob::Prune { before: Timestamp(*before) },
        };
        answers.push(harness.run(job));
    }
    answers
}

/// The same job at a time of its own, so that times rise within a history.
fn at(time: u64, job: StoreJob) -> StoreJob {
    match job {
        StoreJob::Send { sender, mail, .. } => {
            StoreJob::Send { sender, mail, now: Timestamp(time) }
        }
        other => other,
    }
}

/// A random job on accounts and mails that may exist: they are numbered from 1 by both stores.
fn job() -> impl Strategy<Value = StoreJob> {
    let name = || prop::sample::select(&NAMES[..]);
    let account = || (1..5_i64).prop_map(AccountId);
    let password = || prop::sample::select(&["h", "i"][..]).prop_map(hash);
    let body = || prop::sample::select(&[1_usize, 300, 999][..]);
    let mail = || {
        (1..12_u64, 0..6_u64).prop_map(|(seq, number)| MailRef { seq: Seq(seq), id: id(number) })
    };
    prop_oneof![
        3 => (0..4_u64, name()).prop_map(|(number, name)| create(number, name, "h")),
        1 => name().prop_map(find),
        1 => account().prop_map(|account| rename(account, "Anthony Edward Stark")),
        1 => (account(), password(), password())
            .prop_map(|(account, old, new)| StoreJob::SetHash { account, old, new }),
        1 => (account(), password())
            .prop_map(|(account, hash)| StoreJob::DeleteAccount { account, hash }),
        6 => (account(), 0..6_u64, name(), name(), body()).prop_map(|(sender, number, a, b, bytes)| {
            send(sender, number, &format!("{a},{b}"), &"x".repeat(bytes))
        }),
        2 => (account(), 0..12_u64, 0..4_u32, 0..700_usize).prop_map(|(account, after, mails, bytes)| {
            StoreJob::Fetch { account, after: Seq(after), mails, bytes }
        }),
        2 => (account(), prop::collection::vec(mail(), 0..8))
            .prop_map(|(account, mails)| StoreJob::Confirm { account, mails }),
        1 => (1000..1060_u64).prop_map(|before| StoreJob::Prune { before: Timestamp(before) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_stores_agree(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let memory = play(&mut Harness::memory(), &steps);
        let sqlite = play(&mut Harness::sqlite(directory.path()), &steps);
        prop_assert_eq!(memory, sqlite);
    }

    /// Whether jobs share a transaction or not must not be seen in their answers.
    #[test]
    fn a_group_answers_as_one_by_one(jobs in prop::collection::vec(job(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Harness::memory();
        let mut sqlite = Harness::sqlite(directory.path());
        let jobs: Vec<_> = (1000..).zip(jobs).map(|(time, job)| at(time, job)).collect();
        let answers = memory.run_together(jobs.clone());
        prop_assert_eq!(&answers, &sqlite.run_together(jobs));
        sqlite.close();
        let mut sqlite = Harness::sqlite(directory.path());
        prop_assert_eq!(everything(&mut memory), everything(&mut sqlite));
    }
}
