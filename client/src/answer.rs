//! Waiting for another thread's answer, in a way that can be cancelled.

use std::{
    sync::mpsc::{self, Receiver, SyncSender, TryRecvError},
    thread::{self, Thread},
};

use crate::Cancel;

/// The end that answers, once. Dropping it unused tells the waiting thread that no answer comes.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    sender: Option<SyncSender<T>>,
    waiting: Thread,
}

/// The end that waits: for the thread that made it.
#[derive(Debug)]
pub(crate) struct Promise<T>(Receiver<T>);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The caller gave up.
    Cancelled,
    /// The other thread is gone.
    Gone,
}

/// Both ends, the waiting one for this thread.
pub(crate) fn promise<T>() -> (Answer<T>, Promise<T>) {
    let (sender, receiver) = mpsc::sync_channel(1);
    let answer = Answer { sender: Some(sender), waiting: thread::current() };
    (answer, Promise(receiver))
}

impl<T> Answer<T> {
    /// Answers. A thread that waits no longer does not mind.
    pub(crate) fn give(mut self, value: T) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.try_send(value);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        // Gone before the thread is woken, so that it finds the channel closed.
        self.sender = None;
        self.waiting.unpark();
    }
}

impl<T> Promise<T> {
    /// Waits for the answer, or until the switch is thrown.
    pub(crate) fn wait(self, cancel: &Cancel) -> Result<T, NoAnswer> {
        let _watch = cancel.watch();
        loop {
            match self.0.try_recv() {
                Ok(value) => return Ok(value),
                Err(TryRecvError::Disconnected) => return Err(NoAnswer::Gone),
                Err(TryRecvError::Empty) if cancel.is_cancelled() => {
                    return Err(NoAnswer::Cancelled);
                }
                // Both ends of the waiting unpark this thread after they have changed something.
                Err(TryRecvError::Empty) => thread::park(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives() {
        let (answer, promise) = promise();
        thread::spawn(move || answer.give(7));
        assert_eq!(promise.wait(&Cancel::new()), Ok(7));
    }

    #[test]
    fn nobody_answers() {
        let (answer, promise) = promise::<()>();
        thread::spawn(move || drop(answer));
        assert_eq!(promise.wait(&Cancel::new()), Err(NoAnswer::Gone));
    }

    #[test]
    fn waiting_is_cancelled() {
        let (_answer, promise) = promise::<()>();
        let cancel = Cancel::new();
        let other = cancel.clone();
        thread::spawn(move || other.cancel());
        assert_eq!(promise.wait(&cancel), Err(NoAnswer::Cancelled));
    }
}
