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
    let open = || SqliteStore::open(directory, quota, options, Arc::clone(wake));
    unlocked(open).unwrap()
}

/// As [`open_unlocked`], with an opening of the caller's.
///
/// # Errors
///
/// Those of the opening, besides [`SqliteOpenError::InUse`].
///
/// # Panics
///
/// The store stays in use.
pub fn unlocked<T>(
    mut open: impl FnMut() -> Result<T, SqliteOpenError>,
) -> Result<T, SqliteOpenError> {
    let mut result = None;
    eventually(|| {
        let opened = open();
        let is_in_use = matches!(opened, Err(SqliteOpenError::InUse { .. }));
        result = Some(opened);
        !is_in_use
    });
    result.unwrap()
}
