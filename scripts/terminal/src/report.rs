//! Totals of a run.

use std::{fmt, time::Duration};

/// Totals of a run that found no failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Steps, each a deliberate action or a monkey test.
    pub steps: u64,
    /// Keys, sequences, pastes, signals and the like.
    pub actions: u64,
    /// Mails written.
    pub written: usize,
    /// Mails that the client reported as sent.
    pub sent: usize,
    /// Times that the client was started.
    pub starts: u64,
    /// Most processor time of all clients of one step.
    pub processor_time_max: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, actions, written, sent, starts, processor_time_max } = self;
        write!(
            f,
            "{steps} steps, {actions} actions, {written} mails written, {sent} sent, \
             {starts} starts of the client, at most {processor_time_max:?} of processor time a step"
        )
    }
}
