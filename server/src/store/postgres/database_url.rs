//! The address of the database, as a URL.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

/// The address of a database: its hosts, its name, the user, and how connections are secured.
/// `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) connect_timeout: Duration,
}

/// A machine, or a directory of this machine, where a database listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A machine and a port.
    Tcp {
        /// Its name or its address.
        name: String,
        /// The port.
        port: u16,
    },
    /// A socket of this machine.
    Unix {
        /// The directory of the socket.
        directory: PathBuf,
        /// The port, which is part of the socket's name.
        port: u16,
    },
}

/// Why a URL is no address of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseUrlError(pub String);

impl DatabaseUrl {
    /// The hosts, in the order in which they are tried.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The same address with another name of the database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(_text: &str) -> Result<Self, DatabaseUrlError> {
        Err(DatabaseUrlError("not read yet".into()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@/{}", self.user, self.database)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
