//! The rates of requests that an account may make.

use std::time::Duration;

use correio_proto::message::{ErrorCode, Reply};

/// A rate.
pub(super) struct Rate {
    /// Requests that may be made at once.
    pub(super) at_once: u32,
    /// The time after which one more may be made.
    pub(super) refill: Duration,
}

impl Rate {
    /// Counts a request, and returns true. If there were too many, requires that the reply says so,
    /// and returns false. `full_at` is the uptime at which as many may be made as at first.
    pub(super) fn is_taken(&self, full_at: &mut Duration, now: Duration, reply: &Reply) -> bool {
        let next = (*full_at).max(now) + self.refill;
        let over = next.checked_sub(now + self.refill * self.at_once);
        if let Some(wait) = over.filter(|it| !it.is_zero()) {
            let Reply::Error(error) = reply else { panic!("{reply:?}") };
            assert_eq!(error.code, ErrorCode::RateLimited);
            assert_eq!(error.retry_after, Some(wait.as_secs_f64().ceil() as u32));
            return false;
        }
        *full_at = next;
        true
    }
}
