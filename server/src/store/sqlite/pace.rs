//! Paces the upkeep that the store thread does in slices, so that jobs hardly wait for it.

use std::time::Duration;

use crate::clock::Clock;

/// Time from one slice to the next while jobs come.
const PAUSE: Duration = Duration::from_millis(8);

/// Time after the last group of jobs from which on none is expected soon.
const CALM: Duration = Duration::from_millis(100);

/// Whether jobs come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Idle,
    Busy,
}

/// When the next slice may run, and how large it may be.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    /// Uptime from which on jobs are not expected.
    calm_at: Duration,
    /// Uptime from which on the next slice may run while jobs come.
    next: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { clock: Clock::start(), calm_at: Duration::ZERO, next: Duration::ZERO }
    }

    /// Learns that a group of jobs was done.
    pub(super) fn group_done(&mut self) {
        self.calm_at = self.clock.uptime() + CALM;
    }

    /// Learns that a slice was done.
    pub(super) fn slice_done(&mut self) {
        self.next = self.clock.uptime() + PAUSE;
    }

    /// Whether jobs come.
    pub(super) fn load(&self) -> Load {
        if self.clock.uptime() < self.calm_at { Load::Busy } else { Load::Idle }
    }

    /// Time until the next slice may run.
    pub(super) fn wait(&self) -> Duration {
        self.next.min(self.calm_at).saturating_sub(self.clock.uptime())
    }
}
