//! How a SQLite store is opened.

use crate::store::CreateStore;

/// How much may wait for the store thread, and in it.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Jobs.
    pub queue_jobs: usize,
    /// Bytes of subjects and bodies, counted for each recipient. Mails that are larger than a group
    /// have a bound of their own.
    pub queue_bytes: u64,
    /// Mails, counted for each recipient, after which they are entered into the index of
    /// mailboxes. Until then they are found by a table in memory.
    pub memtable_mails: usize,
    /// Whether an empty store is made where there is none.
    pub create: CreateStore,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            queue_jobs: 16_384,
            queue_bytes: 64 << 20,
            memtable_mails: 8192,
            create: CreateStore::Auto,
        }
    }
}
