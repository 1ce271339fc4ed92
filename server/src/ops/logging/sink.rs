//! A sink of the log: a bounded queue of lines, and the thread that writes them to a target.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use super::{
    error::LoggingError,
    style::Style,
    target::{Target, line},
};
use crate::{event::Event, mutex::lock};

/// Lines that may wait for one sink.
pub(super) const LINES_MAX: usize = 8192;

/// Bytes of lines that may wait for one sink.
const BYTES_MAX: usize = 4 << 20;

/// A bounded queue of lines and the thread that writes them.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    shared: Arc<Shared>,
    pub(super) style: Style,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) entries: VecDeque<Entry>,
    bytes: usize,
    /// Lines that were lost since the last report.
    pub(super) dropped: u64,
    /// Lines that were ever lost.
    lost: u64,
    /// Whether the thread writes entries that it has taken.
    writing: bool,
}

/// An entry in the queue of a sink's thread.
#[derive(Debug)]
pub(super) enum Entry {
    /// A line to be written.
    Line(String),
    /// The file is to be reopened; earlier lines go into the old one.
    Reopen,
}

impl Sink {
    pub(super) fn start(name: &str, target: Target, style: Style) -> Result<Self, LoggingError> {
        let shared = Arc::new(Shared::default());
        let sink = Self { shared: shared.clone(), style };
        // The thread is never joined: it may be blocked by its target for ever.
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || shared.serve(target, style)).map_err(LoggingError::Thread)?;
        Ok(sink)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue()
    }

    pub(super) fn push(&self, line: String) {
        let mut queue = self.queue();
        if queue.entries.len() >= LINES_MAX || queue.bytes + line.len() > BYTES_MAX {
            queue.dropped += 1;
            queue.lost += 1;
            return;
        }
        queue.bytes += line.len();
        drop(queue);
        self.put(Entry::Line(line));
    }

    pub(super) fn put(&self, entry: Entry) {
        self.queue().entries.push_back(entry);
        self.shared.changed.notify_all();
    }

    /// Lines that were ever lost.
    pub(super) fn lost(&self) -> u64 {
        self.queue().lost
    }

    pub(super) fn flush(&self, deadline: Instant) {
        let mut queue = self.queue();
        while !queue.entries.is_empty() || queue.writing {
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return;
            }
            queue = match self.shared.changed.wait_timeout(queue, patience) {
                Ok((queue, _)) => queue,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Runs a sink's thread.
    fn serve(&self, mut target: Target, style: Style) {
        let mut is_cut = false;
        loop {
            let (entries, dropped) = self.take();
            let mut lost = 0;
            let mut write = |target: &mut Target, text: &str, lines: u64| {
                if target.write(text, &mut is_cut).is_err() {
                    lost += lines;
                }
            };
            if target.is_deleted()
                && let Some(said) = target.reopen(style)
            {
                write(&mut target, &said, 0);
            }
            for entry in entries {
                match entry {
                    Entry::Line(text) => write(&mut target, &text, 1),
                    Entry::Reopen => {
                        if let Some(said) = target.reopen(style) {
                            write(&mut target, &said, 0);
                        }
                    }
                }
            }
            if dropped > 0 {
                let said = line(style, Event::LogDropped { count: dropped });
                write(&mut target, &said, dropped);
            }
            let mut queue = self.queue();
            queue.dropped += lost;
            queue.lost += lost;
            queue.writing = false;
            drop(queue);
            self.changed.notify_all();
        }
    }

    /// Waits for entries and takes them, with the number of lost lines. Lost lines are reported
    /// only together with the next entries: a target that fails would otherwise be retried without
    /// end.
    fn take(&self) -> (VecDeque<Entry>, u64) {
        let mut queue = self.queue();
        while queue.entries.is_empty() {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.writing = true;
        queue.bytes = 0;
        (std::mem::take(&mut queue.entries), std::mem::take(&mut queue.dropped))
    }
}
