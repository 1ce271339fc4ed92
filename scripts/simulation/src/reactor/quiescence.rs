//! Property (g): while the server's loop sleeps, no client waits for it, and clients that keep it
//! waiting are closed by their deadline.

use std::collections::BTreeMap;

use correio_server::{engine::connection::Held, ids::ConnId, protocol::Protocol};

use super::Reactor;
use crate::{
    check::{Check, Violation, require},
    clock::{SECOND, tick_of},
    plan::Plan,
    tap::Tap,
};

/// How long a closing connection waits for the client's end, in ticks.
const LINGER: u64 = 2 * SECOND;

/// How long a mail program may take to read its last output, in ticks.
const LINGER_OF_PROGRAMS: u64 = 302 * SECOND;

/// How long a mail program may take to log in, in ticks.
const PROGRAM_LOGIN: u64 = 120 * SECOND;

/// How long a program may be silent, in ticks (RFC 5321, RFC 1939).
const SUBMISSION_IDLE: u64 = 300 * SECOND;
const POP3_IDLE: u64 = 600 * SECOND;

/// How late the loop may handle a deadline, in ticks, besides simulated pauses.
const LATE_MAX: u64 = 4 * SECOND;

impl Reactor {
    /// Checks all connections; called when the server has nothing due.
    pub(crate) fn check_quiescent(&mut self, plan: &Plan) -> Result<(), Violation> {
        let now = self.clock.tick();
        if self.lags_until > now {
            return Ok(());
        }
        let held: BTreeMap<ConnId, Held> = self.server.held().collect();
        let late = LATE_MAX + plan.lag_max;
        for tap in self.taps.values_mut() {
            let held = held.get(&tap.id).copied().unwrap_or_default();
            tap.look(held, now);
            // The server itself waits for a job.
            if self.store.is_at(tap.id) || self.hasher.is_at(tap.id) {
                tap.moved_at = now;
                continue;
            }
            tap.check_nothing_forgotten()?;
            tap.check_deadlines(plan, now, late)?;
        }
        Ok(())
    }
}

impl Tap {
    fn look(&mut self, held: Held, now: u64) {
        let link = self.link.borrow();
        if link.is_shut() {
            self.shut_since.get_or_insert(now);
        }
        // What a POP3 session holds of the mailbox counts as output, too.
        let is_stuck = match self.talk.protocol() {
            Protocol::Correio => held.output > 0,
            _ => link.is_output_blocked(),
        };
        if !is_stuck {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(now);
        }
    }

    /// All requests and bytes are handled, unless the client has to read first.
    fn check_nothing_forgotten(&self) -> Result<(), Violation> {
        let link = self.link.borrow();
        if link.is_shut() || link.is_output_blocked() || self.is_refused {
            return Ok(());
        }
        let (waiting, unread) = (self.unanswered(), link.unread());
        let text = || {
            let id = self.id;
            format!("connection {id}: {waiting} requests and {unread} bytes are forgotten")
        };
        require(waiting == 0 && unread == 0, Check::Answered, text)
    }

    fn check_deadlines(&self, plan: &Plan, now: u64, late: u64) -> Result<(), Violation> {
        let protocol = self.talk.protocol();
        let (idle, login, linger) = match protocol {
            Protocol::Submission => (SUBMISSION_IDLE, PROGRAM_LOGIN, LINGER_OF_PROGRAMS),
            Protocol::Pop3 => (POP3_IDLE, PROGRAM_LOGIN, LINGER_OF_PROGRAMS),
            _ => {
                let config = &plan.session_config;
                (tick_of(config.idle_timeout), tick_of(config.login_timeout), LINGER)
            }
        };
        let is_anonymous = match protocol {
            Protocol::Correio => self.user.is_none(),
            _ => !self.has_logged_in,
        };
        let (since, allowed, what) = if let Some(since) = self.shut_since {
            (since, linger, "is being closed")
        } else if let Some(since) = self.stuck_since {
            (since, idle, "does not read")
        } else if is_anonymous {
            (self.anonymous_since, login, "does not log in")
        } else {
            (self.moved_at, idle, "is silent")
        };
        let text = || format!("connection {} {what}, {allowed} ms from {since} on", self.id);
        require(now <= since + allowed + late, Check::Answered, text)
    }
}
