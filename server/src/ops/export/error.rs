//! Why an export ended.

use std::{io, path::PathBuf};

use correio_proto::mail::{MailRef, Username};

use crate::{
    store::{
        postgres::PostgresOpenError,
        sqlite::{SnapshotError, SqliteOpenError},
    },
    sysexits,
};

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum ExportError {
    #[error(transparent)]
    Open(#[from] SqliteOpenError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Database(#[from] PostgresOpenError),
    #[error(
        "stopped by a signal; the mails that were written are whole, and another export goes on after them"
    )]
    Interrupted,
    #[error("there is no account {username} in {place}")]
    NoAccount { username: Username, place: String },
    #[error("the content of mail {} has fewer bytes than it should; correiod check says what is wrong with the database", mail.seq.0)]
    Content { mail: MailRef },
    #[error("cannot write {}: {source}; the mails that were written are whole, and another export goes on after them", path.display())]
    Target { path: PathBuf, source: io::Error },
}

impl ExportError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Open(error) => error.exit_status(),
            Self::Snapshot(error) => error.exit_status(),
            Self::Database(error) => error.exit_status(),
            Self::Interrupted => sysexits::IO,
            Self::NoAccount { .. } => sysexits::NO_USER,
            Self::Content { .. } => sysexits::CONFIG,
            Self::Target { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => sysexits::NO_PERMISSION,
                io::ErrorKind::NotADirectory => sysexits::CANNOT_CREATE,
                _ => sysexits::IO,
            },
        }
    }
}
