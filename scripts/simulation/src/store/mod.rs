//! A store with two halves: jobs done, and jobs that are durable.
//!
//! Jobs wait in a queue. [`SimStore::run_next`] does one job on the pending half and holds its
//! answer back; [`SimStore::commit`] makes the pending half durable and releases the answers. A
//! crash leaves the durable half. The driver takes each of these steps when it likes, so that it
//! can put a crash between any two. Driver and server hold clones of one handle.

mod admin;
mod app_passwords;
mod contents;
mod directory;
mod gateway;
mod lists;
mod retention;
mod sends;
mod settings;
mod state;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use correio_proto::{
    mail::{FullName, Timestamp, Username},
    message::{ListChange, Realm},
};
use correio_server::{
    ids::{AccountId, ConnId, PasswordHash, Ticket},
    store::{
        Store, StoreDone, StoreFailed, StoreJob, Submitted, UploadLimits, admin::AdminJob,
        app_password::AppPasswordJob, gateway::GatewayJob,
    },
};

pub use contents::{Bounds, ContentId, PRUNE_UPLOADS_STEP, StagedUpload, UploadKey, UploadSize};
pub use state::{PRUNE_STEP, State};

/// See the module's description.
#[derive(Clone, Debug)]
pub struct SimStore(Rc<RefCell<Halves>>);

#[derive(Debug)]
struct Halves {
    realm: Realm,
    bounds: Bounds,
    faults: StoreFaults,
    durable: State,
    commits: u64,
    pending: State,
    queue: VecDeque<(Ticket, StoreJob)>,
    /// Jobs done on the pending half and not on the durable one.
    undurable: Vec<StoreJob>,
    /// Answers to those jobs.
    held: Vec<(Ticket, StoreDone)>,
    /// Answers ready for collection.
    done: Vec<(Ticket, StoreDone)>,
    /// Answers that are handed out a second time, each with its time.
    repeats: Vec<(u64, Ticket, StoreDone)>,
    failed: bool,
    /// Jobs submitted since [`SimStore::take_submitted`].
    submitted: Vec<(Ticket, &'static str)>,
    /// The latest time in a durable `Prune` job before which uploads are forgotten.
    forgotten_before: Timestamp,
    /// See [`SimStore::crowded_at`].
    crowded_at: BTreeMap<AccountId, Timestamp>,
    /// See [`SimStore::given_up`].
    given_up: BTreeSet<UploadKey>,
    /// Account changes made durable since [`SimStore::take_changes`].
    changes: Vec<(AccountId, AccountChange)>,
    /// Changes of lists made durable since [`SimStore::take_list_touches`].
    list_touches: Vec<ListTouch>,
}

/// A change of a list's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListTouch {
    /// The list.
    pub list: Username,
    /// The members that were added or removed.
    pub members: Vec<Username>,
    /// Whether the list was made or deleted.
    pub is_whole: bool,
}

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The new full name.
    FullName(FullName),
    /// The new hash.
    Hash(PasswordHash),
}

/// The faults of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFaults {
    /// Jobs that may wait; 0 for no maximum.
    pub queue_max: usize,
    /// Jobs that need room are answered `Unavailable`.
    pub disk_full: bool,
    /// All jobs are answered `Unavailable`.
    pub unavailable: bool,
    /// Jobs are done and made durable while they are submitted, as by a store in memory.
    pub immediate: bool,
}

impl SimStore {
    /// Makes an empty store. A quota alone stands for the bounds of a server's defaults.
    #[must_use]
    pub fn new(realm: Realm, bounds: impl Into<Bounds>) -> Self {
        Self(Rc::new(RefCell::new(Halves {
            realm,
            bounds: bounds.into(),
            faults: StoreFaults::default(),
            durable: State::default(),
            commits: 0,
            pending: State::default(),
            queue: VecDeque::new(),
            undurable: Vec::new(),
            held: Vec::new(),
            done: Vec::new(),
            repeats: Vec::new(),
            failed: false,
            submitted: Vec::new(),
            forgotten_before: Timestamp(0),
            crowded_at: BTreeMap::new(),
            given_up: BTreeSet::new(),
            changes: Vec::new(),
            list_touches: Vec::new(),
        })))
    }

    /// Makes an empty store that answers at once, as a store in memory does.
    #[must_use]
    pub fn immediate(realm: Realm, bounds: impl Into<Bounds>) -> Self {
        let store = Self::new(realm, bounds);
        store.set_faults(StoreFaults { immediate: true, ..StoreFaults::default() });
        store
    }

    /// Sets the store's faults.
    pub fn set_faults(&self, faults: StoreFaults) {
        self.0.borrow_mut().faults = faults;
    }

    /// The store's faults.
    #[must_use]
    pub fn faults(&self) -> StoreFaults {
        self.0.borrow().faults
    }

    /// Number of waiting jobs.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.borrow().queue.len()
    }

    /// Number of jobs whose answers wait for the next commit.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.borrow().held.len()
    }

    /// Whether a job or an answer of a connection waits.
    #[must_use]
    pub fn is_at(&self, id: ConnId) -> bool {
        let halves = self.0.borrow();
        let queued = halves.queue.iter().map(|(ticket, _)| ticket);
        let answered = halves.held.iter().chain(&halves.done).map(|(ticket, _)| ticket);
        queued.chain(answered).any(|ticket| ticket.connection == id)
    }

    /// Whether [`Store::collect`] would return something.
    #[must_use]
    pub fn has_done(&self) -> bool {
        let halves = self.0.borrow();
        halves.failed || !halves.done.is_empty()
    }

    /// Does the oldest waiting job on the pending half. Returns whether there was a job.
    pub fn run_next(&self) -> bool {
        let halves = &mut *self.0.borrow_mut();
        if halves.failed {
            return false;
        }
        let Some((ticket, job)) = halves.queue.pop_front() else {
            return false;
        };
        let answer = halves.run(job);
        halves.held.push((ticket, answer));
        true
    }

    /// Does a job of the operator on the pending half, before the jobs that wait.
    pub fn run_admin_job(&self, job: AdminJob) {
        let halves = &mut *self.0.borrow_mut();
        if !halves.failed {
            halves.run(StoreJob::Admin(job));
            if halves.faults.immediate {
                halves.make_durable();
            }
        }
    }

    /// Whether the store has failed, and does nothing before it is opened again.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.borrow().failed
    }

    /// Makes the pending half durable and releases the answers.
    pub fn commit(&self) {
        let halves = &mut *self.0.borrow_mut();
        halves.make_durable();
        halves.done.append(&mut halves.held);
    }

    /// Fails a commit: nothing is acknowledged any more. `is_on_disk` decides whether the group is
    /// durable all the same, which shows only after the next start.
    pub fn fail_commit(&self, is_on_disk: bool) {
        let halves = &mut *self.0.borrow_mut();
        if is_on_disk {
            halves.make_durable();
        }
        halves.held.clear();
        halves.failed = true;
    }

    /// Does all waiting jobs and commits.
    pub fn settle(&self) {
        while self.run_next() {}
        self.commit();
    }

    /// The machine loses power: only the durable half is left, and the store is as after a start.
    pub fn crash(&self) {
        let halves = &mut *self.0.borrow_mut();
        halves.pending = halves.durable.clone();
        halves.queue.clear();
        halves.undurable.clear();
        halves.held.clear();
        halves.done.clear();
        halves.repeats.clear();
        halves.submitted.clear();
        halves.failed = false;
    }

    /// Schedules the repetition of an answer.
    pub fn repeat_at(&self, due: u64, ticket: Ticket, answer: StoreDone) {
        self.0.borrow_mut().repeats.push((due, ticket, answer));
    }

    /// Releases the repeated answers that are due.
    pub fn hand_out_repeats(&self, now: u64) {
        let halves = &mut *self.0.borrow_mut();
        let (due, later) =
            std::mem::take(&mut halves.repeats).into_iter().partition(|(due, ..)| *due <= now);
        halves.repeats = later;
        let due: Vec<(u64, Ticket, StoreDone)> = due;
        halves.done.extend(due.into_iter().map(|(_, ticket, answer)| (ticket, answer)));
    }

    /// The answers ready for collection.
    #[must_use]
    pub fn answers(&self) -> Vec<(Ticket, StoreDone)> {
        self.0.borrow().done.clone()
    }

    /// Number of commits with changes.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.borrow().commits
    }

    /// Reads the durable half.
    pub fn durable<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow().durable)
    }

    /// Reads the pending half, durable or not.
    pub fn pending<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow().pending)
    }

    /// The store's bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.0.borrow().bounds
    }

    /// Uploads may be gone whose last piece came before this time: a durable job had them
    /// forgotten.
    #[must_use]
    pub fn forgotten_before(&self) -> Timestamp {
        self.0.borrow().forgotten_before
    }

    /// By account, the latest time in a durable job that began an upload beyond the bounds of this
    /// account: of its other uploads, those that were idle then may be gone.
    #[must_use]
    pub fn crowded_at(&self) -> BTreeMap<AccountId, Timestamp> {
        self.0.borrow().crowded_at.clone()
    }

    /// Uploads without a size that durable jobs had forgotten, or used for a mail.
    #[must_use]
    pub fn given_up(&self) -> BTreeSet<UploadKey> {
        self.0.borrow().given_up.clone()
    }

    /// Takes the account changes made durable since the last call, in order.
    #[must_use]
    pub fn take_changes(&self) -> Vec<(AccountId, AccountChange)> {
        std::mem::take(&mut self.0.borrow_mut().changes)
    }

    /// Takes the changes of lists made durable since the last call, in order.
    #[must_use]
    pub fn take_list_touches(&self) -> Vec<ListTouch> {
        std::mem::take(&mut self.0.borrow_mut().list_touches)
    }

    /// Takes the jobs submitted since the last call, by kind.
    #[must_use]
    pub fn take_submitted(&self) -> Vec<(Ticket, &'static str)> {
        std::mem::take(&mut self.0.borrow_mut().submitted)
    }
}

impl Halves {
    fn run(&mut self, job: StoreJob) -> StoreDone {
        if self.faults.unavailable {
            return StoreDone::Unavailable("simulated: unavailable".into());
        }
        if self.faults.disk_full && self.pending.needs_room(&job) {
            return StoreDone::Unavailable("simulated: the disk is full".into());
        }
        let reads = matches!(
            job,
            StoreJob::FindAccount { .. }
                | StoreJob::Fetch { .. }
                | StoreJob::Read { .. }
                | StoreJob::Find { .. }
                | StoreJob::ListsOf { .. }
                | StoreJob::Members { .. }
                | StoreJob::Gateway(GatewayJob::FindRecipient { .. } | GatewayJob::Outline { .. })
                | StoreJob::AppPassword(AppPasswordJob::List { .. })
        );
        if !reads {
            self.undurable.push(job.clone());
        }
        self.pending.run(self.bounds, job)
    }

    fn make_durable(&mut self) {
        self.commits += u64::from(!self.undurable.is_empty());
        for job in self.undurable.drain(..) {
            let (change, touch) = (change(&job), list_touch(&job));
            if let StoreJob::Prune { uploads_before, .. } = &job {
                self.forgotten_before = self.forgotten_before.max(*uploads_before);
            }
            self.given_up.extend(given_up(&job));
            let crowding = crowding(&self.durable, self.bounds.uploads, &job);
            // The same jobs on the same state give the same answers.
            let done = self.durable.run(self.bounds, job);
            if matches!(done, StoreDone::Changed | StoreDone::PasswordSet { .. }) {
                self.changes.extend(change);
                self.list_touches.extend(touch);
            }
            if let Some((key, now)) = crowding
                && self.durable.uploads().any(|(present, _)| present == key)
            {
                let latest = self.crowded_at.entry(key.0).or_default();
                *latest = now.max(*latest);
            }
        }
    }
}

impl Store for SimStore {
    fn realm(&self) -> Realm {
        self.0.borrow().realm
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let halves = &mut *self.0.borrow_mut();
        if halves.faults.immediate {
            halves.submitted.push((ticket, kind(&job)));
            let answer = halves.run(job);
            halves.make_durable();
            return Submitted::Done(answer);
        }
        let max = halves.faults.queue_max;
        if max > 0 && halves.queue.len() >= max {
            return Submitted::Full;
        }
        halves.submitted.push((ticket, kind(&job)));
        halves.queue.push_back((ticket, job));
        Submitted::Queued
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let halves = &mut *self.0.borrow_mut();
        if halves.failed {
            return Err(StoreFailed("simulated: sync error".into()));
        }
        done.append(&mut halves.done);
        Ok(())
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let mut store = *self;
        store.settle();
        store.collect(done)
    }
}

fn change(job: &StoreJob) -> Option<(AccountId, AccountChange)> {
    match job {
        StoreJob::SetFullName { account, full_name } => {
            Some((*account, AccountChange::FullName(full_name.clone())))
        }
        StoreJob::SetHash { account, new, .. } => {
            Some((*account, AccountChange::Hash(new.clone())))
        }
        _ => None,
    }
}

/// The upload without a size that a job has forgotten.
fn given_up(job: &StoreJob) -> Option<UploadKey> {
    match job {
        StoreJob::Gateway(GatewayJob::Discard { account, id }) => Some((*account, *id)),
        StoreJob::Send { sender, mail, .. } => mail.staged.map(|staged| (*sender, staged)),
        _ => None,
    }
}

fn list_touch(job: &StoreJob) -> Option<ListTouch> {
    let StoreJob::ChangeList { name, change, .. } = job else {
        return None;
    };
    let members = match change {
        ListChange::Add { members, .. } | ListChange::Remove { members } => {
            members.as_slice().to_vec()
        }
        ListChange::Create { .. } | ListChange::Set { .. } | ListChange::Delete {} => Vec::new(),
    };
    let is_whole = matches!(change, ListChange::Create { .. } | ListChange::Delete {});
    Some(ListTouch { list: name.clone(), members, is_whole })
}

/// The upload that a job would begin although it is too much beside the others of its account, and
/// the time.
fn crowding(state: &State, limits: UploadLimits, job: &StoreJob) -> Option<(UploadKey, Timestamp)> {
    let (account, id, size, now) = match job {
        StoreJob::Upload { account, id, size, now, .. } => (account, id, size.get(), now),
        StoreJob::Gateway(GatewayJob::Stage { account, id, now, .. }) => {
            (account, id, limits.content, now)
        }
        _ => return None,
    };
    let key = (*account, *id);
    let (mut uploads, mut bytes) = (1, size);
    for (present, upload) in state.uploads().filter(|((owner, _), _)| owner == account) {
        if present == key {
            return None;
        }
        uploads += 1;
        bytes += upload.size.bytes();
    }
    (uploads > limits.uploads || bytes > limits.account_bytes).then_some((key, *now))
}

/// A job's name in a trace.
fn kind(job: &StoreJob) -> &'static str {
    match job {
        StoreJob::FindAccount { .. } => "find",
        StoreJob::CreateAccount { .. } => "create",
        StoreJob::SetFullName { .. } => "rename",
        StoreJob::SetHash { .. } => "set-hash",
        StoreJob::DeleteAccount { .. } => "delete",
        StoreJob::Send { .. } => "send",
        StoreJob::Upload { .. } => "upload",
        StoreJob::Fetch { .. } => "fetch",
        StoreJob::Read { .. } => "read",
        StoreJob::Confirm { .. } => "confirm",
        StoreJob::Find { .. } => "search",
        StoreJob::ListsOf { .. } => "lists",
        StoreJob::Members { .. } => "members",
        StoreJob::ChangeList { .. } => "change-list",
        StoreJob::Recover { .. } => "recover",
        StoreJob::SetUsed { .. } => "used",
        StoreJob::AppPassword(_) => "app-password",
        StoreJob::Gateway(job) => match job {
            GatewayJob::LogIn { .. } => "log-in",
            GatewayJob::FindRecipient { .. } => "find-recipient",
            GatewayJob::Outline { .. } => "outline",
            GatewayJob::Stage { .. } => "stage",
            GatewayJob::Discard { .. } => "discard",
        },
        StoreJob::Admin(_) => "admin",
        StoreJob::Prune { .. } => "prune",
    }
}

#[cfg(test)]
mod tests;
