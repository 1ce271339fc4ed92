//! The two queues of the store thread, for small jobs and for large ones.
//!
//! A job that fits into a group waits in the queue of small jobs, which are made durable together.
//! A large job, a mail to many recipients that takes a transaction for itself, waits in the queue
//! of large jobs. It is accepted however full the other queue is, since that is never empty on a
//! busy server. It runs once all jobs that came before it are done. If small jobs waited for it,
//! they then have the thread for twice as long as the large job took: large jobs take at most a
//! third of the time, and no job waits for two of them.

use std::{collections::VecDeque, time::Duration};

use correio_proto::message::ListChange;

use super::{contents, options::SqliteOptions};
use crate::{
    ids::{AccountId, Ticket},
    store::{StoreJob, gateway::GatewayJob},
};

/// Bytes, as [`size`] counts them, after which a transaction takes no further job. A larger mail
/// has a transaction for itself.
pub(super) const GROUP_BYTES_MAX: u64 = 8 << 20;

/// Large jobs that may wait. Each may take a second, and a stopping server does them all.
const LARGE_MAX: usize = 4;

/// After a large job, waiting small jobs have the thread for this many times as long.
const REST: u32 = 2;

/// Longest time that a large job waits for that reason.
const REST_MAX: Duration = Duration::from_secs(5);

/// Bytes of a member's row, with its entry in the index, about.
const MEMBER_BYTES: u64 = 64;

/// A waiting job.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    job: StoreJob,
    /// Position in the order of arrival, over both queues.
    number: u64,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Jobs that fit into a group.
    small: VecDeque<Waiting>,
    /// Bytes of the small jobs, as [`size`] counts them.
    small_bytes: u64,
    /// Large jobs, and later jobs of their connections.
    large: VecDeque<Waiting>,
    /// `number` of the last job.
    number: u64,
    /// Uptime until which no large job runs.
    resting: Option<Duration>,
}

impl Queue {
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of jobs.
    pub(super) fn len(&self) -> usize {
        self.small.len() + self.large.len()
    }

    /// Appends a job. Returns false if there is no room for it.
    pub(super) fn push(&mut self, ticket: Ticket, job: StoreJob, options: SqliteOptions) -> bool {
        if self.len() >= options.queue_jobs {
            return false;
        }
        let bytes = size(&job);
        if bytes > GROUP_BYTES_MAX.min(options.queue_bytes) {
            return self.push_large(ticket, job);
        }
        // A job without bytes needs no room among the bytes.
        let is_full = bytes > 0 && self.small_bytes.saturating_add(bytes) > options.queue_bytes;
        if is_full {
            return false;
        }
        self.number += 1;
        let connection = ticket.connection;
        let waiting = Waiting { ticket, job, number: self.number };
        // Jobs of one connection are done in order.
        if self.large.iter().any(|waiting| waiting.ticket.connection == connection) {
            self.large.push_back(waiting);
        } else {
            self.small_bytes += bytes;
            self.small.push_back(waiting);
        }
        true
    }

    /// Appends a large job. Each sender may have one, so that there is room for other senders'.
    fn push_large(&mut self, ticket: Ticket, job: StoreJob) -> bool {
        let is_theirs = |waiting: &Waiting| sender(&waiting.job) == sender(&job);
        if self.large.len() >= LARGE_MAX || self.large.iter().any(is_theirs) {
            return false;
        }
        self.number += 1;
        self.large.push_back(Waiting { ticket, job, number: self.number });
        true
    }

    /// Removes the large job that may run now, as a group for itself.
    pub(super) fn pop_large(&mut self, now: Duration) -> Option<(Ticket, StoreJob)> {
        if self.rest(now).is_some() {
            return None;
        }
        let before = self.small.front().map_or(u64::MAX, |small| small.number);
        let Waiting { ticket, job, .. } = self.large.pop_front_if(|large| large.number < before)?;
        Some((ticket, job))
    }

    /// Time until the next large job may run; `None` if it need not wait, or there is none.
    pub(super) fn rest(&self, now: Duration) -> Option<Duration> {
        let left = self.resting.filter(|_| !self.large.is_empty())?.checked_sub(now)?;
        Some(left).filter(|left| !left.is_zero())
    }

    /// Records that a large job, which began at `begun`, is done.
    pub(super) fn large_done(&mut self, begun: Duration, now: Duration) {
        let took = now.saturating_sub(begun);
        let rest = took.saturating_mul(REST).clamp(Duration::from_millis(1), REST_MAX);
        self.resting = (!self.small.is_empty()).then(|| now + rest);
    }

    /// Ends the wait of large jobs, since no further job comes.
    pub(super) fn end_rest(&mut self) {
        self.resting = None;
    }

    /// Removes the next job that fits into a group.
    pub(super) fn pop_small(&mut self) -> Option<(Ticket, StoreJob)> {
        let Waiting { ticket, job, .. } = self.small.pop_front()?;
        self.small_bytes = self.small_bytes.saturating_sub(size(&job));
        Some((ticket, job))
    }
}

/// Bytes that a job counts for in a group: about as many as it writes.
pub(super) fn size(job: &StoreJob) -> u64 {
    match job {
        // The members of lists are not known here.
        StoreJob::Send { mail, .. } => contents::written_bytes(mail, mail.to.as_slice().len()),
        StoreJob::ChangeList { change: ListChange::Add { members, .. }, .. } => {
            members.as_slice().len() as u64 * MEMBER_BYTES
        }
        StoreJob::Upload { bytes, .. } | StoreJob::Gateway(GatewayJob::Stage { bytes, .. }) => {
            bytes.as_bytes().len() as u64
        }
        _ => 0,
    }
}

fn sender(job: &StoreJob) -> Option<AccountId> {
    match job {
        StoreJob::Send { sender, .. } => Some(*sender),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use correio_proto::mail::{Content, LargeContent, Sha256, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::ConnId,
        store::{CreateStore, NewMailRecord, ToLists, UploadLimits},
    };

    /// Bytes of a small mail, which has one recipient.
    const SMALL: usize = 10;

    /// Bytes of a mail that is large with [`OPTIONS`].
    const LARGE: usize = 200;

    const START: Duration = Duration::from_secs(100);

    const MAIL_ID: [u8; 16] = [0x77, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];

    const OPTIONS: SqliteOptions = SqliteOptions {
        queue_jobs: 1000,
        queue_bytes: 100,
        memtable_mails: 8192,
        uploads: UploadLimits { uploads: 4, account_bytes: 100, bytes: 100, content: 50 },
        create: CreateStore::Auto,
    };

    fn send(sender: i64, bytes: usize) -> StoreJob {
        let mail = NewMailRecord::new(
            MAIL_ID.try_into().unwrap(),
            "tony".parse().unwrap(),
            "x".parse().unwrap(),
            "x".repeat(bytes - 1).parse().unwrap(),
        );
        let (sender, to_lists) = (AccountId(sender), ToLists::Allowed);
        StoreJob::Send { sender, mail: Arc::new(mail), to_lists, now: Timestamp(1) }
    }

    fn ticket(connection: u32, serial: u64) -> Ticket {
        Ticket { connection: ConnId { index: connection, generation: 0 }, serial }
    }

    /// Appends a job of this connection and of the account with the same number.
    fn push(queue: &mut Queue, connection: u32, serial: u64, bytes: usize) -> bool {
        queue.push(ticket(connection, serial), send(connection.into(), bytes), OPTIONS)
    }

    /// Takes a group as the store thread does: a large job, or all small ones.
    fn turn(queue: &mut Queue, now: Duration) -> Vec<Ticket> {
        match queue.pop_large(now) {
            Some((ticket, _)) => vec![ticket],
            None => std::iter::from_fn(|| queue.pop_small()).map(|(ticket, _)| ticket).collect(),
        }
    }

    #[test]
    fn a_large_job_is_taken_in_however_full_the_queue_is() {
        let (mut queue, now) = (Queue::default(), START);
        for serial in 0..10 {
            assert!(push(&mut queue, 1, serial, SMALL));
        }
        assert!(!push(&mut queue, 1, 10, SMALL));
        assert!(push(&mut queue, 2, 11, LARGE));
        // The large job runs after the jobs before it, and before later jobs.
        assert_eq!(turn(&mut queue, now).len(), 10);
        assert!(push(&mut queue, 1, 12, SMALL));
        assert_eq!(turn(&mut queue, now), [ticket(2, 11)]);
        assert_eq!(turn(&mut queue, now), [ticket(1, 12)]);
        assert!(queue.is_empty() && queue.small_bytes == 0);
    }

    #[test]
    fn of_several_large_jobs_the_others_wait_for_one_at_a_time() {
        let (mut queue, start) = (Queue::default(), START);
        for connection in 1..4 {
            assert!(push(&mut queue, connection, 1, LARGE));
        }
        let mut now = start;
        for round in 1..4 {
            assert_eq!(turn(&mut queue, now), [ticket(round, 1)]);
            assert!(push(&mut queue, 9, u64::from(round), SMALL));
            let begun = now;
            now += Duration::from_millis(500);
            queue.large_done(begun, now);
            assert_eq!(turn(&mut queue, now), [ticket(9, u64::from(round))]);
            // For twice as long as it took, no small job waits for the next large one.
            let left = (round < 3).then_some(Duration::from_secs(1));
            assert_eq!(queue.rest(now), left);
            assert_eq!(turn(&mut queue, now), []);
            now += Duration::from_secs(1);
        }
        assert!(queue.is_empty());
        // While no small job waits, large jobs follow each other.
        for connection in 1..4 {
            assert!(push(&mut queue, connection, 2, LARGE));
        }
        for connection in 1..4 {
            assert_eq!(turn(&mut queue, now), [ticket(connection, 2)]);
            queue.large_done(now - Duration::from_secs(1), now);
        }
    }

    #[test]
    fn large_jobs_are_bounded_together_and_of_one_sender() {
        let mut queue = Queue::default();
        let taken = (0..10).filter(|serial| push(&mut queue, 1, *serial, LARGE)).count();
        assert_eq!(taken, 1);
        let taken = (2..100).filter(|sender| push(&mut queue, *sender, 0, LARGE)).count();
        assert_eq!(taken, LARGE_MAX - 1);
        // Small jobs are still accepted, and jobs without bytes need no room.
        assert!(push(&mut queue, 200, 1, SMALL));
        let find = StoreJob::FindAccount { username: "tony".parse().unwrap() };
        assert!(queue.push(ticket(201, 1), find, OPTIONS));
    }

    /// A mail that is kept once counts once, and a piece counts, so that the bytes of a group and
    /// of the queue are bounded.
    #[test]
    fn jobs_count_for_what_they_write() {
        let mail = |to: &str, content: Content| StoreJob::Send {
            sender: AccountId(1),
            mail: Arc::new(NewMailRecord::new(
                MAIL_ID.try_into().unwrap(),
                to.parse().unwrap(),
                "s".parse().unwrap(),
                content,
            )),
            to_lists: ToLists::Allowed,
            now: Timestamp(0),
        };
        let text = |bytes: usize| Content::Body("x".repeat(bytes).parse().unwrap());
        let names: Vec<String> = (0..100).map(|number| format!("user{number}")).collect();
        let many = names.join(",");
        assert_eq!(size(&mail("tony", text(1 << 20))), (1 << 20) + 1);
        assert_eq!(size(&mail("tony,pepper", text(100))), 202);
        let message = |bytes: usize| Content::Message(vec![0; bytes][..].try_into().unwrap());
        assert_eq!(size(&mail("tony,pepper", message(100))), 202);
        for content in [text(1 << 20), message(1 << 20)] {
            let once = size(&mail(&many, content));
            assert!(((1 << 20)..(1 << 20) + 20_000).contains(&once), "{once}");
        }
        let size_of_content = (64_u64 << 20).try_into().unwrap();
        let large = LargeContent {
            kind: Default::default(),
            size: size_of_content,
            sha256: Sha256([0; 32]),
        };
        let facts = size(&mail("tony", Content::Large(large)));
        assert!(facts < 200, "{facts}");
        let piece = StoreJob::Upload {
            account: AccountId(1),
            id: MAIL_ID.try_into().unwrap(),
            size: size_of_content,
            offset: 0,
            bytes: vec![0; 1000].as_slice().try_into().unwrap(),
            now: Timestamp(0),
        };
        assert_eq!(size(&piece), 1000);
    }

    proptest! {
        #[test]
        fn every_job_has_its_turn(steps in prop::collection::vec((0u8..5, 0u32..5), 1..200)) {
            let (mut queue, mut now) = (Queue::default(), START);
            let (mut pushed, mut done) = (Vec::new(), Vec::new());
            let mut last_of: HashMap<ConnId, u64> = HashMap::new();
            let (mut serial, mut waited) = (0, false);
            // At the end no job comes any more, and as many groups as there may be jobs are enough.
            let end = std::iter::repeat_n((9, 0), 200);
            for (step, connection) in steps.into_iter().chain(end) {
                let bytes = if step < 2 { SMALL } else { LARGE };
                if step < 3 {
                    serial += 1;
                    pushed.extend(push(&mut queue, connection, serial, bytes).then_some(serial));
                    continue;
                }
                if step == 9 {
                    queue.end_rest();
                }
                let small = queue.small.front().map(|it| it.ticket.serial);
                let large = queue.large.front().map(|it| it.ticket.serial);
                let turn = turn(&mut queue, now);
                let is_large = large.is_some() && turn.first().map(|it| it.serial) == large;
                // A large job overtakes no small one, and no small job waits for two large ones.
                prop_assert!(!is_large || small.is_none_or(|small| large < Some(small)));
                prop_assert!(step == 9 || !(is_large && waited && small.is_some()));
                if is_large {
                    now += Duration::from_millis(10);
                    queue.large_done(now - Duration::from_millis(10), now);
                }
                waited = is_large && !queue.small.is_empty();
                now += Duration::from_millis(u64::from(connection));
                for Ticket { connection, serial } in turn {
                    prop_assert!(last_of.insert(connection, serial).is_none_or(|it| it < serial));
                    done.push(serial);
                }
            }
            done.sort_unstable();
            prop_assert_eq!(done, pushed);
            prop_assert!(queue.is_empty() && queue.small_bytes == 0);
        }
    }
}
