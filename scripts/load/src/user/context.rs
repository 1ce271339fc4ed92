//! What all virtual users share while they act.

use std::time::{Duration, Instant};

use correio_proto::mail::Username;

use crate::{ledger::Ledger, results::Recorder, scenario::Group};

/// A random number generator with a seed.
pub type Rng = fastrand::Rng;

/// State shared by all virtual users.
pub struct UserContext<'a> {
    /// When the load started.
    pub started: Instant,
    /// Time since then, from before the connection was driven.
    pub now: Duration,
    /// The groups of the scenario.
    pub groups: &'a [Group],
    /// Registered usernames by group: the possible recipients.
    pub usernames: &'a mut Vec<Vec<Username>>,
    /// For each group, the share of a large mail that is due: the next mail is large from 1 on.
    pub large_due: &'a mut [f64],
    /// Counts the mails.
    pub ledger: &'a mut Ledger,
    /// Records the latencies.
    pub recorder: &'a mut Recorder,
    /// Makes the random choices.
    pub rng: &'a mut Rng,
    /// The present phase.
    pub phase: Phase,
}

impl UserContext<'_> {
    /// Time since the start of the load, no earlier than any answer that was read so far.
    pub(super) fn read_by(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The phase of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All users follow the scenario.
    Acting,
    /// Nothing new begins; open requests are finished.
    Settling,
    /// Every mailbox is emptied.
    Draining,
}
