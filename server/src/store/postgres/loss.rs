//! Logs a loss of the database once, and its end once, for all threads of the store.
//!
//! Each connection notices a loss at its own time: an idle one only with its next job, perhaps
//! after the database is back. A single failure is therefore not logged, because the connection may
//! have been an old one; a second failure in a row is. The loss ends when every thread that failed
//! twice works again.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crate::{clock::Clock, event::Event, mutex::lock};

/// Losses as the log tells them, for all threads of the store. See the module's description.
#[derive(Debug, Default)]
pub(super) struct LossLog {
    /// Threads that wait for the database.
    waiting: AtomicUsize,
    loss: Mutex<Loss>,
}

/// What the log was told.
#[derive(Debug, Default)]
struct Loss {
    /// Threads that have failed twice in a row.
    threads: usize,
    /// Runs from the first failure of the thread that was first to fail twice.
    began: Option<Clock>,
    /// Runs from the end of the last loss.
    ended: Option<Clock>,
}

impl LossLog {
    /// Whether a thread waits for the database.
    pub(super) fn has_outage(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Records that an attempt of a thread failed that started when `attempt` did.
    pub(super) fn failed<'a>(
        &'a self,
        outage: &mut Option<Outage<'a>>,
        text: &str,
        attempt: &Clock,
    ) {
        match outage {
            None => *outage = Some(self.begin()),
            Some(outage) => outage.failed_again(text, attempt),
        }
    }

    /// Records that the thread has the database again, if it had lost it.
    pub(super) fn works(outage: &mut Option<Outage<'_>>) {
        if let Some(outage) = outage.take() {
            outage.end();
        }
    }

    fn begin(&self) -> Outage<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Outage { log: self, began: Clock::start(), stage: Stage::Once }
    }
}

/// How often a thread has failed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Once,
    Repeatedly,
}

/// A thread without the database. If it is dropped without [`Outage::end`], the store is closing,
/// and the log does not say that the database is back.
#[derive(Debug)]
pub(super) struct Outage<'a> {
    log: &'a LossLog,
    /// Runs from the first failure.
    began: Clock,
    stage: Stage,
}

impl Outage<'_> {
    /// Records that another attempt has failed. Its error says more than the first one, which may
    /// be about the old connection alone. One that started before the last loss ended shows
    /// nothing new.
    fn failed_again(&mut self, text: &str, attempt: &Clock) {
        let mut loss = lock(&self.log.loss);
        let is_late = loss.ended.as_ref().is_some_and(|end| attempt.uptime() >= end.uptime());
        if self.stage == Stage::Repeatedly || is_late {
            return;
        }
        self.stage = Stage::Repeatedly;
        loss.threads += 1;
        if loss.threads == 1 {
            loss.began = Some(std::mem::replace(&mut self.began, Clock::start()));
            Event::DatabaseLost { text }.log();
        }
    }

    /// Records that the thread has the database again.
    fn end(mut self) {
        let mut loss = lock(&self.log.loss);
        // `drop` must not count this thread again.
        if std::mem::replace(&mut self.stage, Stage::Once) == Stage::Once {
            return;
        }
        loss.threads -= 1;
        if loss.threads == 0 {
            let seconds = loss.began.take().map_or(0, |began| began.uptime().as_secs());
            loss.ended = Some(Clock::start());
            Event::DatabaseBack { seconds }.log();
        }
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Repeatedly {
            lock(&self.log.loss).threads -= 1;
        }
        self.log.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
