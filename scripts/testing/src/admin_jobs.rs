//! Jobs of the operator in tests: of a store that the test shares with its server, and of the data
//! directory of a server that does not run.

use std::{cell::RefCell, fmt, path::Path, rc::Rc, sync::Arc, time::Duration};

use correio_proto::{
    mail::Timestamp,
    message::{Realm, Recover, Request},
    recovery::RecoveryCode,
};
use correio_server::{
    auth::recovery,
    ids::{ConnId, Ticket},
    store::{
        Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted,
        admin::{AccountState, AdminDone, AdminJob, CodeRecord, DisabledMail, NewAccountRecord},
        memory::{MemoryLimits, MemoryStore},
        sqlite::SqliteOptions,
    },
    waker::Wake,
};

use crate::{
    request::credential,
    store::open_unlocked,
    wait::eventually,
    world::{QUOTA, REALM},
};

/// The ticket of a job of the operator. No connection has this id.
const TICKET: Ticket =
    Ticket { connection: ConnId { index: u32::MAX, generation: u32::MAX }, serial: 0 };

/// A store in memory, for a server and for a test that does the operator's jobs meanwhile.
#[derive(Clone)]
pub struct SharedStore(Rc<RefCell<MemoryStore>>);

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedStore(…)")
    }
}

impl Default for SharedStore {
    fn default() -> Self {
        Self::new(QUOTA)
    }
}

impl SharedStore {
    /// An empty store.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let store = MemoryStore::new(REALM, quota, MemoryLimits::default());
        Self(Rc::new(RefCell::new(store)))
    }

    /// Does a job.
    #[must_use]
    pub fn run(&self, job: StoreJob) -> StoreDone {
        match self.0.borrow_mut().submit(TICKET, job) {
            Submitted::Done(done) => done,
            other => panic!("a result was expected, not {other:?}"),
        }
    }

    /// Does a job of the operator.
    #[must_use]
    pub fn run_admin_job(&self, job: AdminJob) -> AdminDone {
        match self.run(StoreJob::Admin(job)) {
            StoreDone::Admin(done) => done,
            other => panic!("a result was expected, not {other:?}"),
        }
    }
}

impl Store for SharedStore {
    fn realm(&self) -> Realm {
        self.0.borrow().realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        self.0.borrow_mut().submit(ticket, job)
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.0.borrow_mut().collect(done)
    }

    fn close(self: Box<Self>, _: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

/// Does a job of the operator in the data directory of a server that does not run.
///
/// # Panics
///
/// There is no data, or the job fails.
#[must_use]
pub fn run_admin_job(data: &Path, job: AdminJob) -> AdminDone {
    match run_job(data, StoreJob::Admin(job)) {
        StoreDone::Admin(done) => done,
        other => panic!("a result was expected, not {other:?}"),
    }
}

/// Does a job in the data directory of a server that does not run.
///
/// # Panics
///
/// There is no data, or the job fails.
#[must_use]
pub fn run_job(data: &Path, job: StoreJob) -> StoreDone {
    struct Unheard;

    impl Wake for Unheard {
        fn wake(&self) {}
    }

    let quota = Quota { mails: 10_000, bytes: 1 << 30 };
    let wake: Arc<dyn Wake> = Arc::new(Unheard);
    let mut store = open_unlocked(data, quota, SqliteOptions::default(), &wake);
    let mut done = Vec::new();
    if let Submitted::Done(answer) = store.submit(TICKET, job) {
        done.push((TICKET, answer));
    }
    eventually(|| {
        store.collect(&mut done).unwrap();
        !done.is_empty()
    });
    Box::new(store).close(&mut done).unwrap();
    match done.pop() {
        Some((TICKET, done)) => done,
        other => panic!("a result was expected, not {other:?}"),
    }
}

/// A code of one byte, repeated.
#[must_use]
pub fn code(byte: u8) -> RecoveryCode {
    RecoveryCode::from([byte; 10])
}

/// What the store keeps of a [`code`] that can be used before this time.
#[must_use]
pub fn code_record(byte: u8, expires_at: Timestamp) -> CodeRecord {
    CodeRecord { digest: recovery::digest(&code(byte)), expires_at }
}

/// The job that gives an account a [`code`].
#[must_use]
pub fn set_code(username: &str, byte: u8, expires_at: Timestamp) -> AdminJob {
    let code = code_record(byte, expires_at);
    AdminJob::SetCode { username: username.parse().unwrap(), code }
}

/// The job that makes an account without a password, with a [`code`].
#[must_use]
pub fn create(username: &str, full_name: &str, byte: u8, expires_at: Timestamp) -> AdminJob {
    let (username, full_name) = (username.parse().unwrap(), full_name.parse().unwrap());
    let account = NewAccountRecord { username, full_name, code: code_record(byte, expires_at) };
    AdminJob::Create { accounts: vec![account], now: Timestamp(1) }
}

/// The job that disables an account, whose mailbox takes mail all the same.
#[must_use]
pub fn disable(username: &str) -> AdminJob {
    let state = AccountState::Disabled(DisabledMail::Kept);
    AdminJob::SetState { username: username.parse().unwrap(), state }
}

/// The job that gives an account a quota of its own.
#[must_use]
pub fn set_quota(username: &str, mails: u32, bytes: u64) -> AdminJob {
    let quota = Some(Quota { mails, bytes });
    AdminJob::SetQuota { username: username.parse().unwrap(), quota }
}

/// A request to set a password by a [`code`].
#[must_use]
pub fn recover(username: &str, byte: u8, password: u8) -> Request {
    let username = username.parse().unwrap();
    Request::Recover(Recover { username, code: code(byte), credential: credential(password) })
}

/// An hour after this time.
#[must_use]
pub fn hour_after(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + u64::try_from(Duration::from_secs(3600).as_millis()).unwrap())
}
