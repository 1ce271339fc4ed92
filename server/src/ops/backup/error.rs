//! Why a backup was not made.

use std::{io, path::PathBuf};

use crate::{
    ops::archive::ArchiveError,
    private_file,
    store::sqlite::{SnapshotError, SqliteOpenError},
    sysexits,
};

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum BackupError {
    #[error(transparent)]
    Open(#[from] SqliteOpenError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("no backup was made, because the database in {} is damaged: {finding}; `correiod check` lists everything that is wrong", directory.display())]
    Damaged { directory: PathBuf, finding: String },
    #[error("a backup is not for a terminal: name a file, or send standard output to one")]
    Terminal,
    #[error("{} exists: name another file, or replace it with --force", path.display())]
    Exists { path: PathBuf },
    #[error("the server keeps its data in {}: name another file", path.display())]
    Reserved { path: PathBuf },
    #[error("{} is a directory: name a file in it", path.display())]
    Directory { path: PathBuf },
    #[error("cannot read {}: {source}{}", path.display(), private_file::advice(source))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot make files in {}: {source}", path.display())]
    Scratch { path: PathBuf, source: io::Error },
    #[error("the backup was not made: {source}")]
    Pack { source: ArchiveError },
    #[error("the backup was not written to standard output: {source}")]
    Output { source: ArchiveError },
    #[error("the backup {} was not made: {source}", path.display())]
    File { path: PathBuf, source: ArchiveError },
    #[error("the backup {} was not made: {source}", path.display())]
    Put { path: PathBuf, source: io::Error },
}

impl BackupError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Open(error) => error.exit_status(),
            Self::Snapshot(error) => error.exit_status(),
            Self::Damaged { .. } => sysexits::CONFIG,
            Self::Terminal => sysexits::USAGE,
            Self::Exists { .. } | Self::Reserved { .. } | Self::Directory { .. } => {
                sysexits::CANNOT_CREATE
            }
            Self::Unreadable { source, .. }
            | Self::Scratch { source, .. }
            | Self::Put { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => sysexits::NO_PERMISSION,
                io::ErrorKind::NotFound => sysexits::CANNOT_CREATE,
                _ => sysexits::IO,
            },
            Self::Pack { source } | Self::Output { source } | Self::File { source, .. } => {
                source.exit_status()
            }
        }
    }
}
