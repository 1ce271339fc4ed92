//! The time. It is passed as an argument: only the reactor, the store's thread and the program's
//! start read a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use correio_proto::mail::Timestamp;

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since the server started. Monotonic; deadlines use it.
    pub uptime: Duration,
    /// Calendar time. May jump; dates that people see use it.
    pub wall: Timestamp,
}

/// The calendar time of the machine. `None` before 1970, as on a machine with an empty battery and
/// no network yet.
#[must_use]
pub fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok()
}

/// The start of 2026. This program did not exist before, so a clock that shows less is wrong.
const MADE: Duration = Duration::from_secs(1_767_225_600);

/// A warning if the clock shows a time before this program existed.
#[must_use]
pub fn warning(since_1970: Duration) -> Option<String> {
    (since_1970 < MADE).then(|| {
        "the system clock is wrong: it shows a time before this program was written. Mails \
         get their date from it; after the clock is set, a mail sent before is not recognised when it is \
         sent again"
            .to_owned()
    })
}

/// The time, or the start of 2026 if the clock shows less.
#[must_use]
pub fn plausible(since_1970: Duration) -> Duration {
    since_1970.max(MADE)
}

/// The machine's clocks.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose uptime starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Reads the monotonic clock.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reads both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let wall = since_1970().unwrap_or_default();
        Now {
            uptime: self.uptime(),
            wall: Timestamp(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
