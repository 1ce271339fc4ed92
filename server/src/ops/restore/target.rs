//! The data directory that a backup is restored into.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::error::RestoreError;
use crate::{
    cancel::Cancel,
    data_directory::LOCK,
    ops::archive::{ArchivedFile, Manifest},
    private_file,
    store::sqlite::SnapshotError,
};

/// Name of the directory that `mkfs` makes in a new file system.
const LOST_AND_FOUND: &str = "lost+found";

/// An empty data directory whose lock is held, so that no server starts in it. If this is dropped
/// before the directory is filled, the directory is as it was.
#[derive(Debug)]
pub(super) struct RestoreTarget {
    directory: PathBuf,
    /// Whether the directory did not exist.
    is_made: bool,
    /// Whether the lock did not exist.
    is_lock_made: bool,
    is_filled: bool,
    /// Held until the end.
    lock: Option<File>,
}

impl RestoreTarget {
    /// Makes the directory if it is missing, and takes its lock.
    pub(super) fn take(directory: &Path) -> Result<Self, RestoreError> {
        let failed = |source| RestoreError::Directory { path: directory.to_owned(), source };
        let is_made = match fs::DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed(error)),
        };
        let mut target = Self {
            directory: directory.to_owned(),
            is_made,
            is_lock_made: false,
            is_filled: false,
            lock: None,
        };
        target.require_empty()?;
        target.take_lock()?;
        // A server may have used the directory until the lock was free.
        target.require_empty()?;
        Ok(target)
    }

    fn require_empty(&self) -> Result<(), RestoreError> {
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(error))? {
            let name = entry.map_err(|error| self.failed(error))?.file_name();
            if name != LOCK && name != LOST_AND_FOUND {
                let name = name.to_string_lossy().into_owned();
                return Err(RestoreError::NotEmpty { path: self.directory.clone(), name });
            }
        }
        Ok(())
    }

    fn take_lock(&mut self) -> Result<(), RestoreError> {
        let path = self.directory.join(LOCK);
        let lock = match private_file::create(&self.directory, &path) {
            Ok(lock) => {
                self.is_lock_made = true;
                lock
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let opened = fs::OpenOptions::new().write(true).open(&path);
                opened.map_err(|error| self.failed(error))?
            }
            Err(error) => return Err(self.failed(error)),
        };
        match lock.try_lock() {
            Ok(()) => {
                self.lock = Some(lock);
                Ok(())
            }
            Err(fs::TryLockError::WouldBlock) => {
                Err(RestoreError::InUse { path: self.directory.clone() })
            }
            Err(fs::TryLockError::Error(error)) => Err(self.failed(error)),
        }
    }

    /// Gives verified files their names, durably, the database last.
    pub(super) fn fill(
        &mut self,
        manifest: &Manifest,
        verified: &Path,
        cancel: &Cancel,
    ) -> Result<(), RestoreError> {
        let mut files: Vec<ArchivedFile> = manifest.files.iter().map(|entry| entry.file).collect();
        files.sort_by_key(|file| *file == ArchivedFile::Database);
        for file in &files {
            let synced = File::open(verified.join(file.name())).and_then(|it| it.sync_all());
            synced.map_err(|error| self.failed(error))?;
        }
        if cancel.is_asked() {
            return Err(RestoreError::Snapshot(SnapshotError::Interrupted));
        }
        let moved = files.iter().try_for_each(|file| {
            fs::rename(verified.join(file.name()), self.directory.join(file.name()))
        });
        let filled = moved.and_then(|()| File::open(&self.directory)?.sync_all());
        if let Err(error) = filled {
            for file in files {
                let _ = fs::remove_file(self.directory.join(file.name()));
            }
            return Err(self.failed(error));
        }
        self.is_filled = true;
        Ok(())
    }

    pub(super) fn failed(&self, source: io::Error) -> RestoreError {
        RestoreError::Directory { path: self.directory.clone(), source }
    }
}

impl Drop for RestoreTarget {
    fn drop(&mut self) {
        if self.is_filled {
            return;
        }
        if self.is_lock_made {
            let _ = fs::remove_file(self.directory.join(LOCK));
        }
        if self.is_made {
            let _ = fs::remove_dir(&self.directory);
        }
    }
}
