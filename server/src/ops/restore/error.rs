//! Why a backup was not restored.

use std::{io, path::PathBuf};

use crate::{ops::archive::ArchiveError, store::sqlite::SnapshotError, sysexits};

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum RestoreError {
    #[error("cannot open the backup {}: {source}", path.display())]
    Source { path: PathBuf, source: io::Error },
    #[error("nothing was restored from {}: {source}", path.display())]
    Archive { path: PathBuf, source: ArchiveError },
    #[error("nothing was restored, because {} is not empty (it has {name}): move what is there away, or name another directory with --data-dir", path.display())]
    NotEmpty { path: PathBuf, name: String },
    #[error("nothing was restored, because a server uses the data directory {}: stop it first", path.display())]
    InUse { path: PathBuf },
    #[error("nothing was restored: cannot use the data directory {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("nothing was restored: {0}")]
    Snapshot(SnapshotError),
}

impl RestoreError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Source { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => sysexits::NO_INPUT,
                io::ErrorKind::PermissionDenied => sysexits::NO_PERMISSION,
                _ => sysexits::IO,
            },
            Self::Archive { source, .. } => source.exit_status(),
            Self::NotEmpty { .. } => sysexits::CANNOT_CREATE,
            Self::InUse { .. } => sysexits::UNAVAILABLE,
            Self::Directory { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => sysexits::NO_PERMISSION,
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => sysexits::CANNOT_CREATE,
                _ => sysexits::IO,
            },
            Self::Snapshot(error) => error.exit_status(),
        }
    }
}
