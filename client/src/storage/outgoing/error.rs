//! Why the content of a mail cannot be sent.

use std::{io, path::PathBuf};

use correio_proto::mail::Invalid;

/// Why the content of a mail cannot be read, or is none.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// An operation of the file system failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The content is not UTF-8 text.
    #[error("it is not UTF-8 text from line {line} on")]
    NotText {
        /// The first line that is not, from 1.
        line: usize,
    },
    /// The content is blank or too long.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The file was changed, or became shorter or longer, while it was sent.
    #[error("{path} was changed while it was sent", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}
