//! What the store's thread reports of itself to the loop: measurements, and whether it takes mail.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::metrics::StoreCounts;

/// Why new mails and accounts are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// There is too little room.
    DiskFull,
    /// The memtable cannot be flushed.
    Overdue,
}

impl Stopped {
    /// The reason, for the log and for the operator.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk is almost full",
            Self::Overdue => "too many mails wait for the index, which could not be written",
        }
    }
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Measurements.
    pub(super) counts: StoreCounts,
    /// [`Stopped`] as a number; 0 while mail is taken.
    stopped: AtomicU8,
    /// Whether the loop has ever asked for the report.
    watched: AtomicBool,
}

impl Report {
    /// Records whether new mails and accounts are refused.
    pub(super) fn set_stopped(&self, stopped: Option<Stopped>) {
        let number = match stopped {
            None => 0,
            Some(Stopped::DiskFull) => 1,
            Some(Stopped::Overdue) => 2,
        };
        self.stopped.store(number, Ordering::Relaxed);
    }

    /// Why new mails and accounts are refused, if they are.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        match self.stopped.load(Ordering::Relaxed) {
            1 => Some(Stopped::DiskFull),
            2 => Some(Stopped::Overdue),
            _ => None,
        }
    }

    /// Records that the loop asks for the report. Returns whether it does for the first time.
    pub(super) fn watch(&self) -> bool {
        !self.watched.swap(true, Ordering::Relaxed)
    }

    /// Whether the loop has ever asked for the report: then the census is worth its work.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }
}
