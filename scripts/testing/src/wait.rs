//! Waits for an effect of another thread or process.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longest wait for anything that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until a condition holds. Use it only for conditions that cannot be waited for: a file of
/// another process, a count of the system.
pub fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come to that");
        thread::park_timeout(Duration::from_millis(5));
    }
}
