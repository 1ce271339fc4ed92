//! A channel for one value, whose receiver can be cancelled while it waits.

use std::{
    sync::mpsc::{self, SyncSender, TryRecvError},
    thread::{self, Thread},
};

use crate::cancel::Cancel;

/// Sends the value. Dropping it unused tells the receiver that no value comes.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    channel: Option<SyncSender<T>>,
    waiting: Thread,
}

/// Receives the value, on the thread that made the channel.
#[derive(Debug)]
pub(crate) struct Receiver<T>(mpsc::Receiver<T>);

/// Why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecvError {
    /// The call was cancelled.
    Cancelled,
    /// The sender was dropped without a value.
    Gone,
}

/// Makes both ends. The receiver is for the calling thread, which the sender wakes.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::sync_channel(1);
    let sender = Sender { channel: Some(sender), waiting: thread::current() };
    (sender, Receiver(receiver))
}

impl<T> Sender<T> {
    /// Sends the value and wakes the receiver. A receiver that is gone is no error.
    pub(crate) fn send(mut self, value: T) {
        if let Some(channel) = self.channel.take() {
            let _ = channel.try_send(value);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // Closed before the thread is woken, so that the thread finds the channel closed.
        self.channel = None;
        self.waiting.unpark();
    }
}

impl<T> Receiver<T> {
    /// Waits until the value is there, the sender is gone or the call is cancelled.
    pub(crate) fn wait(self, cancel: &Cancel) -> Result<T, RecvError> {
        let _watch = cancel.watch();
        loop {
            match self.0.try_recv() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(RecvError::Gone),
                Err(TryRecvError::Empty) if cancel.is_cancelled() => {
                    return Err(RecvError::Cancelled);
                }
                // The sender and `Cancel` unpark this thread after they have acted.
                Err(TryRecvError::Empty) => thread::park(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_arrives() {
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(7));
        assert_eq!(receiver.wait(&Cancel::new()), Ok(7));
    }

    #[test]
    fn a_dropped_sender_ends_the_wait() {
        let (sender, receiver) = channel::<()>();
        thread::spawn(move || drop(sender));
        assert_eq!(receiver.wait(&Cancel::new()), Err(RecvError::Gone));
    }

    #[test]
    fn waiting_is_cancelled() {
        let (_sender, receiver) = channel::<()>();
        let cancel = Cancel::new();
        let other = cancel.clone();
        thread::spawn(move || other.cancel());
        assert_eq!(receiver.wait(&cancel), Err(RecvError::Cancelled));
    }
}
