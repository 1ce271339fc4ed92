//! The results that the lanes have and the loop has not collected yet.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::{
    ids::Ticket,
    mutex::lock,
    store::{StoreDone, StoreFailed, page_bytes::page_bytes},
};

/// Bytes of uncollected pages and pieces after which the lanes read no further ones: a page may be
/// ten thousand times as large as the request for it.
const PAGES_BYTES_MAX: usize = 4 << 20;

/// Results that were not collected yet.
#[derive(Debug, Default)]
pub(super) struct Finished {
    results: Mutex<Results>,
    collected: Condvar,
}

#[derive(Debug, Default)]
struct Results {
    done: Vec<(Ticket, StoreDone)>,
    /// Bytes of the pages in `done`.
    pages: usize,
    /// Results so far, collected or not.
    count: u64,
    failed: Option<StoreFailed>,
    /// Whether the store is being closed: no lane waits any more until pages are collected.
    closed: bool,
}

impl Finished {
    /// Adds the results of some jobs.
    pub(super) fn add(&self, more: impl IntoIterator<Item = (Ticket, StoreDone)>) {
        let mut results = lock(&self.results);
        for (ticket, done) in more {
            results.pages += page_bytes(&done);
            results.count += 1;
            results.done.push((ticket, done));
        }
    }

    /// Waits until the uncollected pages are within their bound, or the store is being closed. Each
    /// lane may exceed the bound by one page.
    pub(super) fn wait_for_room(&self) {
        let is_full = |results: &mut Results| results.pages >= PAGES_BYTES_MAX && !results.closed;
        let waited = self.collected.wait_while(lock(&self.results), is_full);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the waits of the lanes from now on.
    pub(super) fn close(&self) {
        lock(&self.results).closed = true;
        self.collected.notify_all();
    }

    /// The number of results so far.
    pub(super) fn count(&self) -> u64 {
        lock(&self.results).count
    }

    /// Records that the store has failed for good.
    pub(super) fn fail(&self, failed: StoreFailed) {
        lock(&self.results).failed.get_or_insert(failed);
    }

    /// Appends the results so far.
    pub(super) fn collect(&self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        let mut results = lock(&self.results);
        done.append(&mut results.done);
        if std::mem::take(&mut results.pages) >= PAGES_BYTES_MAX {
            self.collected.notify_all();
        }
        results.failed.clone().map_or(Ok(()), Err)
    }
}
