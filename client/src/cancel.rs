//! Cancels the wait of another thread.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread, ThreadId},
};

use crate::mutex::lock;

/// Cancels the calls that were given a clone of it. After [`Cancel::cancel`] every further call
/// with it returns `Cancelled`, until [`Cancel::reset`].
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    waiting: Mutex<Vec<Thread>>,
}

impl Cancel {
    /// Makes a [`Cancel`] that is not cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels all calls. Call it from any thread, but not from a signal handler.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        for thread in self.waiting().iter() {
            thread.unpark();
        }
    }

    /// Whether [`Cancel::cancel`] was called since the last reset.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Lets further calls wait again.
    pub fn reset(&self) {
        self.0.cancelled.store(false, Ordering::SeqCst);
    }

    /// Makes [`Cancel::cancel`] unpark this thread while the guard lives.
    pub(crate) fn watch(&self) -> Watch<'_> {
        let thread = thread::current();
        let id = thread.id();
        self.waiting().push(thread);
        Watch { cancel: self, id }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Thread>> {
        lock(&self.0.waiting)
    }
}

/// See [`Cancel::watch`].
pub(crate) struct Watch<'a> {
    cancel: &'a Cancel,
    id: ThreadId,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut waiting = self.cancel.waiting();
        if let Some(index) = waiting.iter().position(|thread| thread.id() == self.id) {
            waiting.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_thread_is_woken() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        let waiter = thread::spawn(move || {
            let _watch = other.watch();
            while !other.is_cancelled() {
                thread::park();
            }
        });
        cancel.cancel();
        waiter.join().unwrap();
        assert!(cancel.waiting().is_empty());
        cancel.reset();
        assert!(!cancel.is_cancelled());
    }
}
