//! Why a backup cannot be written or read.

use std::io;

use crate::{cancel::Cancel, counted::Counted, sysexits};

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum ArchiveError {
    #[error("stopped by a signal")]
    Interrupted,
    #[error("it is not a backup of correio")]
    Foreign,
    #[error("it is cut off: its end is missing")]
    Cut,
    #[error("it is damaged: {reason}")]
    Damaged { reason: String },
    #[error("it was written by a newer correio ({correio}): restore it with that version")]
    Newer { correio: String },
    #[error("it needs {}, and there is room for {free} alone", Counted(*needed, "byte"))]
    TooLarge { needed: u64, free: u64 },
    #[error("reading it failed: {0}")]
    Read(io::Error),
    #[error("writing failed: {0}")]
    Write(io::Error),
}

impl ArchiveError {
    /// The error of reading an archive: what the decoders report, or what the system reports.
    pub(super) fn of_read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ if error.raw_os_error().is_some() => Self::Read(error),
            _ => Self::damaged(error.to_string()),
        }
    }

    /// [`ArchiveError::Interrupted`] if a signal came, otherwise this error.
    pub(super) fn unless_cancelled(self, cancel: &Cancel) -> Self {
        if cancel.is_asked() { Self::Interrupted } else { self }
    }

    pub(super) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged { reason: reason.into() }
    }

    /// The exit status of a command that ends with this error, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Foreign | Self::Cut | Self::Damaged { .. } | Self::Newer { .. } => {
                sysexits::CONFIG
            }
            Self::Interrupted | Self::TooLarge { .. } | Self::Read(_) => sysexits::IO,
            Self::Write(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                sysexits::NO_PERMISSION
            }
            Self::Write(_) => sysexits::IO,
        }
    }
}
