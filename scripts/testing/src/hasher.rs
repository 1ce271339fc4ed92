//! A hasher that answers when the test says so.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use correio_proto::credential::Credential;
use correio_server::{
    auth::hashing::{Accepted, HashDone, HashJob, Hasher},
    ids::{PasswordHash, Ticket},
};

/// The wait that a full queue states.
pub const QUEUE_RETRY: Duration = Duration::from_secs(3);

/// The jobs of a [`TestHasher`], for the test to read and to change.
#[derive(Debug, Default)]
pub struct HashQueue {
    /// Jobs without an answer, oldest first.
    pub jobs: VecDeque<(Ticket, HashJob)>,
    /// How many jobs were cancelled.
    pub cancelled: usize,
    /// Whether jobs wait; otherwise they are answered as soon as the server collects.
    pub is_held: bool,
    /// Most jobs that may wait; `None` for no maximum.
    pub queue_max: Option<usize>,
    /// Answers that the server collects next.
    pub done: Vec<(Ticket, HashDone)>,
}

/// The hasher, which shares its jobs with the test.
#[derive(Clone, Debug, Default)]
pub struct TestHasher(pub Rc<RefCell<HashQueue>>);

impl Hasher for TestHasher {
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted {
        let hashing = &mut *self.0.borrow_mut();
        if hashing.queue_max.is_some_and(|max| hashing.jobs.len() >= max) {
            return Accepted::Full { retry_after: QUEUE_RETRY };
        }
        hashing.jobs.push_back((ticket, job));
        Accepted::Queued
    }

    fn cancel(&mut self, ticket: Ticket) -> bool {
        let hashing = &mut *self.0.borrow_mut();
        let before = hashing.jobs.len();
        hashing.jobs.retain(|(queued, _)| *queued != ticket);
        let cancelled = before - hashing.jobs.len();
        hashing.cancelled += cancelled;
        cancelled > 0
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>) {
        let hashing = &mut *self.0.borrow_mut();
        if !hashing.is_held {
            while let Some((ticket, job)) = hashing.jobs.pop_front() {
                hashing.done.push((ticket, hashed(&job)));
            }
        }
        done.append(&mut hashing.done);
    }
}

/// The answer to a job, without hashing: the hash is the credential in words.
fn hashed(job: &HashJob) -> HashDone {
    let of = |credential: &Credential| format!("{:?}", credential.as_bytes()).into_boxed_str();
    match job {
        HashJob::Make { credential } => HashDone::Made(PasswordHash(of(credential))),
        HashJob::Verify { credential, hash } => HashDone::Verified(of(credential) == hash.0),
    }
}
