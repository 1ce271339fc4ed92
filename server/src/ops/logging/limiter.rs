//! The process's logger: passes a line on to the sinks, or only counts it if one address causes too
//! many.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use log::{Log, Metadata, Record};

use super::rate_limit::{Decision, RateLimit, Sum};
use crate::{event::Event, mutex::lock};

/// The process's logger, which limits repeated lines.
pub(super) struct LimitedLog {
    pub(super) limiter: Arc<Limiter>,
    /// Whether lines are limited at all.
    pub(super) is_limited: bool,
}

impl Log for LimitedLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.limiter.sinks.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.is_limited || self.limiter.admit(record) {
            self.limiter.sinks.log(record);
        }
    }

    fn flush(&self) {
        self.limiter.sinks.flush();
    }
}

/// The sinks, and the counts of lines that were not written to them.
pub(super) struct Limiter {
    sinks: Box<dyn Log>,
    rate_limit: Mutex<RateLimit>,
    started: Instant,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("rate_limit", &self.rate_limit).finish_non_exhaustive()
    }
}

impl Limiter {
    pub(super) fn new(sinks: Box<dyn Log>) -> Self {
        Self { sinks, rate_limit: Mutex::default(), started: Instant::now() }
    }

    fn rate_limit(&self) -> MutexGuard<'_, RateLimit> {
        lock(&self.rate_limit)
    }

    /// Decides whether a line is written, and writes the sums that are due before it.
    fn admit(&self, record: &Record<'_>) -> bool {
        let now = self.started.elapsed();
        let mut rate_limit = self.rate_limit();
        let due = rate_limit.due(now);
        let decision = rate_limit.decide(now, &record.args().to_string());
        drop(rate_limit);
        self.write(due);
        decision == Decision::Write
    }

    /// Writes all sums when the log ends.
    pub(super) fn finish(&self) {
        let all = self.rate_limit().all();
        self.write(all);
    }

    fn write(&self, sums: Vec<Sum>) {
        for sum in sums {
            let Sum { event, address, count } = sum;
            Event::LogRepeated { name: event, address: &address, count }.log_to(&*self.sinks);
        }
    }
}
