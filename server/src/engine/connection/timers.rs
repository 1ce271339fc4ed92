//! When a connection must have moved on, and what happens if it has not.

use std::time::Duration;

use super::close_reason::CloseReason;
use crate::session::SessionConfig;

/// How long a connection that is being closed waits for the client to take its last words.
const LINGER: Duration = Duration::from_secs(2);

/// What a moment brings if nothing moves before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The end.
    Close(CloseReason),
    /// The end, unless it is the server that takes its time.
    Idle,
    /// A ping.
    Ping,
}

/// What is to come, each with its uptime. Of those that are due at once the first counts.
#[derive(Debug)]
pub(super) struct Timers([Option<(Duration, Timer)>; 3]);

impl Timers {
    /// Those of a connection that is being closed since then.
    pub(super) fn lingering(since: Duration) -> Self {
        Self([Some((since + LINGER, Timer::Close(CloseReason::ByServer))), None, None])
    }

    /// The next moment at which something is due.
    pub(super) fn next(&self) -> Duration {
        self.0.iter().flatten().map(|(at, _)| *at).min().unwrap_or(Duration::MAX)
    }

    /// What is due.
    pub(super) fn due(&self, uptime: Duration) -> Option<Timer> {
        self.0.iter().flatten().find(|(at, _)| uptime >= *at).map(|(_, timer)| *timer)
    }
}

/// Since when a connection is what it is, as uptimes.
#[derive(Debug)]
pub(super) struct Activity {
    /// When it was opened, or logged out.
    anonymous: Duration,
    /// When the last request came in.
    heard: Duration,
    /// Since when there is output that the client does not take.
    stuck: Option<Duration>,
    /// Whether it was pinged after the last request.
    pinged: bool,
}

impl Activity {
    /// Those of a connection that was just opened.
    pub(super) fn opened(uptime: Duration) -> Self {
        Self { anonymous: uptime, heard: uptime, stuck: None, pinged: false }
    }

    /// It was logged out.
    pub(super) fn logged_out(&mut self, uptime: Duration) {
        self.anonymous = uptime;
    }

    /// A request came in.
    pub(super) fn heard(&mut self, uptime: Duration) {
        self.heard = uptime;
        self.pinged = false;
    }

    /// That nothing came in was no silence of the client's. It is not pinged once more for that.
    pub(super) fn excused(&mut self, uptime: Duration) {
        self.heard = uptime;
    }

    /// It was pinged.
    pub(super) fn pinged(&mut self) {
        self.pinged = true;
    }

    /// The client was offered all there is to go out, and has taken it or not.
    pub(super) fn offered(&mut self, uptime: Duration, has_taken_all: bool) {
        self.stuck = (!has_taken_all).then(|| self.stuck.unwrap_or(uptime));
    }

    /// What is to come, for a connection that is not being closed.
    pub(super) fn timers(&self, is_logged_in: bool, config: &SessionConfig) -> Timers {
        let idle = config.idle_timeout;
        let stuck = self.stuck.map(|since| (since + idle, Timer::Close(CloseReason::IdleTimeout)));
        if !is_logged_in {
            let end = Timer::Close(CloseReason::LoginTimeout);
            return Timers([stuck, Some((self.anonymous + config.login_timeout, end)), None]);
        }
        let ping = (!self.pinged).then_some((self.heard + idle / 2, Timer::Ping));
        Timers([stuck, Some((self.heard + idle, Timer::Idle)), ping])
    }
}
