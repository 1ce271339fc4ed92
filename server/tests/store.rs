//! What every store must do, asked of each of them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
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
        AccountId, Outgoing, PasswordHash, Quota, Store, StoreDone, StoreJob, Submitted, Wake,
        memory::{MemoryLimits, MemoryStore},
        sqlite::{OpenError, SqliteOptions, SqliteStore},
    },
    ticket::{ConnId, Ticket},
};
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_secs(20);
const QUOTA: Quota = Quota { mails: 5, bytes: 1000 };

struct Woken {
    sender: Sender<()>,
    count: AtomicUsize,
}

impl Wake for Woken {
    fn wake(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        let _ = self.sender.send(());
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
    (Arc::new(Woken { sender, count: AtomicUsize::new(0) }), woken)
}

impl Harness {
    fn memory() -> Self {
        let (wake, woken) = waker();
        let store = MemoryStore::new(Realm([1; 16]), QUOTA, MemoryLimits::default());
        Self { store: Some(Box::new(store)), woken, wake, serial: 0 }
    }

    fn sqlite(directory: &Path) -> Self {
        Self::sqlite_with(directory, SqliteOptions::default())
    }

    fn sqlite_with(directory: &Path, options: SqliteOptions) -> Self {
        let (wake, woken) = waker();
        let store = SqliteStore::open(directory, QUOTA, options, wake.clone()).unwrap();
        Self { store: Some(Box::new(store)), woken, wake, serial: 0 }
    }

    fn submit(&mut self, job: StoreJob) -> (Ticket, Submitted) {
        self.serial += 1;
        let connection = ConnId { index: 0, generation: 0 };
        let ticket = Ticket { connection, serial: self.serial };
        let submitted = self.store.as_mut().unwrap().submit(ticket, job);
        (ticket, submitted)
    }

    fn run(&mut self, job: StoreJob) -> StoreDone {
        match self.submit(job) {
            (_, Submitted::Done(done)) => done,
            (ticket, Submitted::Queued) => {
                let done = self.collect(1);
                assert_eq!(done[0].0, ticket);
                done.into_iter().next().unwrap().1
            }
            (_, Submitted::Full) => panic!("the queue is full"),
        }
    }

    fn collect(&mut self, count: usize) -> Vec<(Ticket, StoreDone)> {
        let mut done = Vec::new();
        while done.len() < count {
            self.woken.recv_timeout(PATIENCE).expect("an answer in time");
            self.store.as_mut().unwrap().collect(&mut done).unwrap();
        }
        done
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
        match self.run(StoreJob::FindAccount { username: username.parse().unwrap() }) {
            StoreDone::Account(Some(account)) => account.id,
            other => panic!("an account was expected, not {other:?}"),
        }
    }

    fn fetch(&mut self, account: AccountId) -> Vec<Mail> {
        self.page(account, 0, 100, usize::MAX).0
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
    }
}

fn send(sender: AccountId, number: u64, to: &str, body: &str) -> StoreJob {
    StoreJob::Send {
        sender,
        mail: Outgoing {
            id: id(number),
            to: to.parse().unwrap(),
            subject: "s".parse().unwrap(),
            body: body.parse().unwrap(),
        },
        now: Timestamp(1000 + number),
    }
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
    a_full_mailbox_refuses,
    pages_are_in_order_and_bounded,
    only_what_is_named_is_deleted,
    numbers_are_not_given_again,
    what_is_stored_comes_back_to_the_byte,
}

fn a_username_is_taken_once(harness: &mut Harness) {
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::Created);
    assert_eq!(harness.run(create(1, "tony", "a")), StoreDone::Created);
    assert_eq!(harness.run(create(2, "tony", "b")), StoreDone::UsernameTaken);
    let found = harness.run(StoreJob::FindAccount { username: "tony".parse().unwrap() });
    let StoreDone::Account(Some(account)) = found else { panic!("{found:?}") };
    assert_eq!((account.hash, account.waiting), (hash("a"), 0));
    let nobody = harness.run(StoreJob::FindAccount { username: "nobody".parse().unwrap() });
    assert_eq!(nobody, StoreDone::Account(None));
}

fn a_hash_is_changed_only_from_what_it_was(harness: &mut Harness) {
    let account = harness.account("tony");
    let set = |old: &str, new: &str| StoreJob::SetHash { account, old: hash(old), new: hash(new) };
    assert_eq!(harness.run(set("x", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(set("h", "i")), StoreDone::Changed);
    assert_eq!(harness.run(set("h", "i")), StoreDone::Changed, "again, after a lost answer");
    assert_eq!(harness.run(set("h", "j")), StoreDone::Conflict);
    let delete = StoreJob::DeleteAccount { account, hash: hash("h") };
    assert_eq!(harness.run(delete), StoreDone::Conflict);
}

fn a_deleted_account_takes_everything_along(harness: &mut Harness) {
    let (tony, pepper) = (harness.account("tony"), harness.account("pepper"));
    harness.run(send(tony, 1, "pepper", "x"));
    harness.run(send(pepper, 2, "tony", "x"));
    let delete = StoreJob::DeleteAccount { account: tony, hash: hash("h") };
    assert_eq!(harness.run(delete.clone()), StoreDone::Changed);
    assert_eq!(harness.run(delete), StoreDone::NoAccount);
    assert_eq!(harness.run(send(tony, 3, "pepper", "x")), StoreDone::NoAccount);
    let fetch = StoreJob::Fetch { account: tony, after: Seq(0), mails: 1, bytes: 1 };
    assert_eq!(harness.run(fetch), StoreDone::NoAccount);
    let confirm = StoreJob::Confirm { account: tony, mails: vec![] };
    assert_eq!(harness.run(confirm), StoreDone::NoAccount);
    assert_eq!(harness.fetch(pepper).len(), 1, "what it sent stays");
    let again = harness.account("tony");
    assert_ne!(again, tony);
    assert_eq!(harness.fetch(again), []);
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
    let again = StoreJob::Send {
        sender: tony,
        mail: match send(tony, 1, "pepper", "x") {
            StoreJob::Send { mail, .. } => mail,
            _ => panic!("a mail"),
        },
        now: Timestamp(99_999),
    };
    assert_eq!(harness.run(again), StoreDone::SentBefore { sent_at: Timestamp(1001) });
    assert_eq!(harness.run(send(tony, 1, "pepper", "y")), StoreDone::Conflict);
    assert_eq!(harness.run(send(tony, 1, "pepper,tony", "x")), StoreDone::Conflict);
    assert!(matches!(harness.run(send(pepper, 1, "pepper", "z")), StoreDone::Sent { .. }));
    assert_eq!(harness.fetch(pepper).len(), 2, "ids are a sender's own");
}

fn a_verdict_outlives_the_mail_and_is_forgotten(harness: &mut Harness) {
    let tony = harness.account("tony");
    harness.run(send(tony, 1, "tony", "x"));
    harness.run(send(tony, 2, "tony", "x"));
    let mails = harness.fetch(tony).iter().map(Mail::reference).collect();
    assert_eq!(harness.confirm(tony, mails), 2);
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
    let mails = harness.fetch(pepper).iter().map(Mail::reference).collect();
    assert_eq!(harness.confirm(pepper, mails), 5);
    // The subject counts with the body.
    let large = "x".repeat(999);
    assert!(matches!(harness.run(send(tony, 7, "pepper", &large)), StoreDone::Sent { .. }));
    assert_eq!(harness.run(send(tony, 8, "pepper", "x")), full, "bytes");
    let found = harness.run(StoreJob::FindAccount { username: "pepper".parse().unwrap() });
    let StoreDone::Account(Some(account)) = found else { panic!("{found:?}") };
    assert_eq!(account.waiting, 1);
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
    assert!(harness.fetch(tony)[0].seq > first.seq);
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
    let tony = harness.account("tony");
    let before = harness.wake.count.load(Ordering::SeqCst);
    for number in 1..=300 {
        harness.submit(send(tony, number, "nobody", "x"));
    }
    assert_eq!(harness.collect(300).len(), 300);
    let wakes = harness.wake.count.load(Ordering::SeqCst) - before;
    assert!(wakes < 150, "{wakes} wake-ups for 300 jobs");
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { queue_jobs: 2, queue_bytes: 100 };
    let mut harness = Harness::sqlite_with(directory.path(), options);
    let tony = harness.account("tony");
    // A mail of any size is taken while nothing waits; then bytes count, for each recipient.
    let (_, first) = harness.submit(send(tony, 7000, "tony,nobody", &"x".repeat(200)));
    assert!(matches!(first, Submitted::Queued));
    harness.collect(1);
    let mut queued = 0;
    let mut full = 0;
    for number in 0..2000 {
        match harness.submit(send(tony, number, "nobody", "x")).1 {
            Submitted::Queued => queued += 1,
            _ => full += 1,
        }
    }
    assert!(full > 0);
    assert_eq!(harness.collect(queued).len(), queued);
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
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert!(matches!(open(directory.path()).unwrap_err(), OpenError::Directory { .. }));
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_stores_agree(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let memory = play(&mut Harness::memory(), &steps);
        let sqlite = play(&mut Harness::sqlite(directory.path()), &steps);
        prop_assert_eq!(memory, sqlite);
    }
}
