//! Wakes the event loop from other threads, which have a result for it.

/// A handle with which a thread wakes the event loop.
pub trait Wake: Send + Sync {
    /// Ends the loop's wait for events. May be called at any time, from any thread, any number of
    /// times.
    fn wake(&self);
}
