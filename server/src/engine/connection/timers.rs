//! Timers of a connection: login timeout, idle timeout, ping, and the wait for the client's close.

use std::time::Duration;

use super::close_reason::CloseReason;
use crate::{protocol::Protocol, session::SessionConfig};

/// How long a closing connection waits for the client to read the last output and to close.
const LINGER: Duration = Duration::from_secs(2);

/// How much longer a closing connection may take if a mail program goes on reading its last output,
/// a part of a mail over a slow line.
const LINGER_MAX: Duration = Duration::from_secs(5 * 60);

/// How long a mail program may take until it is logged in: it asks a person for the password while
/// it is connected.
const PROGRAM_LOGIN: Duration = Duration::from_secs(120);

/// How long a client of submission may be silent (RFC 5321, section 4.5.3.2.7).
const SUBMISSION_IDLE: Duration = Duration::from_secs(5 * 60);

/// How long a client of POP3 may be silent (RFC 1939, section 3).
const POP3_IDLE: Duration = Duration::from_secs(10 * 60);

/// How long a client may send nothing of an incomplete request or mail while others have no room
/// for theirs: longer than TCP takes to send a lost packet again several times.
const STALL: Duration = Duration::from_secs(10);

/// Bytes within [`STALL`] with which a client does not stall: a hundred bytes a second.
const STALL_BYTES: u64 = 1024;

/// Bytes of pending output that are as good as all of it within an idle timeout: a mail program
/// that receives a large mail over a slow line is never without pending output.
const TAKEN_MIN: u64 = 64 * 1024;

/// Timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    login: Duration,
    idle: Duration,
    ping: Ping,
}

/// Whether a client is pinged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// After half of the idle timeout.
    AtHalf,
    /// Never: the protocol has no ping.
    Never,
}

impl Timeouts {
    /// The timeouts of a protocol.
    pub(super) fn of(protocol: Protocol, config: &SessionConfig) -> Self {
        let program = |idle| Self { login: PROGRAM_LOGIN, idle, ping: Ping::Never };
        match protocol {
            Protocol::Submission => program(SUBMISSION_IDLE),
            Protocol::Pop3 => program(POP3_IDLE),
            Protocol::Correio | Protocol::Http | Protocol::Admin => {
                let (login, idle) = (config.login_timeout, config.idle_timeout);
                Self { login, idle, ping: Ping::AtHalf }
            }
        }
    }
}

/// What happens when a connection timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The connection is closed for this reason.
    Close(CloseReason),
    /// The connection is closed for silence, unless the server is busy with the client's request.
    Idle,
    /// The client is pinged.
    Ping,
}

/// A connection's timers, each with the uptime at which it fires. The first one that is due fires;
/// the order decides between timers that are due at once.
#[derive(Debug)]
pub(super) struct Timers([Option<(Duration, Timer)>; 3]);

impl Timers {
    /// The timer of a connection that waits for the client's close since `since`.
    fn lingering(since: Duration, reason: CloseReason) -> Self {
        Self([Some((since + LINGER, Timer::Close(reason))), None, None])
    }

    /// When the next timer fires.
    pub(super) fn next(&self) -> Duration {
        self.0.iter().flatten().map(|(at, _)| *at).min().unwrap_or(Duration::MAX)
    }

    /// The first timer that is due, if there is one.
    pub(super) fn due(&self, uptime: Duration) -> Option<Timer> {
        self.0.iter().flatten().find(|(at, _)| uptime >= *at).map(|(_, timer)| *timer)
    }
}

/// Times of the connection's last activity (uptime); its timers are computed from them.
#[derive(Debug)]
pub(super) struct Activity {
    /// When the connection was opened.
    opened: Duration,
    /// When the connection was opened, or the login timeout started anew.
    anonymous: Duration,
    /// When the last request was received.
    heard: Duration,
    /// Since when there has always been pending output, even if the client reads some of it.
    stuck: Option<Duration>,
    /// Bytes of the pending output that the client has read since then.
    taken: u64,
    /// When a mail program last read output.
    read: Duration,
    /// Whether the client was pinged after its last request.
    pinged: bool,
    /// When the client had last sent [`STALL_BYTES`].
    fed: Duration,
    /// Bytes received since then.
    received: u64,
}

impl Activity {
    /// The activity of a connection that was opened now.
    pub(super) fn opened(uptime: Duration) -> Self {
        Self {
            opened: uptime,
            anonymous: uptime,
            heard: uptime,
            stuck: None,
            taken: 0,
            read: Duration::ZERO,
            pinged: false,
            fed: uptime,
            received: 0,
        }
    }

    /// When the connection was opened.
    pub(super) fn opened_at(&self) -> Duration {
        self.opened
    }

    /// When the last request was received.
    pub(super) fn heard_at(&self) -> Duration {
        self.heard
    }

    /// Restarts the login timeout.
    pub(super) fn restarted(&mut self, uptime: Duration) {
        self.anonymous = uptime;
    }

    /// Restarts the idle timeout: a request was received. Re-arms the ping.
    pub(super) fn heard(&mut self, uptime: Duration) {
        self.heard = uptime;
        self.pinged = false;
    }

    /// Restarts the idle timeout because the server, not the client, was busy. Does not re-arm the
    /// ping.
    pub(super) fn excused(&mut self, uptime: Duration) {
        self.heard = uptime;
    }

    /// Disarms the ping until the next request: the client was pinged.
    pub(super) fn pinged(&mut self) {
        self.pinged = true;
    }

    /// Records whether the transport took all pending output.
    pub(super) fn offered(&mut self, uptime: Duration, has_taken_all: bool) {
        self.stuck = (!has_taken_all).then(|| self.stuck.unwrap_or(uptime));
    }

    /// Records bytes of the pending output that the transport took. Enough of them are as good as
    /// all, and a sign of life: the client reads.
    pub(super) fn took(&mut self, uptime: Duration, bytes: u64) {
        if bytes > 0 {
            self.read = uptime;
        }
        self.taken = self.taken.saturating_add(bytes);
        if self.stuck.is_none() {
            self.taken = 0;
        } else if self.taken >= TAKEN_MIN {
            self.taken = 0;
            self.stuck = Some(uptime);
            self.heard = uptime;
        }
    }

    /// Records bytes that were received, of any kind.
    pub(super) fn received(&mut self, uptime: Duration, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
        if self.received >= STALL_BYTES {
            self.received = 0;
            self.fed = uptime;
        }
    }

    /// Since when the client has sent next to nothing. `None` if that is not long.
    pub(super) fn stalled_since(&self, uptime: Duration) -> Option<Duration> {
        (uptime.saturating_sub(self.fed) >= STALL).then_some(self.fed)
    }

    /// The timers of a connection that has been closing for a reason since `since`.
    pub(super) fn closing_timers(&self, since: Duration, reason: CloseReason) -> Timers {
        Timers::lingering(since.max(self.read.min(since + LINGER_MAX)), reason)
    }

    /// The timers of a connection that is not closing.
    pub(super) fn timers(&self, is_logged_in: bool, timeouts: &Timeouts) -> Timers {
        let Timeouts { login, idle, ping } = *timeouts;
        let stuck = self.stuck.map(|since| (since + idle, Timer::Close(CloseReason::IdleTimeout)));
        if !is_logged_in {
            let end = Timer::Close(CloseReason::LoginTimeout);
            return Timers([stuck, Some((self.anonymous + login, end)), None]);
        }
        let is_pinged = ping == Ping::AtHalf && !self.pinged;
        let ping = is_pinged.then_some((self.heard + idle / 2, Timer::Ping));
        Timers([stuck, Some((self.heard + idle, Timer::Idle)), ping])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The timers of a protocol whose timeouts no configuration changes.
    fn timers(activity: &Activity, is_logged_in: bool, idle: Duration) -> Timers {
        let timeouts = Timeouts { login: PROGRAM_LOGIN, idle, ping: Ping::Never };
        activity.timers(is_logged_in, &timeouts)
    }

    #[test]
    fn a_program_that_is_silent_is_not_pinged_and_ends_after_its_protocol_s_time() {
        for idle in [SUBMISSION_IDLE, POP3_IDLE] {
            let mut activity = Activity::opened(Duration::ZERO);
            activity.heard(SECOND * 100);
            let timers = timers(&activity, true, idle);
            let end = SECOND * 100 + idle;
            assert_eq!((timers.next(), timers.due(end - SECOND)), (end, None));
            assert_eq!(timers.due(end), Some(Timer::Idle));
        }
    }

    #[test]
    fn commands_do_not_extend_the_time_until_the_login() {
        let mut activity = Activity::opened(Duration::ZERO);
        activity.heard(SECOND * 100);
        assert_eq!(timers(&activity, false, POP3_IDLE).next(), PROGRAM_LOGIN);
    }

    #[test]
    fn a_program_that_reads_slowly_stays_as_long_as_it_reads_enough() {
        let mut activity = Activity::opened(Duration::ZERO);
        activity.heard(SECOND);
        activity.offered(SECOND, false);
        activity.took(SECOND * 2, TAKEN_MIN - 1);
        let stuck = Timer::Close(CloseReason::IdleTimeout);
        let due = |activity: &Activity, at| timers(activity, true, POP3_IDLE).due(at);
        assert_eq!(due(&activity, SECOND + POP3_IDLE), Some(stuck));
        activity.took(SECOND * 300, 1);
        assert_eq!(due(&activity, SECOND * 299 + POP3_IDLE), None);
        assert_eq!(due(&activity, SECOND * 300 + POP3_IDLE), Some(stuck));
        activity.offered(SECOND * 301, true);
        assert_eq!(due(&activity, SECOND * 300 + POP3_IDLE), Some(Timer::Idle));
    }

    #[test]
    fn a_client_stalls_that_sends_less_than_a_kibibyte_in_ten_seconds() {
        let mut activity = Activity::opened(Duration::ZERO);
        activity.received(SECOND, STALL_BYTES);
        activity.received(SECOND * 10, STALL_BYTES - 1);
        assert_eq!(activity.stalled_since(SECOND * 10), None);
        assert_eq!(activity.stalled_since(SECOND * 11), Some(SECOND));
        activity.received(SECOND * 12, 1);
        assert_eq!(activity.stalled_since(SECOND * 21), None);
        assert_eq!(activity.stalled_since(SECOND * 22), Some(SECOND * 12));
    }

    #[test]
    fn a_closing_connection_waits_for_a_program_that_goes_on_reading_but_not_for_ever() {
        let mut activity = Activity::opened(Duration::ZERO);
        let (since, reason) = (SECOND * 10, CloseReason::ByServer);
        assert_eq!(activity.closing_timers(since, reason).next(), since + LINGER);
        activity.took(SECOND * 11, 1);
        activity.took(SECOND * 12, 0);
        assert_eq!(activity.closing_timers(since, reason).next(), SECOND * 11 + LINGER);
        activity.took(SECOND * 1000, 1);
        let last = since + LINGER_MAX + LINGER;
        assert_eq!(activity.closing_timers(since, reason).next(), last);
    }
}
