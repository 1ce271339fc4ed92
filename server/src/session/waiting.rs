//! The job that a session waits for. Sessions of all protocols have at most one.

use crate::{
    ids::{ConnId, Ticket},
    session::job::{Job, QueueName},
};

/// The job that a session waits for, with the continuation `P`, and the serial numbers of its jobs.
#[derive(Debug)]
pub(crate) struct Waiting<P> {
    /// Counts the session's jobs.
    serial: u64,
    present: Option<Present<P>>,
}

#[derive(Debug)]
struct Present<P> {
    queue: QueueName,
    pending: P,
}

impl<P> Default for Waiting<P> {
    fn default() -> Self {
        Self { serial: 0, present: None }
    }
}

impl<P> Waiting<P> {
    /// Begins to wait for a job, and returns the ticket to submit it under.
    #[must_use]
    pub(crate) fn wait(&mut self, connection: ConnId, job: &Job, pending: P) -> Ticket {
        self.serial += 1;
        let queue = match job {
            Job::Hash(_) => QueueName::Hash,
            Job::Store(_) => QueueName::Store,
        };
        self.present = Some(Present { queue, pending });
        Ticket { connection, serial: self.serial }
    }

    /// Ends the waiting, and returns the continuation. `None` if the session does not wait for the
    /// job of this ticket.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<P> {
        let serial = self.serial;
        let present = self.present.take_if(|_| serial == ticket.serial)?;
        Some(present.pending)
    }

    /// Ends the waiting: the job was not submitted.
    pub(crate) fn give_up(&mut self) {
        self.present = None;
    }

    /// The ticket of the job.
    #[must_use]
    pub(crate) fn ticket(&self, connection: ConnId) -> Option<Ticket> {
        self.present.as_ref().map(|_| Ticket { connection, serial: self.serial })
    }

    /// Whether the job is the store's. Store jobs cannot be cancelled.
    #[must_use]
    pub(crate) fn is_storing(&self) -> bool {
        self.present.as_ref().is_some_and(|present| present.queue == QueueName::Store)
    }
}
