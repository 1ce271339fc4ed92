//! The table `node_key`: digests of the keys that all servers on one database must have in common.
//!
//! Clients pin the fingerprint of the server's own certificate, and an invite or a resume ticket is
//! checked with the key that it was made with. Clients would take a server with other keys for a
//! false one, and that server would refuse valid invites and tickets: it does not start, and says
//! where the right file is.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    connect_error::ConnectError,
    connection::{Connection, Row, Rows, Transaction},
    database_url::DatabaseUrl,
    deadline::Deadline,
    error::{CommitError, QueryError},
    row::array,
};
use crate::{store::nodes::host_name, sysexits};

/// Longest time that a server waits for the database at its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a server's keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum NodeKeyError {
    #[error("{}", other(file, directory, keeper))]
    Other { file: &'static str, directory: PathBuf, keeper: Keeper },
    #[error("{}", damaged(file, directory, keeper))]
    Damaged { file: &'static str, directory: PathBuf, keeper: Keeper },
    #[error("{}", missing(file, directory, keeper))]
    Missing { file: &'static str, directory: PathBuf, keeper: Keeper },
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("the database refuses to compare the keys of its servers: {0}")]
    Query(#[from] QueryError),
    #[error("the digests of the keys could not be committed: {0}")]
    Commit(#[from] CommitError),
}

/// The server that recorded a key first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// This server, which has no copy any more.
    This,
    /// Another server.
    Other {
        /// The name of its machine.
        host: String,
        /// Its data directory.
        directory: String,
    },
}

impl Keeper {
    /// Where a copy of the file is.
    fn copy_of(&self, file: &str) -> String {
        match self {
            Self::This => {
                format!("{file} from the data directory of another server, or from a backup,")
            }
            Self::Other { host, directory } => format!("{directory}/{file} of the machine {host}"),
        }
    }
}

fn other(file: &str, directory: &Path, keeper: &Keeper) -> String {
    format!(
        "{file} in the data directory {} is not the one of the other servers on this database, \
         and they must have the same: put {} in its place{}",
        directory.display(),
        keeper.copy_of(file),
        lost(file)
    )
}

fn damaged(file: &str, directory: &Path, keeper: &Keeper) -> String {
    format!(
        "{file} in the data directory {} is damaged, and all servers on this database must have \
         the same: put {} in its place{}",
        directory.display(),
        keeper.copy_of(file),
        lost(file)
    )
}

fn missing(file: &str, directory: &Path, keeper: &Keeper) -> String {
    format!(
        "the data directory {} has no {file}, and all servers on this database must have the same: \
         copy {} into it{}",
        directory.display(),
        keeper.copy_of(file),
        lost(file)
    )
}

/// The advice for the case that no server has the file any more.
fn lost(file: &str) -> String {
    format!(
        "; if every copy of that file is lost, stop all servers, and have the database forget it: \
         DELETE FROM node_key WHERE file = '{file}'"
    )
}

impl NodeKeyError {
    /// The exit status of a server with such keys, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Other { .. } | Self::Damaged { .. } | Self::Missing { .. } | Self::Query(_) => {
                sysexits::CONFIG
            }
            Self::Connect(error) => error.exit_status(),
            Self::Commit(_) => sysexits::UNAVAILABLE,
        }
    }
}

/// Compares the keys of this server with those of the others, on a connection of its own.
#[derive(Debug)]
pub struct NodeKeys {
    connection: Connection,
    directory: PathBuf,
}

impl NodeKeys {
    /// Connects to the database, which has its tables. `directory` is the data directory.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(database: &DatabaseUrl, directory: &Path) -> Result<Self, NodeKeyError> {
        let deadline = Deadline::after(PATIENCE);
        let mut connection = Connection::connect(database, deadline)?;
        connection.set_deadline(deadline);
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        Ok(Self { connection, directory })
    }

    /// Refuses to let this server make a file that another server has recorded.
    ///
    /// # Errors
    ///
    /// [`NodeKeyError::Missing`], or the database cannot be asked.
    pub fn may_make(&mut self, file: &'static str) -> Result<(), NodeKeyError> {
        let rows = recorded(&mut self.connection.transaction(), file)?;
        match self.keeper(&rows)? {
            None => Ok(()),
            Some(keeper) => {
                Err(NodeKeyError::Missing { file, directory: self.directory.clone(), keeper })
            }
        }
    }

    /// Refuses to let this server make a new file in place of a damaged one that a server has
    /// recorded.
    ///
    /// # Errors
    ///
    /// [`NodeKeyError::Damaged`], or the database cannot be asked.
    pub fn may_replace(&mut self, file: &'static str) -> Result<(), NodeKeyError> {
        let rows = recorded(&mut self.connection.transaction(), file)?;
        match self.keeper(&rows)? {
            None => Ok(()),
            Some(keeper) => {
                Err(NodeKeyError::Damaged { file, directory: self.directory.clone(), keeper })
            }
        }
    }

    /// Records the digest of a file, unless one is recorded, and compares it with what is recorded.
    ///
    /// # Errors
    ///
    /// [`NodeKeyError::Other`], or the database cannot be asked.
    pub fn agree(&mut self, file: &'static str, digest: [u8; 32]) -> Result<(), NodeKeyError> {
        let host = host_name();
        let directory = self.directory.display().to_string();
        let mut transaction = self.connection.transaction();
        let statement = statement!(
            "INSERT INTO node_key (file, digest, host, directory) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            TEXT,
            BYTEA,
            TEXT,
            TEXT
        );
        // The database's texts have no U+0000; neither has a path.
        transaction.execute(statement, &[&file, &digest.as_slice(), &host, &directory])?;
        let rows = recorded(&mut transaction, file)?;
        drop(transaction.commit()?);
        let is_same = array::<32>(&rows.one()?, 0)? == digest;
        match self.keeper(&rows)?.filter(|_| !is_same) {
            None => Ok(()),
            Some(keeper) => {
                Err(NodeKeyError::Other { file, directory: self.directory.clone(), keeper })
            }
        }
    }

    /// The server that has recorded the file of these rows.
    fn keeper(&self, rows: &Rows) -> Result<Option<Keeper>, QueryError> {
        let keeper = |row: Row<'_>| {
            let (host, directory): (&str, &str) = (row.get(1)?, row.get(2)?);
            let is_this = host == host_name() && directory == self.directory.display().to_string();
            Ok(match is_this {
                true => Keeper::This,
                false => Keeper::Other { host: shown(host), directory: shown(directory) },
            })
        };
        rows.first().map(keeper).transpose()
    }
}

fn recorded(transaction: &mut Transaction<'_>, file: &'static str) -> Result<Rows, QueryError> {
    let statement =
        statement!("SELECT digest, host, directory FROM node_key WHERE file = $1", TEXT);
    transaction.query(statement, &[&file])
}

/// A text of the database as an error shows it on a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
