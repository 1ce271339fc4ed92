//! The results of jobs: delivers them to their connections, and submits the server's own jobs.

use super::{Server, connection::Transport, upkeep::Upkeep};
use crate::{
    auth::hashing::HashDone,
    clock::Now,
    ids::Ticket,
    session::Done,
    store::{StoreDone, StoreFailed, StoreJob, Submitted},
};

impl<T: Transport> Server<T> {
    /// Delivers the results that store and hasher have.
    pub(super) fn deliver_done(&mut self, now: Now) -> Result<(), StoreFailed> {
        let mut stored: Vec<(Ticket, StoreDone)> = Vec::new();
        self.store.collect(&mut stored)?;
        for (ticket, done) in stored {
            match Upkeep::is_own(ticket) {
                true => self.kept_up(now, ticket, Some(&done)),
                false => self.complete(now, ticket, Done::Store(done)),
            }
        }
        // After the results: a session that logged in by an older one must hear of its end.
        self.hear_news(now);
        let mut hashed: Vec<(Ticket, HashDone)> = Vec::new();
        self.hasher.collect(&mut hashed);
        for (ticket, done) in hashed {
            self.complete(now, ticket, Done::Hash(done));
        }
        Ok(())
    }

    /// Delivers a job's result to its connection; drops it if the connection was removed.
    fn complete(&mut self, now: Now, ticket: Ticket, done: Done) {
        let id = ticket.connection;
        self.with(id, now, |entry, context| {
            entry.connection.complete(context, ticket, done);
        });
        self.make_ready(id);
        // A session that has just logged in must get the notices of the results after this one.
        self.apply_effects(now);
    }

    /// Submits the server's own jobs that are due.
    pub(super) fn keep_up(&mut self, now: Now) {
        for (ticket, job) in self.upkeep.due(now, || self.registry.accounts()) {
            self.submit_own(now, ticket, job);
        }
    }

    /// Submits one of the server's own jobs.
    pub(super) fn submit_own(&mut self, now: Now, ticket: Ticket, job: StoreJob) {
        match self.store.submit(ticket, job) {
            Submitted::Done(done) => self.kept_up(now, ticket, Some(&done)),
            Submitted::Queued => {}
            Submitted::Full => self.kept_up(now, ticket, None),
        }
    }

    /// Takes the result of one of the server's own jobs; `None` if the queue was full.
    pub(super) fn kept_up(&mut self, now: Now, ticket: Ticket, done: Option<&StoreDone>) {
        self.effects.extend(self.upkeep.done(now, ticket, done));
        self.apply_effects(now);
    }
}
