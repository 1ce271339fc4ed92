//! Why a PostgreSQL store cannot be opened.

use std::{io, path::PathBuf};

use super::{
    connect_error::ConnectError,
    error::{CommitError, QueryError},
};
use crate::{data_directory, sysexits};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum PostgresOpenError {
    #[error("cannot use the data directory {}: {source}; {}", path.display(), data_directory::advice(source))]
    Directory { path: PathBuf, source: io::Error },
    #[error("another server, or a command, is using the data directory {}; stop it or wait for it, or choose another directory with --data-dir", path.display())]
    InUse { path: PathBuf },
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("the database refuses to make or read the tables of correio: {}{}", .0, owner(.0))]
    Query(#[from] QueryError),
    #[error("the tables of correio could not be committed: {0}")]
    Commit(#[from] CommitError),
    #[error(
        "the database has no tables of correio, and create-store is never: is it the right one? To begin with an empty store there, start the server once with --create-store auto"
    )]
    Missing,
    #[error(
        "the tables were made by a newer correio (schema {found}, this one knows up to {known}); they were left as they are: run the newer program"
    )]
    Newer { found: i32, known: i32 },
    #[error(
        "the database has the unfinished copy of another store: `correiod migrate` with the same --from and --to goes on with it; or name another database"
    )]
    Unfinished,
    #[error("`correiod migrate` is copying the database; start again when it has ended")]
    Migrating,
    #[error("the system gives no random bytes: {detail}")]
    Random { detail: String },
    #[error("cannot start a thread of the store: {source}")]
    Thread { source: io::Error },
}

/// What to do where the role may not make tables (insufficient_privilege).
fn owner(error: &QueryError) -> &'static str {
    match error {
        QueryError::Fatal(text) if text.ends_with("(42501)") => {
            ". Let the role of the address own the database: for the role correio, with ALTER \
             DATABASE NAME OWNER TO correio"
        }
        _ => "",
    }
}

impl PostgresOpenError {
    /// The exit status of a server whose store cannot be opened, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Directory { .. } => sysexits::NO_PERMISSION,
            Self::InUse { .. } => sysexits::UNAVAILABLE,
            Self::Connect(error) => error.exit_status(),
            // The database went away, or had no room, since it was connected to.
            Self::Query(
                QueryError::Repeat(_) | QueryError::Reconnect(_) | QueryError::Unavailable(_),
            )
            | Self::Commit(_)
            | Self::Migrating => sysexits::UNAVAILABLE,
            Self::Query(_) | Self::Missing | Self::Newer { .. } | Self::Unfinished => {
                sysexits::CONFIG
            }
            Self::Thread { .. } | Self::Random { .. } => sysexits::OS,
        }
    }
}
