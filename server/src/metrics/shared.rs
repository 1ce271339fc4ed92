//! Counts and values of other threads than the loop's, in atomics that the loop reads.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::histogram::{Scale, SharedHistogram};

/// A number that may be unknown.
#[derive(Debug)]
pub(crate) struct Number(AtomicU64);

impl Default for Number {
    fn default() -> Self {
        Self(AtomicU64::new(Self::UNKNOWN))
    }
}

impl Number {
    const UNKNOWN: u64 = u64::MAX;

    /// Sets the number; `None` means that it is unknown.
    pub(crate) fn set(&self, value: Option<u64>) {
        self.0.store(value.unwrap_or(Self::UNKNOWN), Ordering::Relaxed);
    }

    /// The number, if it is known.
    pub(crate) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|value| *value != Self::UNKNOWN)
    }
}

/// The counts of the store's thread.
#[derive(Debug)]
pub struct StoreCounts {
    /// Time of a commit.
    pub(crate) commit: SharedHistogram,
    /// Jobs of a transaction.
    pub(crate) group: SharedHistogram,
    /// Accounts, as of the last count.
    pub(crate) accounts: Number,
    /// Mails of all mailboxes, as of the last count.
    pub(crate) mails: Number,
    /// Bytes of uploads whose mails were not sent yet.
    pub(crate) upload_bytes: Number,
    /// Bytes that were cut off the database's file.
    pub(crate) given_back_bytes: Number,
}

impl Default for StoreCounts {
    fn default() -> Self {
        Self {
            commit: SharedHistogram::new(Scale::Time),
            group: SharedHistogram::new(Scale::Number),
            accounts: Number::default(),
            mails: Number::default(),
            upload_bytes: Number::default(),
            given_back_bytes: Number::default(),
        }
    }
}

/// Values that a thread of its own reads every few seconds, since the disk may make it wait.
#[derive(Debug, Default)]
pub struct Sample {
    /// When the values were read, in milliseconds of the server's uptime.
    read_at: Number,
    /// Processor time in milliseconds.
    pub(crate) cpu_millis: Number,
    /// Open file descriptors.
    pub(crate) open_fds: Number,
    /// Most open file descriptors.
    pub(crate) max_fds: Number,
    /// Virtual memory in bytes.
    pub(crate) virtual_bytes: Number,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: Number,
    /// Start of the process, in milliseconds since 1970.
    pub(crate) started_millis: Number,
    /// Size of the database in bytes.
    pub(crate) database_bytes: Number,
    /// Size of the database's write-ahead log in bytes.
    pub(crate) wal_bytes: Number,
    /// Free bytes of the data directory's file system.
    pub(crate) disk_free_bytes: Number,
    /// Lost lines of the log.
    pub(crate) log_dropped: Number,
}

impl Sample {
    /// Records that all values were read at this uptime.
    pub(crate) fn taken(&self, uptime: Duration) {
        self.read_at.set(u64::try_from(uptime.as_millis()).ok());
    }

    /// Time since all values were read; `None` if they never were.
    pub(crate) fn age(&self, uptime: Duration) -> Option<Duration> {
        self.read_at.get().map(|at| uptime.saturating_sub(Duration::from_millis(at)))
    }
}
