//! Why a message cannot be made.

use std::{io, path::PathBuf};

use super::message_id::InvalidMessageId;

/// Why a message was not made. Nothing was sent, and no file is left.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// A file that is attached cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Attachment {
        /// The file.
        path: PathBuf,
        /// The error of the operating system; [`io::ErrorKind::InvalidData`] for a directory, a
        /// pipe or a device.
        source: io::Error,
    },
    /// A file that is attached was changed, or became longer or shorter, while it was read.
    #[error("{path} was changed while it was attached", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// More files are attached than a message may have.
    #[error("at most {max} files can be attached")]
    TooMany {
        /// The largest number of files.
        max: usize,
    },
    /// The message would be larger than a content may be.
    #[error("the message would have {size} bytes (at most {max})")]
    TooLarge {
        /// Bytes of the message, about.
        size: u64,
        /// The largest content, in bytes.
        max: u64,
    },
    /// No id can be made with the domain.
    #[error(transparent)]
    Domain(#[from] InvalidMessageId),
    /// The message cannot be written.
    #[error("{path}: {source}", path = path.display())]
    Write {
        /// The file of the message.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The call was cancelled.
    #[error("cancelled")]
    Cancelled,
}
