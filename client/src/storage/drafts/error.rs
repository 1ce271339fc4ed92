//! Errors with drafts.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An error with drafts: the file or directory, and the error of the operating system.
/// [`io::ErrorKind::StorageFull`] and [`io::ErrorKind::QuotaExceeded`] say that the disk is full.
/// The caller still has the text, and the version that was on disk before is whole.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct DraftError {
    /// The file or directory.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

pub(super) fn failed(path: &Path, source: io::Error) -> DraftError {
    let path = path.to_owned();
    DraftError { path, source }
}
