//! A hasher that finishes jobs in any order, sometimes fails, and repeats results. It hashes
//! nothing: its hashes only look like bcrypt's.

use std::{cell::RefCell, fmt::Write, rc::Rc, time::Duration};

use correio_proto::credential::Credential;
use correio_server::{
    auth::hashing::{Accepted, HashDone, HashJob, Hasher},
    ids::{ConnId, PasswordHash, Ticket},
};

use crate::{clock::Clock, rng::Rng};

/// The faults of a hasher.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HashFaults {
    /// Jobs that may wait.
    pub(crate) queue_max: usize,
    /// Longest duration of a job, in ticks.
    pub(crate) slowest: u64,
    /// One in this many jobs fails; 0 for none.
    pub(crate) failing: u32,
    /// One in this many results comes twice; 0 for none.
    pub(crate) repeating: u32,
}

/// See the module's description. Clones are the same hasher.
#[derive(Clone, Debug)]
pub(crate) struct SimHasher(Rc<RefCell<Inner>>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    rng: Rng,
    faults: HashFaults,
    cost: u32,
    jobs: Vec<Running>,
    repeats: Vec<(u64, Ticket, HashDone)>,
    submitted: Vec<(Ticket, &'static str)>,
}

#[derive(Debug)]
struct Running {
    ticket: Ticket,
    job: HashJob,
    due: u64,
    /// A worker has begun the job: it cannot be cancelled.
    begun: bool,
}

impl SimHasher {
    pub(crate) fn new(clock: Clock, rng: Rng, faults: HashFaults, cost: u32) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            clock,
            rng,
            faults,
            cost,
            jobs: Vec::new(),
            repeats: Vec::new(),
            submitted: Vec::new(),
        })))
    }

    pub(crate) fn set_faults(&self, faults: HashFaults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Sets the cost of new hashes.
    pub(crate) fn set_cost(&self, cost: u32) {
        self.0.borrow_mut().cost = cost;
    }

    /// Drops all jobs: the process ends.
    pub(crate) fn forget(&self) {
        let inner = &mut *self.0.borrow_mut();
        inner.jobs.clear();
        inner.repeats.clear();
        inner.submitted.clear();
    }

    /// Jobs that are not done.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().jobs.len()
    }

    /// Whether a job of this connection is under way.
    pub(crate) fn is_at(&self, id: ConnId) -> bool {
        self.0.borrow().jobs.iter().any(|running| running.ticket.connection == id)
    }

    /// Time of the next result.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let inner = self.0.borrow();
        let jobs = inner.jobs.iter().map(|running| running.due);
        jobs.chain(inner.repeats.iter().map(|(due, ..)| *due)).min()
    }

    pub(crate) fn take_submitted(&self) -> Vec<(Ticket, &'static str)> {
        std::mem::take(&mut self.0.borrow_mut().submitted)
    }
}

impl Hasher for SimHasher {
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted {
        let inner = &mut *self.0.borrow_mut();
        if inner.jobs.len() >= inner.faults.queue_max {
            return Accepted::Full { retry_after: Duration::from_secs(1) };
        }
        let kind = match job {
            HashJob::Make { .. } => "hash",
            HashJob::Verify { .. } => "verify",
        };
        inner.submitted.push((ticket, kind));
        let due = inner.clock.tick() + inner.rng.within(1..=inner.faults.slowest.max(1));
        let begun = inner.rng.one_in(2);
        inner.jobs.push(Running { ticket, job, due, begun });
        Accepted::Queued
    }

    fn cancel(&mut self, ticket: Ticket) -> bool {
        let jobs = &mut self.0.borrow_mut().jobs;
        let before = jobs.len();
        jobs.retain(|running| running.ticket != ticket || running.begun);
        jobs.len() < before
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>) {
        let inner = &mut *self.0.borrow_mut();
        let now = inner.clock.tick();
        let (ready, jobs) =
            std::mem::take(&mut inner.jobs).into_iter().partition(|running| running.due <= now);
        inner.jobs = jobs;
        let mut ready: Vec<Running> = ready;
        inner.rng.shuffle(&mut ready);
        for Running { ticket, job, .. } in ready {
            let answer = match inner.rng.one_in(inner.faults.failing) {
                true => HashDone::Failed,
                false => answer(&job, inner.cost),
            };
            if inner.rng.one_in(inner.faults.repeating) {
                let due = now + inner.rng.within(1..=inner.faults.slowest.max(1));
                inner.repeats.push((due, ticket, answer.clone()));
            }
            done.push((ticket, answer));
        }
        let (ready, repeats) =
            std::mem::take(&mut inner.repeats).into_iter().partition(|(due, ..)| *due <= now);
        inner.repeats = repeats;
        let ready: Vec<(u64, Ticket, HashDone)> = ready;
        done.extend(ready.into_iter().map(|(_, ticket, answer)| (ticket, answer)));
    }
}

fn answer(job: &HashJob, cost: u32) -> HashDone {
    match job {
        HashJob::Make { credential } => HashDone::Made(hash(credential, cost)),
        HashJob::Verify { credential, hash } => HashDone::Verified(is_of(credential, hash)),
    }
}

/// Whether a hash was made from a credential, at any cost.
pub(crate) fn is_of(credential: &Credential, hash: &PasswordHash) -> bool {
    hash.0.ends_with(digits(credential).as_str())
}

/// A stand-in for a bcrypt hash of a credential.
fn hash(credential: &Credential, cost: u32) -> PasswordHash {
    let text = format!("$2b${cost:02}$simulationoooooooooooo{}", digits(credential));
    PasswordHash(text.into_boxed_str())
}

/// The 31 characters that follow the salt in bcrypt's format.
fn digits(credential: &Credential) -> String {
    let mut digits = String::with_capacity(31);
    for byte in credential.as_bytes().iter().take(15) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.push('.');
    digits
}
