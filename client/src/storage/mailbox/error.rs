//! Errors of a local mailbox.

use std::{
    io,
    path::{Path, PathBuf},
};

use correio_proto::rfc5322::Unreadable;

use super::folder::Folder;
use crate::storage::skipped::Skipped;

/// Errors of a local mailbox.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// An operation of the file system failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// No mail of this folder has this number.
    #[error("there is no mail number {1} in the folder {0:?}")]
    NoSuchMail(Folder, usize),
    /// The file is not, or no longer, a mail that correio saved.
    #[error("{path}: {reason}", path = .0.path.display(), reason = .0.reason)]
    Damaged(Skipped),
    /// Another program is receiving mail into this mailbox.
    #[error("another client is receiving mail into this mailbox")]
    Locked,
    /// The call was cancelled. Nothing was changed.
    #[error("cancelled")]
    Cancelled,
}

impl MailboxError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }

    /// Why the file at this path cannot be read as a mail.
    pub(super) fn unreadable(path: &Path, error: Unreadable) -> Self {
        match error {
            Unreadable::Damaged(reason) => Self::Damaged(Skipped { path: path.to_owned(), reason }),
            Unreadable::Io(error) => Self::io(path, error),
        }
    }
}
