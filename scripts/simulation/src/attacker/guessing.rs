//! An attacker that tries passwords from an address of its own and counts how many guesses the
//! server lets it make.

use correio_proto::{
    credential::Credential,
    message::{ErrorCode, Hello, Login, Reply, Request, Software},
};

use super::{AttackContext, Attacker};
use crate::{
    check::{Check, Violation, require},
    clock::SECOND,
};

/// The throttle forgets one failure a minute, so the count is exact for this long after the first
/// failure.
const EXACT_FOR: u64 = 55 * SECOND;

impl Attacker {
    /// Takes the result of the last attempt and makes another. Returns whether the guesser goes on.
    pub(super) fn guess(&mut self, context: &mut AttackContext<'_>) -> Result<bool, Violation> {
        let now = context.clock.tick();
        let server = self.server(context);
        let server_starts = context.server_starts.get(server).copied().unwrap_or_default();
        if self.guesser.server_starts != server_starts {
            // A restarted server has forgotten all failures, and the last results are void.
            self.guesser.server_starts = server_starts;
            self.replies.clear();
            (self.guesser.failures, self.guesser.is_unsure) = (0, false);
        }
        while let Some(reply) = self.replies.pop_front() {
            self.take_result(context, &reply)?;
        }
        if self.guesser.is_done {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.guesser.greeted, true) {
            self.queue_request(Request::Hello(Hello {
                version: 1,
                software: Software::named("guesser"),
            }));
            return Ok(true);
        }
        if self.guesser.is_waiting {
            return Ok(true);
        }
        let victim = context.usernames.first().filter(|_| self.guesser.attacks_user);
        if let Some(username) = victim.cloned().or(self.guesser.unknown_username.clone()) {
            if self.guesser.failures == 0 {
                self.guesser.first_at = now;
            }
            self.guesser.is_waiting = true;
            self.guesser.asked_at = now;
            let credential = Credential::from(self.rng.bytes());
            self.queue_request(Request::Login(Login { username, credential }));
        }
        Ok(true)
    }

    fn take_result(
        &mut self,
        context: &mut AttackContext<'_>,
        reply: &Reply,
    ) -> Result<(), Violation> {
        let Reply::Error(error) = reply else {
            return Ok(());
        };
        let now = context.clock.tick();
        let allowed = context.plan.limits.throttle.failed_logins;
        let guesser = &mut self.guesser;
        guesser.is_waiting = false;
        let is_exact = allowed > 0 && now < guesser.first_at + EXACT_FOR;
        match error.code {
            ErrorCode::BadCredentials => {
                // The server checked the previous attempt some time after it was made; the wait
                // counts from that check.
                let ready_at = guesser.last_judged_at + wait_after(guesser.failures, allowed);
                guesser.last_judged_at = guesser.asked_at;
                guesser.failures += 1;
                let failures = guesser.failures;
                let text = || format!("{}: guess {failures} of {allowed} was judged", self.name);
                require(!is_exact || now >= ready_at, Check::Throttled, text)?;
            }
            ErrorCode::RateLimited => {
                guesser.is_done = true;
                let failures = guesser.failures;
                let is_exact = is_exact && !guesser.is_unsure && !guesser.attacks_user;
                let text = || format!("{}: told to wait after {failures} of {allowed}", self.name);
                require(!is_exact || failures >= allowed, Check::Throttled, text)?;
            }
            // The server checked no password.
            _ => guesser.is_unsure = true,
        }
        Ok(())
    }
}

/// Wait after this many failures, in ticks: one second, doubled with each further failure.
fn wait_after(failures: u32, allowed: u32) -> u64 {
    failures.checked_sub(allowed).map_or(0, |further| SECOND << further.min(9))
}
