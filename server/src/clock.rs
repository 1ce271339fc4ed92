//! The time, as an argument: nothing but the reactor, the store's thread and the program's start ask
//! a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use correio_proto::mail::Timestamp;

/// One moment, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the server started; never goes back. Deadlines go by it.
    pub uptime: Duration,
    /// What a calendar says; may jump. People go by it.
    pub wall: Timestamp,
}

/// The time of the machine's clock. `None` where that is before 1970, as on a machine whose battery
/// is empty and whose network is not up yet.
#[must_use]
pub fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok()
}

/// The first moment of 2026: this program is not older.
const MADE: Duration = Duration::from_secs(1_767_225_600);

/// What is wrong with a time at which this program did not exist yet.
#[must_use]
pub fn warning(since_1970: Duration) -> Option<String> {
    (since_1970 < MADE).then(|| {
        "the system clock is wrong: it is before this program was written. Mails get their \
         date from it; after the clock is set, a mail sent before is not recognised when it is \
         sent again"
            .to_owned()
    })
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

    /// Reads the one that never goes back.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reads both.
    #[must_use]
    pub fn now(&self) -> Now {
        let wall = since_1970().unwrap_or_default();
        Now {
            uptime: self.uptime(),
            wall: Timestamp(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
