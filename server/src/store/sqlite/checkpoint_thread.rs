//! The thread that moves the log into the main file while the store thread commits.
//!
//! SQLite syncs the main file only once the whole log was moved. This thread syncs after each part,
//! so that little is left to sync when the store thread moves the rest.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;

use super::{
    fatal::{Fatal, is_fatal},
    tail,
};
use crate::{mutex::lock, waker::Wake};

/// How far a checkpoint came, in database pages of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Pages in the log.
    pub(super) of: u32,
    /// Pages from the log's beginning that are in the main file.
    pub(super) pages: u32,
}

impl Moved {
    /// Whether the whole log was moved.
    pub(super) fn is_whole(self) -> bool {
        self.pages >= self.of
    }
}

/// A part of the log that is to be moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Pages of the log up to the part's end.
    pub(super) pages: u32,
    /// Size of the database as of the part's end, if it is known: the main file needs no block
    /// after it.
    pub(super) database_bytes: Option<u64>,
}

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct CheckpointThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// What the thread does.
#[derive(Debug)]
enum State {
    Idle,
    /// A checkpoint was asked for and is not over.
    Asked(Part),
    /// The result of a checkpoint, until it is collected. `None` if the disk was full.
    Done(Result<Option<Moved>, Fatal>),
    /// The thread is to end.
    Closed,
}

impl CheckpointThread {
    /// Starts the thread on a connection of its own. `wake` is called after each checkpoint.
    pub(super) fn start(
        connection: Connection,
        main: Arc<File>,
        wake: Arc<dyn Wake>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::new(State::Idle), changed: Condvar::new() });
        let served = shared.clone();
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || served.serve(&connection, &main, &*wake))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for a checkpoint of the log up to the end of this part. No other may be under way.
    pub(super) fn ask(&self, part: Part) {
        *lock(&self.shared.state) = State::Asked(part);
        self.shared.changed.notify_all();
    }

    /// The result of the checkpoint that was asked for, once it is over.
    pub(super) fn collect(&self) -> Option<Result<Option<Moved>, Fatal>> {
        let mut state = lock(&self.shared.state);
        match std::mem::replace(&mut *state, State::Idle) {
            State::Done(result) => Some(result),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Waits until the checkpoint that was asked for is over.
    pub(super) fn wait(&self) {
        let mut state = lock(&self.shared.state);
        while matches!(*state, State::Asked(_)) {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for CheckpointThread {
    /// Ends the thread, after the checkpoint that is under way.
    fn drop(&mut self) {
        self.wait();
        *lock(&self.shared.state) = State::Closed;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Panics of checkpoints were caught and reported as a failure.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, connection: &Connection, main: &File, wake: &dyn Wake) {
        while let Some(part) = self.next() {
            let moved = catch_unwind(AssertUnwindSafe(|| move_part(connection, main, part)));
            let moved =
                moved.unwrap_or_else(|_| Err(Fatal("the checkpoint thread panicked".into())));
            *lock(&self.state) = State::Done(moved);
            self.changed.notify_all();
            wake.wake();
        }
    }

    /// Waits until a checkpoint is asked for. `None` once the thread is to end.
    fn next(&self) -> Option<Part> {
        let mut state = lock(&self.state);
        loop {
            match *state {
                State::Asked(part) => return Some(part),
                State::Closed => return None,
                State::Idle | State::Done(_) => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn move_part(connection: &Connection, main: &File, part: Part) -> Result<Option<Moved>, Fatal> {
    let moved = checkpoint(connection, "PASSIVE")?;
    let Some(Moved { pages, .. }) = moved else {
        return Ok(None);
    };
    main.sync_data()?;
    // A reader of an earlier state would have kept the checkpoint from moving the part to its end.
    if let Some(end) = part.database_bytes
        && pages >= part.pages
    {
        // An error is no harm: the cut only takes longer.
        let _ = tail::free(main, end);
    }
    Ok(moved)
}

/// Moves the log into the main file, as far as the readers of earlier states allow. `None` if there
/// was no room on the disk, or another program has locked the log.
///
/// # Errors
///
/// A failed sync, and any other error that leaves the state on disk unknown.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> Result<Option<Moved>, Fatal> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let moved = connection.query_row(&sql, [], |row| {
        let (is_busy, of, pages): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = |pages| u32::try_from(pages).unwrap_or(0);
        Ok((!is_busy).then(|| Moved { of: count(of), pages: count(pages) }))
    });
    match moved {
        Ok(moved) => Ok(moved),
        Err(error) if is_fatal(&error) => Err(error.into()),
        // On a full disk the log stays beside the file, whole.
        Err(_) => Ok(None),
    }
}
