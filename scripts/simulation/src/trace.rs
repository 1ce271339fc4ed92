//! The trace of a run, line by line, for readers and for comparing two runs of one seed.

use std::fmt::{Arguments, Write};

use crate::clock::Clock;

/// Most lines kept of a run; a longer run loses its first lines.
const LINES_MAX: usize = 200_000;

/// Records lines only if they are kept, so that runs of many seeds do not pay for them.
#[derive(Debug)]
pub(crate) struct Trace {
    clock: Clock,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(clock: Clock, is_kept: bool) -> Self {
        Self { clock, lines: is_kept.then(Vec::new) }
    }

    /// Records an action of `who`.
    pub(crate) fn note(&mut self, who: &str, what: Arguments<'_>) {
        let tick = self.clock.tick();
        let Some(lines) = &mut self.lines else {
            return;
        };
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = write!(line, "{:>6}.{:03}  {who:<10} {what}", tick / 1000, tick % 1000);
        if lines.len() >= LINES_MAX {
            lines.drain(..LINES_MAX / 2);
        }
        lines.push(line);
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
