//! The lock that a program holds while it writes a draft.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::Duration,
};

use crate::files::durable;

/// Retry interval and number of tries for the lock of a draft: a program that lists drafts holds it
/// for a moment, a program that writes the draft holds it until it ends.
const LOCK_RETRY: Duration = Duration::from_millis(5);
const LOCK_TRIES: usize = 40;

/// Times that a file is opened again because a program has just replaced it.
pub(super) const OPEN_TRIES: usize = 16;

/// Whether a program holds the lock of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Held,
    Free,
}

/// Locks a file. [`Lock::Held`] if another program keeps the lock. Without locks in the file
/// system, no program counts as holding one.
pub(super) fn lock(file: &File) -> Lock {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_RETRY),
            Ok(()) | Err(TryLockError::Error(_)) => return Lock::Free,
        }
    }
    Lock::Held
}

/// Opens a draft for reading, and tells whether a program is writing it.
pub(super) fn opened(path: &Path) -> io::Result<(File, Lock)> {
    let mut tries = 0..OPEN_TRIES;
    loop {
        let file = durable::open_file(path)?;
        // Lock it shared, so that two programs that list do not take each other for writers.
        let lock = match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Lock::Held,
            Ok(()) | Err(TryLockError::Error(_)) => Lock::Free,
        };
        // Only the file that has the name now counts: an older version has lost its lock.
        if tries.next().is_none() || has_name(&file, path)? {
            return Ok((file, lock));
        }
    }
}

/// Whether a path still names this open file.
pub(super) fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}
