//! Why a store in a database cannot be read or written as a whole.

use crate::{
    store::postgres::{
        connect_error::ConnectError,
        error::{CommitError, QueryError},
        open_error::PostgresOpenError,
    },
    sysexits,
};

/// Why a store in a database cannot be read or written as a whole.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum PostgresMigrationError {
    #[error(transparent)]
    Open(#[from] PostgresOpenError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the database: {0}")]
    Query(#[from] QueryError),
    #[error("the database: {0}")]
    Commit(#[from] CommitError),
    #[error(
        "a server uses the database, or used it a moment ago: stop all its servers, and wait ten seconds after one that was killed"
    )]
    InUse,
    #[error("another `correiod migrate` reads or fills the database: wait for its end")]
    Busy,
    #[error("there is no store in the database: name that of the servers")]
    NoStore,
    #[error("the database has another store already; nothing was changed: name an empty database")]
    OtherStore,
    #[error(
        "the database has tables of another program; nothing was changed: name an empty database"
    )]
    NotEmpty,
    #[error(
        "the tables in the database were made by an earlier correio (schema {found}, this one copies {known}): start its server once, which upgrades the schema"
    )]
    Older { found: i32, known: i32 },
    #[error(
        "the role of the database's address may not make tables there: name one that owns the database, or GRANT it CREATE on the schema"
    )]
    MayNotMake,
    #[error(
        "the role of the database's address may not read the store: name the role of the servers"
    )]
    MayNotRead,
    #[error("the copy in the database is damaged ({reason}): empty the database and begin anew")]
    Damaged { reason: &'static str },
}

impl PostgresMigrationError {
    /// The exit status, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Open(error) => error.exit_status(),
            Self::Connect(error) => error.exit_status(),
            Self::Query(error) | Self::Commit(CommitError::Failed(error)) => match error {
                QueryError::Repeat(_) | QueryError::Reconnect(_) | QueryError::Unavailable(_) => {
                    sysexits::UNAVAILABLE
                }
                QueryError::Refused { .. } | QueryError::Fatal(_) => sysexits::CONFIG,
            },
            Self::Commit(_) | Self::InUse | Self::Busy => sysexits::UNAVAILABLE,
            Self::NoStore | Self::Older { .. } | Self::Damaged { .. } => sysexits::CONFIG,
            Self::OtherStore | Self::NotEmpty => sysexits::CANNOT_CREATE,
            Self::MayNotMake | Self::MayNotRead => sysexits::NO_PERMISSION,
        }
    }
}
