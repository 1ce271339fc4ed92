//! Paces the upkeep that the store thread does in slices, so that jobs hardly wait for it.

use std::time::Duration;

use crate::clock::Clock;

/// Time between two slices while jobs come.
const PAUSE: Duration = Duration::from_millis(8);

/// Time from a slice that failed to the next try.
const RETRY: Duration = Duration::from_secs(1);

/// How long after a group of jobs more are expected.
const CALM: Duration = Duration::from_millis(100);

/// Whether jobs come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// No jobs are expected soon.
    Idle,
    /// Jobs have come lately.
    Busy,
}

/// When the next slice of one kind may run, and how large it may be.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    /// Uptime until which more jobs are expected.
    busy_until: Duration,
    /// Uptime from which on the next slice may run while jobs come.
    next: Duration,
    /// Uptime from which on a slice may be tried again, jobs or not.
    retry: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::start(),
            busy_until: Duration::ZERO,
            next: Duration::ZERO,
            retry: Duration::ZERO,
        }
    }

    /// Learns that a group of jobs was done.
    pub(super) fn group_done(&mut self) {
        self.busy_until = self.clock.uptime() + CALM;
    }

    /// Learns that a slice was done.
    pub(super) fn slice_done(&mut self) {
        self.next = self.clock.uptime() + PAUSE;
    }

    /// Learns that a slice failed.
    pub(super) fn slice_failed(&mut self) {
        self.retry = self.clock.uptime() + RETRY;
    }

    /// Whether jobs come.
    pub(super) fn load(&self) -> Load {
        if self.clock.uptime() < self.busy_until { Load::Busy } else { Load::Idle }
    }

    /// Whether a slice may run now.
    pub(super) fn is_due(&self) -> bool {
        self.wait().is_zero()
    }

    /// Time until the next slice may run.
    pub(super) fn wait(&self) -> Duration {
        self.next.min(self.busy_until).max(self.retry).saturating_sub(self.clock.uptime())
    }
}
