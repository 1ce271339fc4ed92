//! A server's own part of a store: its queue, its answers and its news.

use std::collections::VecDeque;

use correio_server::{
    ids::{ConnId, Ticket},
    store::{StoreDone, StoreJob, app_password::AppPasswordJob, gateway::GatewayJob, news::News},
};

/// What becomes of jobs that are done and not durable yet when their server loses the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenJobs {
    /// The jobs become durable, and no server learns it.
    Kept,
    /// The jobs are undone.
    Undone,
}

/// Lanes of a server, as a store in PostgreSQL has them. Here all jobs of a connection share one,
/// whatever they are.
pub const LANES: u32 = 4;

/// A lane whose answers are still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlowLane {
    pub(super) lane: u32,
    /// When its answers come.
    pub(super) until: u64,
}

impl SlowLane {
    fn has(self, ticket: Ticket) -> bool {
        ticket.connection.index % LANES == self.lane
    }
}

/// A job in a server's queue.
#[derive(Clone, Debug)]
pub(super) struct WaitingJob {
    pub(super) ticket: Ticket,
    pub(super) job: StoreJob,
    /// When the job is given up, once the connection to the store was cut.
    pub(super) waits_until: Option<u64>,
}

impl WaitingJob {
    pub(super) fn new(ticket: Ticket, job: StoreJob) -> Self {
        Self { ticket, job, waits_until: None }
    }
}

/// A job done on the pending half.
#[derive(Clone, Debug)]
pub(super) struct JobRun {
    pub(super) server: usize,
    /// `None` if nobody waits for the answer.
    pub(super) ticket: Option<Ticket>,
    pub(super) job: StoreJob,
    pub(super) answer: StoreDone,
}

impl JobRun {
    /// Whether the job may have changed something.
    pub(super) fn may_change(&self) -> bool {
        let is_read = matches!(
            self.job,
            StoreJob::FindAccount { .. }
                | StoreJob::Fetch { .. }
                | StoreJob::Read { .. }
                | StoreJob::Find { .. }
                | StoreJob::ListsOf { .. }
                | StoreJob::Members { .. }
                | StoreJob::Gateway(GatewayJob::FindRecipient { .. } | GatewayJob::Outline { .. })
                | StoreJob::AppPassword(AppPasswordJob::List { .. })
        );
        !is_read && !matches!(self.answer, StoreDone::Unavailable(_))
    }
}

/// A server's own part of the store.
#[derive(Debug, Default)]
pub(super) struct ServerJobs {
    pub(super) queue: VecDeque<WaitingJob>,
    /// Answers ready for collection.
    pub(super) done: Vec<(Ticket, StoreDone)>,
    pub(super) slow: Option<SlowLane>,
    /// Answers of the slow lane.
    pub(super) delayed: Vec<(Ticket, StoreDone)>,
    /// Answers that are handed out a second time, each with its time.
    pub(super) repeats: Vec<(u64, Ticket, StoreDone)>,
    /// Jobs submitted since they were taken last.
    pub(super) submitted: Vec<(Ticket, &'static str)>,
    /// News under way, each with the time at which it comes.
    pub(super) late: Vec<(u64, News)>,
    /// News that have come.
    pub(super) heard: Vec<News>,
    /// Whether the server cannot reach the store.
    pub(super) is_cut: bool,
}

impl ServerJobs {
    /// The oldest waiting job, if the store can be reached.
    pub(super) fn next_job(&mut self) -> Option<(Ticket, StoreJob)> {
        let next = if self.is_cut { None } else { self.queue.pop_front() };
        next.map(|waiting| (waiting.ticket, waiting.job))
    }

    /// Whether a waiting job or an answer is of this connection.
    pub(super) fn has(&self, id: ConnId) -> bool {
        let queued = self.queue.iter().map(|waiting| waiting.ticket);
        let answered = self.done.iter().chain(&self.delayed).map(|(ticket, _)| *ticket);
        queued.chain(answered).any(|ticket| ticket.connection == id)
    }

    /// Has a job's answer come, at once or with those of the slow lane.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: StoreDone) {
        let is_slow = self.slow.is_some_and(|slow| slow.has(ticket));
        let answers = if is_slow { &mut self.delayed } else { &mut self.done };
        answers.push((ticket, answer));
    }

    /// Ends the delay of the slow lane.
    pub(super) fn speed_up(&mut self) {
        self.slow = None;
        self.done.append(&mut self.delayed);
    }

    pub(super) fn has_heard(&self) -> bool {
        !self.heard.is_empty()
    }

    pub(super) fn hear(&mut self, news: &mut Vec<News>) {
        news.append(&mut self.heard);
    }
}
