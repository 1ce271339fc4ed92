//! A store with two halves: what was done, and what is durable of it.
//!
//! Jobs wait in a queue; [`SimStore::run_next`] does one of them on the pending half and holds its
//! answer back; [`SimStore::commit`] makes the pending half durable and hands the answers out. A
//! crash at any moment leaves the durable half. Each of these is a step that whoever drives the
//! store takes when it likes, so that a crash can be put between any two. What drives it and the
//! server that uses it hold clones of one handle.

mod state;

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use correio_proto::{mail::FullName, message::Realm};
use correio_server::{
    ids::{AccountId, ConnId, PasswordHash, Ticket},
    store::{Quota, Store, StoreDone, StoreFailed, StoreJob, Submitted},
};

pub use state::{PRUNE_STEP, State};

/// See the module's description.
#[derive(Clone, Debug)]
pub struct SimStore(Rc<RefCell<Halves>>);

#[derive(Debug)]
struct Halves {
    realm: Realm,
    quota: Quota,
    faults: StoreFaults,
    durable: State,
    commits: u64,
    pending: State,
    queue: VecDeque<(Ticket, StoreJob)>,
    /// Jobs that the pending half has done and the durable one has not.
    undurable: Vec<StoreJob>,
    /// Answers to them.
    held: Vec<(Ticket, StoreDone)>,
    /// Answers that may go out.
    done: Vec<(Ticket, StoreDone)>,
    /// Answers that go out a second time, and when.
    repeats: Vec<(u64, Ticket, StoreDone)>,
    failed: bool,
    /// Jobs that were handed in since [`SimStore::take_submitted`].
    submitted: Vec<(Ticket, &'static str)>,
    /// Changes of accounts that were made durable since [`SimStore::take_changes`].
    changes: Vec<(AccountId, AccountChange)>,
}

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Its full name.
    FullName(FullName),
    /// What its credential is checked against.
    Hash(PasswordHash),
}

/// What is wrong with a store for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFaults {
    /// Jobs that may wait; 0 for no maximum.
    pub queue_max: usize,
    /// What needs room is answered `Unavailable`.
    pub disk_full: bool,
    /// Everything is answered `Unavailable`.
    pub unavailable: bool,
    /// Jobs are done and made durable while they are handed in, as by a store in memory.
    pub immediate: bool,
}

impl SimStore {
    /// An empty store.
    #[must_use]
    pub fn new(realm: Realm, quota: Quota) -> Self {
        Self(Rc::new(RefCell::new(Halves {
            realm,
            quota,
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
            changes: Vec::new(),
        })))
    }

    /// An empty store that answers at once, as one in memory does.
    #[must_use]
    pub fn immediate(realm: Realm, quota: Quota) -> Self {
        let store = Self::new(realm, quota);
        store.set_faults(StoreFaults { immediate: true, ..StoreFaults::default() });
        store
    }

    /// What is wrong with it from now on.
    pub fn set_faults(&self, faults: StoreFaults) {
        self.0.borrow_mut().faults = faults;
    }

    /// What is wrong with it.
    #[must_use]
    pub fn faults(&self) -> StoreFaults {
        self.0.borrow().faults
    }

    /// Jobs that wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.borrow().queue.len()
    }

    /// Jobs whose answers wait for the next commit.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.borrow().held.len()
    }

    /// Whether a job of a connection waits, or its answer does.
    #[must_use]
    pub fn is_at(&self, id: ConnId) -> bool {
        let halves = self.0.borrow();
        let queued = halves.queue.iter().map(|(ticket, _)| ticket);
        let answered = halves.held.iter().chain(&halves.done).map(|(ticket, _)| ticket);
        queued.chain(answered).any(|ticket| ticket.connection == id)
    }

    /// Whether [`Store::collect`] has something to give.
    #[must_use]
    pub fn has_done(&self) -> bool {
        let halves = self.0.borrow();
        halves.failed || !halves.done.is_empty()
    }

    /// Does the job that waits longest, on the pending half. Returns whether there was one.
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

    /// Makes the pending half durable and hands out the answers that were held back.
    pub fn commit(&self) {
        let halves = &mut *self.0.borrow_mut();
        halves.make_durable();
        halves.done.append(&mut halves.held);
    }

    /// A commit that fails: nothing is acknowledged any more. Whether the group is on the disk all
    /// the same nobody knows until the next start.
    pub fn fail_commit(&self, is_on_disk: bool) {
        let halves = &mut *self.0.borrow_mut();
        if is_on_disk {
            halves.make_durable();
        }
        halves.held.clear();
        halves.failed = true;
    }

    /// Does everything that waits and makes it durable.
    pub fn settle(&self) {
        while self.run_next() {}
        self.commit();
    }

    /// The machine loses power: the durable half is left. Then the store is as after a start.
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

    /// Hands out an answer that was given before a second time, at that time.
    pub fn repeat_at(&self, due: u64, ticket: Ticket, answer: StoreDone) {
        self.0.borrow_mut().repeats.push((due, ticket, answer));
    }

    /// Hands out the second answers that are due.
    pub fn hand_out_repeats(&self, now: u64) {
        let halves = &mut *self.0.borrow_mut();
        let (due, later) =
            std::mem::take(&mut halves.repeats).into_iter().partition(|(due, ..)| *due <= now);
        halves.repeats = later;
        let due: Vec<(u64, Ticket, StoreDone)> = due;
        halves.done.extend(due.into_iter().map(|(_, ticket, answer)| (ticket, answer)));
    }

    /// The answers that may go out, to look at.
    #[must_use]
    pub fn answers(&self) -> Vec<(Ticket, StoreDone)> {
        self.0.borrow().done.clone()
    }

    /// How often anything was made durable.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.borrow().commits
    }

    /// Looks at what is durable.
    pub fn durable<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow().durable)
    }

    /// Looks at what was done, durable or not.
    pub fn pending<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.borrow().pending)
    }

    /// The changes of accounts that were made durable since the last call, in their order.
    #[must_use]
    pub fn take_changes(&self) -> Vec<(AccountId, AccountChange)> {
        std::mem::take(&mut self.0.borrow_mut().changes)
    }

    /// The jobs that were handed in since the last call, by their kind.
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
        let reads = matches!(job, StoreJob::FindAccount { .. } | StoreJob::Fetch { .. });
        if !reads {
            self.undurable.push(job.clone());
        }
        self.pending.run(self.quota, job)
    }

    fn make_durable(&mut self) {
        self.commits += u64::from(!self.undurable.is_empty());
        for job in self.undurable.drain(..) {
            let change = change(&job);
            // The same jobs on the same state: the answers are those that were given.
            if self.durable.run(self.quota, job) == StoreDone::Changed {
                self.changes.extend(change);
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

/// What a job is called in a trace.
fn kind(job: &StoreJob) -> &'static str {
    match job {
        StoreJob::FindAccount { .. } => "find",
        StoreJob::CreateAccount { .. } => "create",
        StoreJob::SetFullName { .. } => "rename",
        StoreJob::SetHash { .. } => "set-hash",
        StoreJob::DeleteAccount { .. } => "delete",
        StoreJob::Send { .. } => "send",
        StoreJob::Fetch { .. } => "fetch",
        StoreJob::Confirm { .. } => "confirm",
        StoreJob::Prune { .. } => "prune",
    }
}

#[cfg(test)]
mod tests;
