//! A store with two halves: jobs done, and jobs that are durable.
//!
//! Jobs wait in a queue. [`SimStore::run_next`] does one job on the pending half and holds its
//! answer back; [`SimStore::commit`] makes the pending half durable and releases the answers. A
//! crash leaves the durable half. The driver takes each of these steps when it likes, so that it
//! can put a crash between any two. Driver and server hold clones of one handle.
//!
//! Several servers may work on one store, each with a handle of its own: see `servers.rs`.

mod admin;
mod app_passwords;
mod contents;
mod directory;
mod gateway;
mod lists;
mod retention;
mod sends;
mod server_jobs;
mod servers;
mod settings;
mod state;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
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
        gateway::GatewayJob, news::News,
    },
};

pub use contents::{Bounds, ContentId, PRUNE_UPLOADS_STEP, StagedUpload, UploadKey, UploadSize};
pub use server_jobs::{LANES, OpenJobs};
pub use state::{PRUNE_STEP, State};

use server_jobs::{JobRun, ServerJobs, WaitingJob};

/// See the module's description. A handle is one server's.
#[derive(Clone, Debug)]
pub struct SimStore {
    halves: Rc<RefCell<Halves>>,
    /// Number of the server.
    server: usize,
}

#[derive(Debug)]
struct Halves {
    realm: Realm,
    bounds: Bounds,
    faults: StoreFaults,
    durable: State,
    commits: u64,
    pending: State,
    /// Jobs done on the pending half and not on the durable one, in order.
    undurable: Vec<JobRun>,
    /// The servers' own parts, by number.
    servers: Vec<ServerJobs>,
    /// What durable jobs mean for servers, each with its number, since [`SimStore::take_news`].
    news: Vec<(usize, News)>,
    failed: bool,
    /// The latest time in a durable `Prune` job before which uploads are forgotten.
    forgotten_before: Timestamp,
    /// See [`SimStore::records_before`].
    records_before: Timestamp,
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
        let halves = Halves {
            realm,
            bounds: bounds.into(),
            faults: StoreFaults::default(),
            durable: State::default(),
            commits: 0,
            pending: State::default(),
            undurable: Vec::new(),
            servers: vec![ServerJobs::default()],
            news: Vec::new(),
            failed: false,
            forgotten_before: Timestamp(0),
            records_before: Timestamp(0),
            crowded_at: BTreeMap::new(),
            given_up: BTreeSet::new(),
            changes: Vec::new(),
            list_touches: Vec::new(),
        };
        Self { halves: Rc::new(RefCell::new(halves)), server: 0 }
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
        self.halves.borrow_mut().faults = faults;
    }

    /// The store's faults.
    #[must_use]
    pub fn faults(&self) -> StoreFaults {
        self.halves.borrow().faults
    }

    /// Number of this server's waiting jobs.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.own(|own| own.queue.len())
    }

    /// Number of jobs of all servers whose answers wait for the next commit.
    #[must_use]
    pub fn held(&self) -> usize {
        let runs = &self.halves.borrow().undurable;
        runs.iter().filter(|run| run.ticket.is_some()).count()
    }

    /// Whether a job or an answer of a connection waits.
    #[must_use]
    pub fn is_at(&self, id: ConnId) -> bool {
        let halves = self.halves.borrow();
        let runs = halves.undurable.iter().filter(|run| run.server == self.server);
        let is_held = runs.filter_map(|run| run.ticket).any(|ticket| ticket.connection == id);
        is_held || halves.servers.get(self.server).is_some_and(|own| own.has(id))
    }

    /// Whether [`Store::collect`] or [`Store::hear`] would return something.
    #[must_use]
    pub fn has_done(&self) -> bool {
        self.halves.borrow().failed || self.own(|own| !own.done.is_empty() || own.has_heard())
    }

    /// Does this server's oldest waiting job on the pending half. Returns whether there was a job.
    pub fn run_next(&self) -> bool {
        let halves = &mut *self.halves.borrow_mut();
        if halves.failed {
            return false;
        }
        let Some((ticket, job)) = halves.server(self.server).next_job() else {
            return false;
        };
        halves.run(self.server, Some(ticket), job);
        true
    }

    /// Does a job of the operator on the pending half, before the jobs that wait.
    pub fn run_admin_job(&self, job: AdminJob) {
        let halves = &mut *self.halves.borrow_mut();
        if !halves.failed {
            halves.run(self.server, None, StoreJob::Admin(job));
            if halves.faults.immediate {
                halves.make_durable();
            }
        }
    }

    /// Whether the store has failed, and does nothing before it is opened again.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.halves.borrow().failed
    }

    /// Makes the pending half durable and releases the answers.
    pub fn commit(&self) {
        self.halves.borrow_mut().make_durable();
    }

    /// Fails a commit: nothing is acknowledged any more. `is_on_disk` decides whether the group is
    /// durable all the same, which shows only after the next start.
    pub fn fail_commit(&self, is_on_disk: bool) {
        let halves = &mut *self.halves.borrow_mut();
        for run in &mut halves.undurable {
            run.ticket = None;
        }
        if is_on_disk {
            halves.make_durable();
        }
        halves.failed = true;
    }

    /// Does this server's waiting jobs and commits.
    pub fn settle(&self) {
        while self.run_next() {}
        self.commit();
    }

    /// The machine loses power: only the durable half is left, and the store is as after a start.
    pub fn crash(&self) {
        let halves = &mut *self.halves.borrow_mut();
        halves.pending = halves.durable.clone();
        halves.undurable.clear();
        halves.news.clear();
        for own in &mut halves.servers {
            *own = ServerJobs::default();
        }
        halves.failed = false;
    }

    /// Schedules the repetition of an answer.
    pub fn repeat_at(&self, due: u64, ticket: Ticket, answer: StoreDone) {
        self.own(|own| own.repeats.push((due, ticket, answer)));
    }

    /// Releases the repeated answers that are due.
    pub fn hand_out_repeats(&self, now: u64) {
        self.own(|own| {
            let (due, later) =
                std::mem::take(&mut own.repeats).into_iter().partition(|(due, ..)| *due <= now);
            own.repeats = later;
            let due: Vec<(u64, Ticket, StoreDone)> = due;
            own.done.extend(due.into_iter().map(|(_, ticket, answer)| (ticket, answer)));
        });
    }

    /// The answers ready for collection.
    #[must_use]
    pub fn answers(&self) -> Vec<(Ticket, StoreDone)> {
        self.own(|own| own.done.clone())
    }

    /// Number of commits with changes.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.halves.borrow().commits
    }

    /// Reads the durable half.
    pub fn durable<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.halves.borrow().durable)
    }

    /// Reads the pending half, durable or not.
    pub fn pending<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.halves.borrow().pending)
    }

    /// The store's bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.halves.borrow().bounds
    }

    /// Uploads may be gone whose last piece came before this time: a durable job had them
    /// forgotten.
    #[must_use]
    pub fn forgotten_before(&self) -> Timestamp {
        self.halves.borrow().forgotten_before
    }

    /// Idempotency records from before this time may be gone: a durable job had them forgotten.
    #[must_use]
    pub fn records_before(&self) -> Timestamp {
        self.halves.borrow().records_before
    }

    /// By account, the latest time in a durable job that began an upload beyond the bounds of this
    /// account: of its other uploads, those that were idle then may be gone.
    #[must_use]
    pub fn crowded_at(&self) -> BTreeMap<AccountId, Timestamp> {
        self.halves.borrow().crowded_at.clone()
    }

    /// Uploads without a size that durable jobs had forgotten, or used for a mail.
    #[must_use]
    pub fn given_up(&self) -> BTreeSet<UploadKey> {
        self.halves.borrow().given_up.clone()
    }

    /// Takes the account changes made durable since the last call, in order.
    #[must_use]
    pub fn take_changes(&self) -> Vec<(AccountId, AccountChange)> {
        std::mem::take(&mut self.halves.borrow_mut().changes)
    }

    /// Takes the changes of lists made durable since the last call, in order.
    #[must_use]
    pub fn take_list_touches(&self) -> Vec<ListTouch> {
        std::mem::take(&mut self.halves.borrow_mut().list_touches)
    }

    /// Takes this server's jobs submitted since the last call, by kind.
    #[must_use]
    pub fn take_submitted(&self) -> Vec<(Ticket, &'static str)> {
        self.own(|own| std::mem::take(&mut own.submitted))
    }

    /// Looks at this server's own part.
    fn own<R>(&self, look: impl FnOnce(&mut ServerJobs) -> R) -> R {
        look(self.halves.borrow_mut().server(self.server))
    }
}

impl Halves {
    /// Does a job on the pending half, and holds its answer back.
    fn run(&mut self, server: usize, ticket: Option<Ticket>, job: StoreJob) {
        let answer = if self.faults.unavailable {
            StoreDone::Unavailable("simulated: unavailable".into())
        } else if self.faults.disk_full && self.pending.needs_room(&job) {
            StoreDone::Unavailable("simulated: the disk is full".into())
        } else {
            self.pending.run(self.bounds, job.clone())
        };
        self.undurable.push(JobRun { server, ticket, job, answer });
    }

    /// Makes the pending half durable and releases the answers.
    fn make_durable(&mut self) {
        let runs = std::mem::take(&mut self.undurable);
        self.commits += u64::from(runs.iter().any(JobRun::may_change));
        for run in runs {
            if run.may_change() {
                self.make_run_durable(&run);
            }
            if let Some(ticket) = run.ticket {
                self.server(run.server).answer(ticket, run.answer);
            }
        }
    }

    fn make_run_durable(&mut self, JobRun { server, job, .. }: &JobRun) {
        let (change, touch) = (change(job), list_touch(job));
        if let StoreJob::Prune { before, uploads_before } = job {
            self.records_before = self.records_before.max(*before);
            self.forgotten_before = self.forgotten_before.max(*uploads_before);
        }
        self.given_up.extend(given_up(job));
        let crowding = crowding(&self.durable, self.bounds.uploads, job);
        // The same jobs on the same state give the same answers.
        let answer = self.durable.run(self.bounds, job.clone());
        self.spread(*server, job, &answer);
        if matches!(answer, StoreDone::Changed | StoreDone::PasswordSet { .. }) {
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

impl Store for SimStore {
    fn realm(&self) -> Realm {
        self.halves.borrow().realm
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        let halves = &mut *self.halves.borrow_mut();
        let (faults, kind) = (halves.faults, kind(&job));
        let own = halves.server(self.server);
        if !faults.immediate && faults.queue_max > 0 && own.queue.len() >= faults.queue_max {
            return Submitted::Full;
        }
        own.submitted.push((ticket, kind));
        if !faults.immediate || own.is_cut || !own.queue.is_empty() {
            own.queue.push_back(WaitingJob::new(ticket, job));
            return Submitted::Queued;
        }
        halves.run(self.server, Some(ticket), job);
        halves.make_durable();
        match halves.server(self.server).done.pop() {
            Some((_, answer)) => Submitted::Done(answer),
            None => Submitted::Queued,
        }
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        if self.has_failed() {
            return Err(StoreFailed("simulated: sync error".into()));
        }
        self.own(|own| done.append(&mut own.done));
        Ok(())
    }

    fn hear(&mut self, news: &mut Vec<News>) {
        self.own(|own| own.hear(news));
    }

    fn close(self: Box<Self>, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let mut store = *self;
        store.settle();
        store.own(ServerJobs::speed_up);
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
