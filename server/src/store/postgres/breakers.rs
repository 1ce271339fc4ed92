//! Ends the connections of the lanes and of the news thread while they wait for the database, so
//! that a store can be closed while the database is away.

use std::{collections::HashMap, sync::Mutex};

use super::connection::{Breaker, Connection};
use crate::mutex::lock;

/// The connections that can be ended from another thread.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The present connection of each thread, by the thread's number.
    present: HashMap<usize, Breaker>,
    /// Whether every connection ends, also one that is opened later.
    all_end: bool,
}

impl Breakers {
    /// Records the connection of a thread in place of an earlier one.
    pub(super) fn hold(&self, thread: usize, connection: &Connection) {
        let Ok(breaker) = connection.breaker() else {
            // Without a file descriptor for it, the connection ends at its deadline.
            return;
        };
        let mut state = lock(&self.0);
        if state.all_end {
            breaker.end();
        }
        state.present.insert(thread, breaker);
    }

    /// Ends the connections.
    pub(super) fn end_all(&self) {
        let mut state = lock(&self.0);
        state.all_end = true;
        for breaker in state.present.values() {
            breaker.end();
        }
    }
}
