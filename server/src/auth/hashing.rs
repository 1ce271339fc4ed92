//! bcrypt on a small pool of worker threads with a bounded queue, so that the event loop never
//! waits.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use correio_proto::credential::Credential;
use zeroize::Zeroizing;

use crate::{
    event::Event,
    ids::{PasswordHash, Ticket},
    metrics::Level,
    mutex::lock,
    waker::Wake,
};

/// A job for a [`Hasher`].
#[derive(Clone, Debug)]
pub enum HashJob {
    /// Make the hash to be stored for a credential. Result: [`HashDone::Made`].
    Make {
        /// The credential as the client sent it.
        credential: Credential,
    },
    /// Check a credential against a stored hash. Result: [`HashDone::Verified`].
    Verify {
        /// The credential as the client sent it.
        credential: Credential,
        /// The stored hash.
        hash: PasswordHash,
    },
}

/// A [`Hasher`]'s result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashDone {
    /// The hash to store.
    Made(PasswordHash),
    /// Whether the credential belongs to the hash.
    Verified(bool),
    /// The worker failed; the same job may succeed later.
    Failed,
}

/// Result of submitting a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The job will be done.
    Queued,
    /// The queue is full; the job was not taken.
    Full {
        /// Approximate time until the queue is empty.
        retry_after: Duration,
    },
}

/// Hashes without blocking the caller: jobs are submitted, and results collected later.
pub trait Hasher {
    /// Submits a job.
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted;

    /// Removes a job from the queue whose result is no longer needed. A job that a worker has begun
    /// is finished nevertheless. Returns whether the job was removed.
    fn cancel(&mut self, ticket: Ticket) -> bool;

    /// Appends all results that are ready to `done`.
    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>);

    /// Jobs that wait, and most that may; `None` if there is no queue.
    fn queue(&self) -> Option<Level> {
        None
    }
}

/// The server's hash of a credential, at a cost.
#[derive(Clone, Copy, Debug)]
pub struct Bcrypt {
    /// bcrypt's cost: each step doubles the time; 10 takes about 60 ms.
    pub cost: u32,
}

impl Bcrypt {
    /// Does a job on the calling thread.
    #[must_use]
    pub fn run(self, job: &HashJob) -> HashDone {
        match job {
            HashJob::Make { credential } => {
                match bcrypt::non_truncating_hash(encoded(credential).as_bytes(), self.cost) {
                    Ok(hash) => HashDone::Made(PasswordHash(hash.into_boxed_str())),
                    Err(_) => HashDone::Failed,
                }
            }
            HashJob::Verify { credential, hash } => {
                match bcrypt::non_truncating_verify(encoded(credential).as_bytes(), &hash.0) {
                    Ok(same) => HashDone::Verified(same),
                    Err(_) => HashDone::Failed,
                }
            }
        }
    }

    /// A hash that matches no credential and takes as long to verify as a new hash. It is verified
    /// in place of the hash of an account that does not exist.
    #[must_use]
    pub fn dummy(self) -> PasswordHash {
        let salt = "correiooooooooooooooo.";
        let hash = "nobodyyyyyyyyyyyyyyyyyyyyyyyyy.";
        PasswordHash(format!("$2b${:02}${salt}{hash}", self.cost).into_boxed_str())
    }

    /// Whether a stored hash was made at another cost than new hashes.
    #[must_use]
    pub fn is_outdated(self, hash: &PasswordHash) -> bool {
        hash.0.parse::<bcrypt::HashParts>().is_ok_and(|parts| parts.get_cost() != self.cost)
    }

    /// Approximate time of one job on one core.
    fn duration(self) -> Duration {
        Duration::from_micros(60) * 2_u32.saturating_pow(self.cost)
    }
}

/// The input of bcrypt: 32 characters of base64, without a zero byte and below bcrypt's 72 bytes.
fn encoded(credential: &Credential) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(credential.as_bytes()))
}

/// The pool of workers.
#[derive(Debug)]
pub struct HashPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    queue_max: usize,
    job_duration: Duration,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    done: Mutex<Vec<(Ticket, HashDone)>>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<(Ticket, HashJob)>,
    closed: bool,
}

impl HashPool {
    /// Starts `workers` threads and a queue for at most `queue_max` jobs.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub fn start(
        workers: usize,
        queue_max: usize,
        bcrypt: Bcrypt,
        wake: &Arc<dyn Wake>,
    ) -> io::Result<Self> {
        Self::with_work(workers, queue_max, bcrypt.duration(), wake, move |job| bcrypt.run(job))
    }

    /// As [`HashPool::start`], with the caller's work, which takes about `job_duration`.
    fn with_work(
        workers: usize,
        queue_max: usize,
        job_duration: Duration,
        wake: &Arc<dyn Wake>,
        work: impl Fn(&HashJob) -> HashDone + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            done: Mutex::default(),
        });
        let mut pool = Self { shared, workers: Vec::new(), queue_max, job_duration };
        for number in 0..workers {
            let (shared, wake, work) = (pool.shared.clone(), wake.clone(), work.clone());
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            let worker = move || {
                lower_priority();
                shared.serve(&*wake, &work);
            };
            pool.workers.push(thread.spawn(worker)?);
        }
        Ok(pool)
    }
}

/// Lowers this thread's priority below the event loop's, because hashing keeps a processor busy for
/// long. If the system has no thread priorities, or refuses, the workers keep the normal priority.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

impl Hasher for HashPool {
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted {
        let mut queue = lock(&self.shared.queue);
        if queue.jobs.len() >= self.queue_max {
            let jobs = u32::try_from(queue.jobs.len()).unwrap_or(u32::MAX);
            let workers = u32::try_from(self.workers.len().max(1)).unwrap_or(u32::MAX);
            return Accepted::Full {
                retry_after: self.job_duration.saturating_mul(jobs) / workers,
            };
        }
        queue.jobs.push_back((ticket, job));
        drop(queue);
        self.shared.changed.notify_one();
        Accepted::Queued
    }

    fn cancel(&mut self, ticket: Ticket) -> bool {
        let jobs = &mut lock(&self.shared.queue).jobs;
        let before = jobs.len();
        jobs.retain(|(queued, _)| *queued != ticket);
        jobs.len() < before
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>) {
        done.append(&mut lock(&self.shared.done));
    }

    fn queue(&self) -> Option<Level> {
        let now = lock(&self.shared.queue).jobs.len();
        Some(Level { now, max: self.queue_max })
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Panics of jobs were caught.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Runs a worker.
    fn serve(&self, wake: &dyn Wake, work: &dyn Fn(&HashJob) -> HashDone) {
        while let Some((ticket, job)) = self.next() {
            // A panic makes only its own job fail; the worker goes on.
            let done = catch_unwind(AssertUnwindSafe(|| work(&job))).unwrap_or_else(|_| {
                Event::WorkerFailed.log();
                HashDone::Failed
            });
            lock(&self.done).push((ticket, done));
            wake.wake();
        }
    }

    fn next(&self) -> Option<(Ticket, HashJob)> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;
    use crate::ids::ConnId;

    const DEADLINE: Duration = Duration::from_secs(20);
    const BCRYPT: Bcrypt = Bcrypt { cost: 4 };

    struct Woken(Sender<()>);

    impl Wake for Woken {
        fn wake(&self) {
            let _ = self.0.send(());
        }
    }

    fn waker() -> (Arc<dyn Wake>, Receiver<()>) {
        let (sender, receiver) = mpsc::channel();
        (Arc::new(Woken(sender)), receiver)
    }

    fn ticket(serial: u64) -> Ticket {
        Ticket { connection: ConnId { index: 0, generation: 0 }, serial }
    }

    fn credential(byte: u8) -> Credential {
        Credential::from([byte; 23])
    }

    fn collect(pool: &mut HashPool, woken: &Receiver<()>, count: usize) -> Vec<(Ticket, HashDone)> {
        let mut done = Vec::new();
        while done.len() < count {
            woken.recv_timeout(DEADLINE).expect("a job is done in time");
            pool.collect(&mut done);
        }
        done
    }

    #[test]
    fn a_credential_belongs_to_its_own_hash_only() {
        let HashDone::Made(hash) = BCRYPT.run(&HashJob::Make { credential: credential(1) }) else {
            panic!("a hash is made");
        };
        let verify = |byte| HashJob::Verify { credential: credential(byte), hash: hash.clone() };
        assert_eq!(BCRYPT.run(&verify(1)), HashDone::Verified(true));
        assert_eq!(BCRYPT.run(&verify(2)), HashDone::Verified(false));
        assert!(!BCRYPT.is_outdated(&hash));
        assert!(Bcrypt { cost: 5 }.is_outdated(&hash));
    }

    #[test]
    fn the_dummy_is_a_hash_of_the_same_cost() {
        let hash = BCRYPT.dummy();
        assert!(!BCRYPT.is_outdated(&hash));
        let job = HashJob::Verify { credential: credential(0), hash };
        assert_eq!(BCRYPT.run(&job), HashDone::Verified(false));
    }

    #[test]
    fn jobs_are_answered_by_ticket() {
        let (wake, woken) = waker();
        let mut pool = HashPool::start(2, 8, BCRYPT, &wake).unwrap();
        for serial in 1..=4 {
            let job = HashJob::Make { credential: credential(1) };
            assert_eq!(pool.submit(ticket(serial), job), Accepted::Queued);
        }
        let mut serials: Vec<_> =
            collect(&mut pool, &woken, 4).iter().map(|(ticket, _)| ticket.serial).collect();
        serials.sort_unstable();
        assert_eq!(serials, [1, 2, 3, 4]);
    }

    /// A pool of one worker that reports each begun job and waits for the test's result of it.
    fn held_pool(queue_max: usize) -> (HashPool, Receiver<()>, Sender<HashDone>, Receiver<()>) {
        let (wake, woken) = waker();
        let (begun_sender, begun) = mpsc::channel();
        let (result, results) = mpsc::channel::<HashDone>();
        let results = Arc::new(Mutex::new(results));
        let second = Duration::from_secs(1);
        let pool = HashPool::with_work(1, queue_max, second, &wake, move |_| {
            begun_sender.send(()).expect("the test listens");
            results.lock().unwrap().recv_timeout(DEADLINE).expect("the test sends a result")
        });
        (pool.unwrap(), begun, result, woken)
    }

    fn make() -> HashJob {
        HashJob::Make { credential: credential(1) }
    }

    #[test]
    fn a_full_queue_says_when_to_come_back() {
        let (mut pool, begun, result, woken) = held_pool(2);
        assert_eq!(pool.submit(ticket(1), make()), Accepted::Queued);
        begun.recv_timeout(DEADLINE).unwrap();
        assert_eq!(pool.submit(ticket(2), make()), Accepted::Queued);
        assert_eq!(pool.submit(ticket(3), make()), Accepted::Queued);
        let full = Accepted::Full { retry_after: Duration::from_secs(2) };
        assert_eq!(pool.submit(ticket(4), make()), full);
        for _ in 0..3 {
            result.send(HashDone::Verified(true)).unwrap();
        }
        assert_eq!(collect(&mut pool, &woken, 3).len(), 3);
    }

    #[test]
    fn cancelled_jobs_are_not_done() {
        let (mut pool, begun, result, woken) = held_pool(8);
        pool.submit(ticket(1), make());
        begun.recv_timeout(DEADLINE).unwrap();
        pool.submit(ticket(2), make());
        pool.submit(ticket(3), make());
        assert!(pool.cancel(ticket(2)));
        assert!(!pool.cancel(ticket(1)), "a worker has begun it");
        result.send(HashDone::Failed).unwrap();
        result.send(HashDone::Failed).unwrap();
        let done = collect(&mut pool, &woken, 2);
        assert_eq!(done.iter().map(|(ticket, _)| ticket.serial).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_panic_costs_its_own_job_only() {
        let (wake, woken) = waker();
        let mut pool = HashPool::with_work(1, 8, DEADLINE, &wake, |job| match job {
            HashJob::Make { .. } => panic!("injected"),
            HashJob::Verify { .. } => HashDone::Verified(true),
        })
        .unwrap();
        pool.submit(ticket(1), make());
        let hash = BCRYPT.dummy();
        pool.submit(ticket(2), HashJob::Verify { credential: credential(1), hash });
        let done = collect(&mut pool, &woken, 2);
        assert_eq!(done, [(ticket(1), HashDone::Failed), (ticket(2), HashDone::Verified(true))]);
    }
}
