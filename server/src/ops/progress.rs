//! The progress of long work, on a standard error that is a terminal.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// Interval at which a spinner moves.
const MOVES_EVERY: Duration = Duration::from_millis(100);

/// A line that shows how far a command is. Without a terminal no line is shown.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Progress on standard error.
    pub(super) fn new() -> Self {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        Self { bar }
    }

    /// Begins work of which the whole is known, in bytes.
    pub(super) fn begin_bytes(&self, doing: &str, total: u64) {
        self.begin(doing, "{msg} {bytes} of {total_bytes} {bar:30}");
        self.bar.set_length(total);
    }

    /// Begins work of which only the number of done things is known.
    pub(super) fn begin_count(&self, doing: &str) {
        self.begin(doing, "{spinner} {msg} {pos}");
        if !self.bar.is_hidden() {
            self.bar.enable_steady_tick(MOVES_EVERY);
        }
    }

    fn begin(&self, doing: &str, template: &str) {
        self.bar.reset();
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_message(doing.to_owned());
    }

    /// Shows how much is done.
    pub(super) fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// A function that does what [`Progress::set`] does.
    pub(super) fn setter(&self) -> impl Fn(u64) + Send + 'static {
        let bar = self.bar.clone();
        move |done| bar.set_position(done)
    }
}

impl Drop for Progress {
    /// Removes the line.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
