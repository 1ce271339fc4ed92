//! The time: integer ticks of a millisecond, and a calendar that may jump.

use std::{cell::Cell, rc::Rc, time::Duration};

use correio_proto::mail::Timestamp;

/// What the calendar says at the first tick, in milliseconds since 1970.
const EPOCH: u64 = 1_790_000_000_000;

/// A second, in ticks.
pub(crate) const SECOND: u64 = 1000;

/// One clock for all; clones are the same clock.
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

    /// What a calendar says.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp(self.0.get().wall)
    }

    /// As the time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.tick())
    }

    /// Goes on to a later tick.
    pub(crate) fn advance_to(&self, tick: u64) {
        let mut moment = self.0.get();
        let passed = tick.saturating_sub(moment.tick);
        moment.tick += passed;
        moment.wall += passed;
        self.0.set(moment);
    }

    /// Puts the calendar to another time; ticks go on.
    pub(crate) fn jump(&self, milliseconds: i64) {
        let mut moment = self.0.get();
        moment.wall = moment.wall.saturating_add_signed(milliseconds).max(1);
        self.0.set(moment);
    }
}

/// The first tick that is not before a moment.
pub(crate) fn tick_of(moment: Duration) -> u64 {
    u64::try_from(moment.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
