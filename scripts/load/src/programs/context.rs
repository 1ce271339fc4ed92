//! The context of a mail program's thread: its plan, the phase of the load, and the channel to the
//! driver.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
        mpsc::Sender,
    },
    thread,
    time::{Duration, Instant},
};

use super::{event::ProgramEvent, plan::ProgramPlan};
use crate::user::{Phase, Rng};

/// Pause before a program connects again after a failure.
pub(super) const RETRY: Duration = Duration::from_millis(200);

/// Time after which a waiting program looks at the phase again.
const GLANCE: Duration = Duration::from_millis(20);

/// The phase of the load, which the threads read and the driver sets.
#[derive(Debug, Default)]
pub(super) struct SharedPhase(AtomicU8);

/// The context that a thread lends its program.
pub(super) struct ProgramContext {
    pub(super) plan: ProgramPlan,
    pub(super) events: Sender<ProgramEvent>,
    pub(super) phase: Arc<SharedPhase>,
    pub(super) rng: Rng,
    pub(super) started: Instant,
}

impl SharedPhase {
    /// The phase; `None` once the load is over.
    pub(super) fn get(&self) -> Option<Phase> {
        match self.0.load(Ordering::Acquire) {
            0 => Some(Phase::Acting),
            1 => Some(Phase::Settling),
            2 => Some(Phase::Draining),
            _ => None,
        }
    }

    /// Begins a phase for all threads; `None` ends the load.
    pub(super) fn enter(&self, phase: Option<Phase>) {
        let number = match phase {
            Some(Phase::Acting) => 0,
            Some(Phase::Settling) => 1,
            Some(Phase::Draining) => 2,
            None => 3,
        };
        self.0.store(number, Ordering::Release);
    }
}

impl ProgramContext {
    /// The phase; `None` once the load is over.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.phase.get()
    }

    pub(super) fn tell(&self, event: ProgramEvent) {
        // If the driver is gone, the load is over.
        let _ = self.events.send(event);
    }

    /// Waits for the think time of the scenario. Returns false once the load is over.
    pub(super) fn think(&mut self) -> bool {
        let (from, to) = self.plan.settings.think;
        let seconds = from + (to - from) * self.rng.f64();
        self.pause(Duration::from_secs_f64(seconds))
    }

    /// Waits, but not beyond the phase. Returns false once the load is over.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let (until, before) = (Instant::now() + time, self.phase());
        while Instant::now() < until && self.phase() == before {
            thread::park_timeout(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
        self.phase().is_some()
    }

    pub(super) fn wait_until(&self, arrival: Duration) -> bool {
        self.pause(arrival.saturating_sub(self.started.elapsed()))
    }
}
