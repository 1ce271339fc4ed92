//! The harness of the stores: runs jobs and waits for their answers, and makes a store crash.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use correio_proto::{
    mail::{Content, ContentKind, LargeContent, Mail, MailId, MailRef, Seq, Sha256, Timestamp},
    message::Realm,
};
use correio_server::{
    ids::{AccountId, ConnId, PasswordHash, Ticket},
    store::{
        AccountRecord, HashChange, NewMailRecord, Quota, Store, StoreDone, StoreFailed, StoreJob,
        Submitted, ToLists, UploadLimits,
        memory::{MemoryLimits, MemoryStore},
        nodes::StoreRole,
        postgres::{DatabaseUrl, PostgresOptions, PostgresStore},
        sqlite::{SqliteOptions, SqliteStore},
    },
    waker::Wake,
};
use correio_simulation::store::{Bounds, SimStore, State};
use correio_testing::store::open_unlocked;
use tempfile::TempDir;

use super::files::copy_files;

pub const PATIENCE: Duration = Duration::from_secs(20);
pub const QUOTA: Quota = Quota { mails: 5, bytes: 1000 };

/// The bounds of uploads in tests whose quota is [`QUOTA`].
pub const UPLOADS: UploadLimits =
    UploadLimits { uploads: 4, account_bytes: 1500, bytes: 2000, content: 700 };

/// A quota for tests that are not about quotas.
pub const ROOMY: Quota = Quota { mails: 100_000, bytes: 1 << 30 };

/// Counts the store's calls, and can hold the store thread in one of them.
pub struct Woken {
    sender: Sender<()>,
    pub count: AtomicUsize,
    /// Held by the store thread for as long as it is in its call to `wake`.
    passage: Mutex<()>,
    /// While a test holds it, the store thread stays in that call, between two groups.
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
    /// Closes the gate. All submitted jobs must have been collected: this waits until the thread
    /// has left its call to `wake` for them, so that a later group brings the thread to the gate.
    pub fn close_gate(&self) -> MutexGuard<'_, ()> {
        drop(self.passage.lock().unwrap());
        self.gate.lock().unwrap()
    }
}

/// A store that was started, and both ends of its waker.
pub type Started = (Box<dyn Store>, (Arc<Woken>, Receiver<()>));

/// Lets a store crash before a job, and starts another store on what is left. `None` if the store
/// is still the same, or if it did not crash this time.
pub type Crash = Box<dyn FnMut(&StoreJob) -> Option<Started>>;

/// A store, and the means to wait for its answers.
pub struct Harness {
    /// `None` once the store is closed.
    pub store: Option<Box<dyn Store>>,
    pub woken: Receiver<()>,
    pub wake: Arc<Woken>,
    serial: u64,
    /// Called before each job that is run alone.
    crash: Option<Crash>,
    /// Does the work of a store that has no thread.
    work: Option<Box<dyn FnMut()>>,
    /// The directory of a PostgreSQL store, kept for as long as it is open.
    directory: Option<TempDir>,
}

/// The state of the simulation's store as a store: it shares no code with those of the server.
#[derive(Debug)]
struct Oracle {
    state: State,
    bounds: Bounds,
}

impl Store for Oracle {
    fn realm(&self) -> Realm {
        Realm([0; 16])
    }

    fn submit(&mut self, _ticket: Ticket, job: StoreJob) -> Submitted {
        Submitted::Done(self.state.run(self.bounds, job))
    }

    fn collect(&mut self, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }

    fn close(self: Box<Self>, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

fn simulated_bounds() -> Bounds {
    Bounds { uploads: UPLOADS, ..QUOTA.into() }
}

/// Names that the tests give to accounts.
pub const NAMES: [&str; 4] = ["tony", "pepper", "bruce", "nobody"];

pub fn waker() -> (Arc<Woken>, Receiver<()>) {
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
    pub fn memory() -> Self {
        Self::memory_with(QUOTA, MemoryLimits { uploads: UPLOADS, ..MemoryLimits::default() })
    }

    pub fn memory_with(quota: Quota, limits: MemoryLimits) -> Self {
        Self::immediate(Box::new(MemoryStore::new(Realm([1; 16]), quota, limits)))
    }

    /// A harness around a store that answers at once and never wakes.
    pub fn immediate(store: Box<dyn Store>) -> Self {
        Self::around(store, waker())
    }

    pub fn sqlite(directory: &Path) -> Self {
        let options = SqliteOptions { uploads: UPLOADS, ..SqliteOptions::default() };
        Self::sqlite_with(directory, QUOTA, options)
    }

    pub fn sqlite_with(directory: &Path, quota: Quota, options: SqliteOptions) -> Self {
        let (wake, woken) = waker();
        let waker: Arc<dyn Wake> = wake.clone();
        let store = open_unlocked(directory, quota, options, &waker);
        Self::around(Box::new(store), (wake, woken))
    }

    /// The store in a fresh PostgreSQL database; `None` if this machine has no PostgreSQL.
    pub fn postgres() -> Option<Self> {
        Self::postgres_with(
            QUOTA,
            PostgresOptions { uploads: UPLOADS, ..PostgresOptions::default() },
        )
    }

    pub fn postgres_with(quota: Quota, options: PostgresOptions) -> Option<Self> {
        let database = correio_testing::postgres::database()?;
        Some(Self::postgres_on(&database.url, quota, options))
    }

    /// A server of its own on this database.
    pub fn postgres_on(database: &DatabaseUrl, quota: Quota, options: PostgresOptions) -> Self {
        Self::postgres_as(StoreRole::Command, database, quota, options)
    }

    /// As [`Harness::postgres_on`], with a role.
    pub fn postgres_as(
        role: StoreRole,
        database: &DatabaseUrl,
        quota: Quota,
        options: PostgresOptions,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (wake, woken) = waker();
        let waker: Arc<dyn Wake> = wake.clone();
        let store =
            PostgresStore::open(database, directory.path(), quota, options, role, &waker).unwrap();
        let mut harness = Self::around(Box::new(store), (wake, woken));
        harness.directory = Some(directory);
        harness
    }

    pub fn around(store: Box<dyn Store>, (wake, woken): (Arc<Woken>, Receiver<()>)) -> Self {
        Self {
            store: Some(store),
            woken,
            wake,
            serial: 0,
            crash: None,
            work: None,
            directory: None,
        }
    }

    /// As [`Harness::sqlite`], with a crash before every `every`th job: the files as another
    /// process would find them are copied to a directory where the next store starts.
    pub fn sqlite_crashing(every: usize) -> Self {
        let start = |directory: &Path| -> Started {
            let (wake, woken) = waker();
            // Few, so that the memtable is flushed between crashes.
            let options =
                SqliteOptions { memtable_mails: 3, uploads: UPLOADS, ..SqliteOptions::default() };
            let store = SqliteStore::open(directory, QUOTA, options, wake.clone()).unwrap();
            (Box::new(store), (wake, woken))
        };
        let mut directory = tempfile::tempdir().unwrap();
        let (store, waker) = start(directory.path());
        let mut jobs = 0;
        let crash = move |_: &StoreJob| {
            jobs += 1;
            if jobs % every != 0 {
                return None;
            }
            // The former store goes on in its own directory until it is dropped.
            directory = copy_files(directory.path());
            Some(start(directory.path()))
        };
        Self { crash: Some(Box::new(crash)), ..Self::around(store, waker) }
    }

    /// A harness around the oracle, whose answers are the correct ones.
    pub fn oracle(quota: Quota) -> Self {
        let bounds = Bounds { uploads: UPLOADS, ..quota.into() };
        Self::immediate(Box::new(Oracle { state: State::default(), bounds }))
    }

    /// A harness around the store of the simulation.
    pub fn simulated() -> Self {
        Self::working_for(SimStore::new(Realm([1; 16]), simulated_bounds()))
    }

    /// As [`Harness::simulated`], with a power failure before every `every`th job, after the job
    /// was done once but not made durable.
    pub fn simulated_crashing(every: usize) -> Self {
        let store = SimStore::new(Realm([1; 16]), simulated_bounds());
        let mut harness = Self::working_for(store.clone());
        let mut jobs = 0;
        harness.crash = Some(Box::new(move |job| {
            jobs += 1;
            if jobs % every != 0 {
                return None;
            }
            let connection = ConnId { index: 1, generation: 1 };
            store.clone().submit(Ticket { connection, serial: 0 }, job.clone());
            assert!(store.run_next());
            store.crash();
            // The harness holds a handle of the store, which stays valid.
            None
        }));
        harness
    }

    /// A harness around a store without a thread, whose work is done after every submission.
    fn working_for(store: SimStore) -> Self {
        let (wake, woken) = waker();
        let woken_by = wake.clone();
        let mut harness = Self::around(Box::new(store.clone()), (wake, woken));
        harness.work = Some(Box::new(move || {
            store.settle();
            woken_by.wake();
        }));
        harness
    }

    pub fn submit(&mut self, job: StoreJob) -> (Ticket, Submitted) {
        self.submit_from(0, job)
    }

    /// Submits a job of another connection than the first.
    pub fn submit_from(&mut self, index: u32, job: StoreJob) -> (Ticket, Submitted) {
        self.serial += 1;
        let connection = ConnId { index, generation: 0 };
        let ticket = Ticket { connection, serial: self.serial };
        let submitted = self.store.as_mut().unwrap().submit(ticket, job);
        if let Some(work) = &mut self.work {
            work();
        }
        (ticket, submitted)
    }

    pub fn run(&mut self, job: StoreJob) -> StoreDone {
        self.try_run(job).unwrap()
    }

    pub fn try_run(&mut self, job: StoreJob) -> Result<StoreDone, StoreFailed> {
        let crashed = self.crash.as_mut().and_then(|crash| crash(&job));
        if let Some((store, (wake, woken))) = crashed {
            (self.store, self.wake, self.woken) = (Some(store), wake, woken);
        }
        match self.submit(job) {
            (_, Submitted::Done(done)) => {
                // The server's loop does so in each iteration.
                let mut others = Vec::new();
                self.store.as_mut().unwrap().collect(&mut others)?;
                assert_eq!(others, []);
                Ok(done)
            }
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

    /// Submits all jobs before it waits, and requires their answers in the same order.
    pub fn run_together(&mut self, jobs: Vec<StoreJob>) -> Vec<StoreDone> {
        let submitted = self.submit_all(jobs);
        self.answers(submitted)
    }

    /// As [`run_together`](Self::run_together), and SQLite runs all of them as one group.
    pub fn run_as_one_group(&mut self, jobs: Vec<StoreJob>) -> Vec<StoreDone> {
        let wake = self.wake.clone();
        let gate = self.stop_between_groups(&wake);
        let submitted = self.submit_all(jobs);
        drop(gate);
        self.answers(submitted)
    }

    /// Keeps the store thread from its next group for as long as the guard lives.
    pub fn stop_between_groups<'a>(&mut self, wake: &'a Woken) -> MutexGuard<'a, ()> {
        let gate = wake.close_gate();
        // A job that is alone is a group; after it the thread waits at the gate.
        self.run(find("nobody"));
        gate
    }

    /// Submits jobs. Returns the tickets to wait for, and the answers that came at once.
    fn submit_all(&mut self, jobs: Vec<StoreJob>) -> (Vec<Ticket>, Vec<StoreDone>) {
        let (mut tickets, mut answers) = (Vec::new(), Vec::new());
        for job in jobs {
            match self.submit(job) {
                (_, Submitted::Done(done)) => answers.push(done),
                (ticket, Submitted::Queued) => tickets.push(ticket),
                (_, Submitted::Full) => panic!("the queue is full"),
            }
        }
        (tickets, answers)
    }

    fn answers(&mut self, (tickets, mut answers): (Vec<Ticket>, Vec<StoreDone>)) -> Vec<StoreDone> {
        let (answered, done): (Vec<_>, Vec<_>) = self.collect(tickets.len()).into_iter().unzip();
        assert_eq!(answered, tickets);
        answers.extend(done);
        answers
    }

    pub fn collect(&mut self, count: usize) -> Vec<(Ticket, StoreDone)> {
        self.try_collect(count).unwrap()
    }

    pub fn try_collect(&mut self, count: usize) -> Result<Vec<(Ticket, StoreDone)>, StoreFailed> {
        let mut done = Vec::new();
        while done.len() < count {
            self.woken.recv_timeout(PATIENCE).expect("an answer in time");
            self.store.as_mut().unwrap().collect(&mut done)?;
        }
        Ok(done)
    }

    pub fn close(mut self) {
        self.store.take().unwrap().close(&mut Vec::new()).unwrap();
    }

    pub fn account(&mut self, username: &str) -> AccountId {
        let number = username.bytes().map(u64::from).sum::<u64>() + 1000;
        let created = self.run(create(number, username, "h"));
        assert_eq!(created, StoreDone::Created);
        self.find(username)
    }

    pub fn find(&mut self, username: &str) -> AccountId {
        self.record(username).id
    }

    pub fn record(&mut self, username: &str) -> AccountRecord {
        match self.run(find(username)) {
            StoreDone::Account(Some(account)) => *account,
            other => panic!("an account was expected, not {other:?}"),
        }
    }

    pub fn fetch(&mut self, account: AccountId) -> Vec<Mail> {
        self.page(account, 0, 100_000, usize::MAX).0
    }

    /// Reads a content piece by piece, as a client does.
    pub fn read_all(&mut self, account: AccountId, mail: MailRef) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let offset = u64::try_from(bytes.len()).unwrap();
            match self.run(read(account, mail, offset)) {
                StoreDone::Piece(piece) if piece.as_bytes().is_empty() => return bytes,
                StoreDone::Piece(piece) => bytes.extend_from_slice(piece.as_bytes()),
                other => panic!("a piece was expected, not {other:?}"),
            }
        }
    }

    pub fn confirm_all(&mut self, account: AccountId) -> u32 {
        let mails = self.fetch(account).iter().map(Mail::reference).collect();
        self.confirm(account, mails)
    }

    pub fn page(
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

    pub fn confirm(&mut self, account: AccountId, mails: Vec<MailRef>) -> u32 {
        match self.run(StoreJob::Confirm { account, mails }) {
            StoreDone::Confirmed { deleted } => deleted,
            other => panic!("a confirmation was expected, not {other:?}"),
        }
    }
}

pub fn id(number: u64) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[8] |= 0x80;
    MailId::try_from(bytes).unwrap()
}

pub fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

/// A change of a password, by its owner.
pub fn set_hash(account: AccountId, old: &str, new: &str) -> StoreJob {
    let change = HashChange::NewPassword;
    StoreJob::SetHash { account, old: hash(old), new: hash(new), change }
}

pub fn create(number: u64, username: &str, password: &str) -> StoreJob {
    StoreJob::CreateAccount {
        register_id: id(number),
        username: username.parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        hash: hash(password),
        invite: None,
    }
}

pub fn find(username: &str) -> StoreJob {
    StoreJob::FindAccount { username: username.parse().unwrap() }
}

pub fn whole_mailbox(account: AccountId) -> StoreJob {
    StoreJob::Fetch { account, after: Seq(0), mails: u32::MAX, bytes: usize::MAX }
}

pub fn delete(account: AccountId) -> StoreJob {
    StoreJob::DeleteAccount { account, hash: hash("h") }
}

pub fn rename(account: AccountId, full_name: &str) -> StoreJob {
    StoreJob::SetFullName { account, full_name: full_name.parse().unwrap() }
}

pub fn send(sender: AccountId, number: u64, to: &str, body: &str) -> StoreJob {
    send_at(1000 + number, sender, number, to, body)
}

pub fn send_at(now: u64, sender: AccountId, number: u64, to: &str, body: &str) -> StoreJob {
    send_content(now, sender, number, to, body.parse().unwrap())
}

/// Sends a mail whose content is a message.
pub fn send_message(sender: AccountId, number: u64, to: &str, message: &[u8]) -> StoreJob {
    send_message_at(1000 + number, sender, number, to, message)
}

pub fn send_message_at(
    now: u64,
    sender: AccountId,
    number: u64,
    to: &str,
    message: &[u8],
) -> StoreJob {
    send_content(now, sender, number, to, Content::Message(message.try_into().unwrap()))
}

/// Sends a mail with a large content, whose bytes are uploaded under the same number.
pub fn send_large(sender: AccountId, number: u64, to: &str, size: u64) -> StoreJob {
    send_content(1000 + number, sender, number, to, large(ContentKind::Text {}, size))
}

/// As [`send_large`], with a message.
pub fn send_large_message(sender: AccountId, number: u64, to: &str, size: u64) -> StoreJob {
    send_content(1000 + number, sender, number, to, large(ContentKind::Message {}, size))
}

fn large(kind: ContentKind, size: u64) -> Content {
    let size = size.try_into().unwrap();
    Content::Large(LargeContent { kind, size, sha256: Sha256([7; 32]) })
}

fn send_content(now: u64, sender: AccountId, number: u64, to: &str, content: Content) -> StoreJob {
    let (to, subject) = (to.parse().unwrap(), "s".parse().unwrap());
    let mail = Arc::new(NewMailRecord::new(id(number), to, subject, content));
    StoreJob::Send { sender, mail, to_lists: ToLists::Allowed, now: Timestamp(now) }
}

/// Uploads a part of [`content`] with this size.
pub fn upload(account: AccountId, number: u64, size: u64, part: Range<u64>) -> StoreJob {
    upload_at(1000, account, number, size, part)
}

pub fn upload_at(
    now: u64,
    account: AccountId,
    number: u64,
    size: u64,
    part: Range<u64>,
) -> StoreJob {
    StoreJob::Upload {
        account,
        id: id(number),
        size: size.try_into().unwrap(),
        offset: part.start,
        bytes: content(number, part).as_slice().try_into().unwrap(),
        now: Timestamp(now),
    }
}

/// A part of the bytes that the tests upload under this number.
pub fn content(number: u64, part: Range<u64>) -> Vec<u8> {
    // A prime, so that no part looks like another one nearby.
    part.map(|position| u8::try_from((position * 7 + number) % 251).unwrap()).collect()
}

pub fn read(account: AccountId, mail: MailRef, offset: u64) -> StoreJob {
    StoreJob::Read { account, mail, offset }
}

pub fn is_sent(done: &StoreDone) -> bool {
    matches!(done, StoreDone::Sent { .. })
}

/// The answers to every query about the accounts.
pub fn everything(harness: &mut Harness) -> Vec<StoreDone> {
    NAMES
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
