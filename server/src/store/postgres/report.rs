//! What the threads of the store report of themselves to the loop: measurements, and whether the
//! database answers; and the log's two lines about a loss of the database.
//!
//! Each connection notices a loss by itself, and at its own time: one that was idle, only with its
//! next job, when the database may long be back. A failure alone is therefore no loss for the log,
//! since the connection may have been an old one; a second one in a row is. All connections share
//! one line for the loss, and one for its end, once each of those that have failed twice works.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crate::{clock::Clock, event::Event, metrics::StoreCounts, mutex::lock};

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Measurements.
    pub(super) counts: StoreCounts,
    /// Threads that wait for the database.
    waiting: AtomicUsize,
    loss: Mutex<Loss>,
}

/// What the log was told.
#[derive(Debug, Default)]
struct Loss {
    /// Threads that have failed twice in a row.
    threads: usize,
    /// Runs from the first failure of the thread that came first.
    began: Option<Clock>,
    /// Runs from the end of the last loss.
    ended: Option<Clock>,
}

impl Report {
    /// Whether a thread waits for the database.
    pub(super) fn outage(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Records that a thread has lost its connection, for this reason, until the guard is gone.
    pub(super) fn lost(&self, text: Arc<str>) -> Lost<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Lost { report: self, text, began: Clock::start(), stage: Stage::Once }
    }
}

/// How often a thread has failed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Once,
    Repeatedly,
}

/// A thread without the database. Dropped without [`Lost::end`], it ends with the store: the log
/// is not told that the database is back.
#[derive(Debug)]
pub(super) struct Lost<'a> {
    report: &'a Report,
    /// Why the first attempt has failed.
    text: Arc<str>,
    began: Clock,
    stage: Stage,
}

impl Lost<'_> {
    /// Records that another attempt has failed, which began when `attempt` did. One that began
    /// before the last loss ended shows nothing new.
    pub(super) fn again(&mut self, attempt: &Clock) {
        let mut loss = lock(&self.report.loss);
        let is_late = loss.ended.as_ref().is_some_and(|end| attempt.uptime() >= end.uptime());
        if self.stage == Stage::Repeatedly || is_late {
            return;
        }
        self.stage = Stage::Repeatedly;
        loss.threads += 1;
        if loss.threads == 1 {
            loss.began = Some(std::mem::replace(&mut self.began, Clock::start()));
            Event::DatabaseLost { text: &self.text }.log();
        }
    }

    /// Records that the thread has the database again.
    pub(super) fn end(mut self) {
        let mut loss = lock(&self.report.loss);
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

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Repeatedly {
            lock(&self.report.loss).threads -= 1;
        }
        self.report.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
