//! Opens SQLite stores in tests.

use std::{path::Path, sync::Arc};

use correio_server::{
    store::{
        Quota,
        sqlite::{SqliteOpenError, SqliteOptions, SqliteStore},
    },
    waker::Wake,
};

use crate::wait::eventually;

/// Opens a store, and tries again while it is in use: a process that another test starts has a copy
/// of the lock of a store that was just closed, until the process runs its program.
///
/// # Panics
///
/// The store cannot be opened, or stays in use.
pub fn open_unlocked(
    directory: &Path,
    quota: Quota,
    options: SqliteOptions,
    wake: &Arc<dyn Wake>,
) -> SqliteStore {
    let mut store = None;
    eventually(|| match SqliteStore::open(directory, quota, options, Arc::clone(wake)) {
        Err(SqliteOpenError::InUse { .. }) => false,
        opened => {
            store = Some(opened.unwrap());
            true
        }
    });
    store.unwrap()
}
