//! The results that the lanes have and the loop has not collected yet.

use std::sync::Mutex;

use crate::{
    ids::Ticket,
    mutex::lock,
    store::{StoreDone, StoreFailed},
};

/// Results that were not collected yet.
#[derive(Debug, Default)]
pub(super) struct Finished(Mutex<Results>);

#[derive(Debug, Default)]
struct Results {
    done: Vec<(Ticket, StoreDone)>,
    failed: Option<StoreFailed>,
}

impl Finished {
    /// Adds the results of some jobs.
    pub(super) fn add(&self, results: impl IntoIterator<Item = (Ticket, StoreDone)>) {
        lock(&self.0).done.extend(results);
    }

    /// Records that the store has failed for good.
    pub(super) fn fail(&self, failed: StoreFailed) {
        lock(&self.0).failed.get_or_insert(failed);
    }

    /// Appends the results so far.
    pub(super) fn collect(&self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let mut results = lock(&self.0);
        done.append(&mut results.done);
        results.failed.clone().map_or(Ok(()), Err)
    }
}
