//! The simulated time: integer ticks of a millisecond, and a wall clock that may jump.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::mail::Timestamp;

/// Wall-clock time at the first tick, in milliseconds since 1970.
const EPOCH: u64 = 1_790_000_000_000;

/// A second, in ticks.
pub(crate) const SECOND: u64 = 1000;

/// One clock for the whole simulation; clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Rc<Cell<Moment>>);

#[derive(Clone, Copy, Debug)]
struct Moment {
    tick: u64,
    wall: u64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Rc::new(Cell::new(Moment { tick: 0, wall: EPOCH })))
    }

    pub(crate) fn tick(&self) -> u64 {
        self.0.get().tick
    }

    /// Wall-clock time.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp(self.0.get().wall)
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.tick())
    }

    /// Advances to a later tick.
    pub(crate) fn advance_to(&self, tick: u64) {
        let mut moment = self.0.get();
        let passed = tick.saturating_sub(moment.tick);
        moment.tick += passed;
        moment.wall += passed;
        self.0.set(moment);
    }

    /// Moves the wall clock; ticks are not affected.
    pub(crate) fn jump(&self, milliseconds: i64) {
        let mut moment = self.0.get();
        moment.wall = moment.wall.saturating_add_signed(milliseconds).max(1);
        self.0.set(moment);
    }
}

/// The first tick at or after a moment.
pub(crate) fn tick_of(moment: Duration) -> u64 {
    u64::try_from(moment.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
