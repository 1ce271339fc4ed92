//! The bar that a user sees while a large content travels.

use std::io::{self, IsTerminal};

use correio_client::ContentProgress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of a command, on standard error if that is a terminal. It appears with the first piece of
/// a content, and is removed when it is dropped.
pub(crate) struct TransferBar {
    doing: String,
    bar: ProgressBar,
}

impl TransferBar {
    /// A bar with a description of the action.
    pub(crate) fn on_stderr(doing: String) -> Self {
        Self { doing, bar: ProgressBar::hidden() }
    }

    /// Shows how much has travelled.
    pub(crate) fn show(&mut self, progress: ContentProgress) {
        if !io::stderr().is_terminal() {
            return;
        }
        if self.bar.is_hidden() {
            self.bar = ProgressBar::no_length().with_message(self.doing.clone());
        }
        show_content(&self.bar, progress);
    }

    /// Removes the bar until it is shown again.
    pub(crate) fn clear(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }
}

impl Drop for TransferBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows on a bar how much of a content has travelled.
pub(crate) fn show_content(bar: &ProgressBar, ContentProgress { done, size }: ContentProgress) {
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {msg} {bar:20} {bytes}/{total_bytes}")
    {
        bar.set_style(style);
    }
    bar.set_length(size);
    bar.set_position(done);
}
