//! Property (l): no session of an account outlives a new password, on whichever server.

use super::Reactor;
use crate::{
    check::{Check, Violation, require},
    clock::SECOND,
    ledger::Ledger,
    plan::{NEWS_LATE_MAX, Plan, SLOW_LANE_MAX},
    tap::Tap,
};

/// How late the loop may end a session after the news or the answer has come, in ticks, besides
/// simulated pauses.
const LATE_MAX: u64 = SECOND;

impl Reactor {
    /// Checks all sessions. The server has reached the store without a break since
    /// `reached_since`.
    pub(crate) fn check_sessions(
        &self,
        plan: &Plan,
        ledger: &Ledger,
        reached_since: u64,
    ) -> Result<(), Violation> {
        let now = self.clock.tick();
        let allowed = NEWS_LATE_MAX.max(SLOW_LANE_MAX) + LATE_MAX + plan.lag_max;
        if self.lags_until > now || now <= reached_since + allowed {
            return Ok(());
        }
        let waits = |tap: &&Tap| self.store.is_at(tap.id) || self.hasher.is_at(tap.id);
        self.taps.values().filter(|tap| !waits(tap)).try_for_each(|tap| {
            let Some((user, since)) = tap.outlived(ledger) else {
                return Ok(());
            };
            let (number, id) = (self.number, tap.id);
            let text = || {
                let since = format!("{user} has had another password since {since}");
                format!("connection {id} of server {number}: {since}")
            };
            require(now <= since.max(reached_since) + allowed, Check::SessionsEnd, text)
        })
    }
}
