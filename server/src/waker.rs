//! The way other threads tell the event loop that an answer is ready.

/// How a thread that has something for the reactor wakes it.
pub trait Wake: Send + Sync {
    /// Makes the reactor's wait end soon. May be called at any time and as often as one likes.
    fn wake(&self);
}
