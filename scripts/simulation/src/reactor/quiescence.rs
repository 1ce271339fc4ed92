//! Property (g): while the server's loop sleeps, no client waits for it, and clients that keep it
//! waiting are closed by their deadline.

use std::collections::BTreeMap;

use correio_server::{engine::connection::Held, ids::ConnId};

use super::Reactor;
use crate::{
    check::{Check, Violation, require},
    clock::{SECOND, tick_of},
    plan::Plan,
    tap::Tap,
};

/// How long a closing connection waits for the client's end, in ticks.
const LINGER: u64 = 2 * SECOND;

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
        if held.output == 0 {
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
        let (waiting, unread) = (self.waiting.len(), link.unread());
        let text = || {
            let id = self.id;
            format!("connection {id}: {waiting} requests and {unread} bytes are forgotten")
        };
        require(waiting == 0 && unread == 0, Check::Answered, text)
    }

    fn check_deadlines(&self, plan: &Plan, now: u64, late: u64) -> Result<(), Violation> {
        let idle = tick_of(plan.session_config.idle_timeout);
        let (since, allowed, what) = if let Some(since) = self.shut_since {
            (since, LINGER, "is being closed")
        } else if let Some(since) = self.stuck_since {
            (since, idle, "does not read")
        } else if self.user.is_none() {
            (self.anonymous_since, tick_of(plan.session_config.login_timeout), "does not log in")
        } else {
            (self.moved_at, idle, "is silent")
        };
        let text = || format!("connection {} {what}, {allowed} ms from {since} on", self.id);
        require(now <= since + allowed + late, Check::Answered, text)
    }
}
