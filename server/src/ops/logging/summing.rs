//! The log before its sinks: writes a line, or counts it where one address causes too many.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use log::{Log, Metadata, Record};

use super::repeats::{Fate, Repeats, Sum};
use crate::event::{Event, TARGET};

/// The log before its sinks, where repeated lines are summed up.
pub(super) struct Summed {
    pub(super) summing: Arc<Summing>,
    /// Whether lines are summed up at all.
    pub(super) is_summed: bool,
}

impl Log for Summed {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.summing.sinks.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.is_summed || self.summing.is_written(record) {
            self.summing.sinks.log(record);
        }
    }

    fn flush(&self) {
        self.summing.sinks.flush();
    }
}

/// The sinks, and what was not written to them.
pub(super) struct Summing {
    sinks: Box<dyn Log>,
    repeats: Mutex<Repeats>,
    started: Instant,
}

impl fmt::Debug for Summing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summing").field("repeats", &self.repeats).finish_non_exhaustive()
    }
}

impl Summing {
    pub(super) fn new(sinks: Box<dyn Log>) -> Self {
        Self { sinks, repeats: Mutex::default(), started: Instant::now() }
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        // A panic elsewhere leaves the numbers as they are.
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_written(&self, record: &Record<'_>) -> bool {
        let now = self.started.elapsed();
        let mut repeats = self.repeats();
        let due = repeats.due(now);
        let fate = repeats.judge(now, &record.args().to_string());
        drop(repeats);
        self.write(due);
        fate == Fate::Written
    }

    /// Writes the numbers that were not due yet.
    pub(super) fn finish(&self) {
        let all = self.repeats().all();
        self.write(all);
    }

    fn write(&self, sums: Vec<Sum>) {
        for sum in sums {
            let Sum { event, address, count } = sum;
            let event = Event::LogRepeated { event, address: &address, count };
            let mut record = Record::builder();
            record.target(TARGET).level(event.level());
            self.sinks.log(&record.args(format_args!("{event}")).build());
        }
    }
}
