//! Locks between programs: file locks, which the operating system releases when a program ends,
//! however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::Duration,
};

use rustix::io::Errno;

use crate::cancel::Cancel;

/// Interval between tries while another program holds the lock.
const RETRY: Duration = Duration::from_millis(50);

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitLimit {
    /// Ten seconds: the other program receives mail.
    Receiving,
    /// Three seconds: the other program changes a small file.
    Changing,
}

impl WaitLimit {
    fn tries(self) -> usize {
        match self {
            Self::Receiving => 200,
            Self::Changing => 60,
        }
    }
}

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another program held the lock all the time.
    Held,
    /// The call was cancelled.
    Cancelled,
    /// The file cannot be opened, or its file system has no locks.
    Io(io::Error),
}

/// Waits for the lock of a file, which is created if it is missing. Dropping the file releases the
/// lock.
pub(crate) fn take(path: &Path, limit: WaitLimit, cancel: &Cancel) -> Result<File, LockError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(LockError::Io)?;
    let _watch = cancel.watch();
    for _ in 0..limit.tries() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(explained(error))),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                return Err(LockError::Cancelled);
            }
            Err(TryLockError::WouldBlock) => thread::park_timeout(RETRY),
        }
    }
    Err(LockError::Held)
}

/// Adds advice to an error of a file system without locks.
fn explained(error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
            let text = format!(
                "the file system has no locks ({error}): choose a data directory on another one, \
                 such as the computer's own disk, or have its locks switched on (NFS: its lock \
                 service, or the mount option local_lock=flock)"
            );
            io::Error::new(error.kind(), text)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_says_what_to_do() {
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            let said = explained(errno.into()).to_string();
            assert!(said.contains("data directory on another one"), "{said}");
            assert!(said.contains("os error"), "{said}");
        }
        let other = explained(Errno::IO.into());
        assert_eq!(Errno::from_io_error(&other), Some(Errno::IO));
    }
}
