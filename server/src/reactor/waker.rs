//! The handle with which other threads wake the reactor or ask it to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

use crate::waker::Wake;

/// Wakes the reactor from any thread.
#[derive(Debug)]
pub struct ReactorWaker {
    pub(super) waker: Waker,
    /// Whether the server was asked to stop.
    pub(super) stop: AtomicBool,
}

impl ReactorWaker {
    /// Asks the server to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }
}

impl Wake for ReactorWaker {
    fn wake(&self) {
        // Fails only if the kernel has no memory for an event; the next job wakes again.
        let _ = self.waker.wake();
    }
}
