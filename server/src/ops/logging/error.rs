//! Why the log cannot be started.

use std::{io, path::PathBuf};

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The log file cannot be written.
    #[error("cannot write the log file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start the log's thread: {0}")]
    Thread(io::Error),
    /// There is a log already.
    #[error("this process has a log already")]
    Twice,
}
