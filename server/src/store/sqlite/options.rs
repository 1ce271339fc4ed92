//! Options for opening a SQLite store.

use crate::store::{CreateStore, UploadLimits};

/// Bounds of the queue and of the memtable, and how the store is opened.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Jobs that may wait.
    pub queue_jobs: usize,
    /// Bytes of mails and pieces that may wait, a mail counted for each recipient whose row has its
    /// texts. Mails that are larger than a group have a bound of their own.
    pub queue_bytes: u64,
    /// Mails, counted for each recipient, after which the memtable is flushed into the index of
    /// mailboxes.
    pub memtable_mails: usize,
    /// The bounds of uploads.
    pub uploads: UploadLimits,
    /// Whether an empty store is made if there is none.
    pub create: CreateStore,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            queue_jobs: 16_384,
            queue_bytes: 64 << 20,
            memtable_mails: 8192,
            uploads: UploadLimits::default(),
            create: CreateStore::Auto,
        }
    }
}
