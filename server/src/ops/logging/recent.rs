//! Keeps the last lines of the log in memory, for the status page.

use std::sync::Arc;

use log::{Log, Metadata, Record};

use super::style::Members;
use crate::event::recent::RecentEvents;

/// A part of the log that keeps its last lines.
#[derive(Debug)]
pub(super) struct RecentLog(pub(super) Arc<RecentEvents>);

impl Log for RecentLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let time = jiff::Timestamp::now();
        self.0.add(format_args!("{time:.3}"), record.level(), Members(record));
    }

    fn flush(&self) {}
}
