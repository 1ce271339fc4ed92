//! The file `store-is-postgres` in a data directory, which says that its server keeps the store in
//! a
//! PostgreSQL database.
//!
//! A command without the server's settings would take an old file of SQLite for the store, or make
//! a key beside no store at all.

use std::{io, path::Path};

use super::{config::Config, exit::Failure};
use crate::{
    data_directory::{DATABASE, STORE_IS_POSTGRES, has},
    private_file,
    store::kind::{StoreConfig, StoreKind},
};

/// What the file says to a person.
const CONTENT: &[u8] = b"The server of this directory keeps its store in a PostgreSQL database.\n";

/// Refuses the store of these settings if the data directory is that of a server with another one.
///
/// # Errors
///
/// [`Failure::StoreInDatabase`], [`Failure::StoreLeft`], or the directory cannot be searched.
pub fn require(config: &Config) -> Result<(), Failure> {
    let directory = &config.data_dir;
    let is_other = match config.store {
        StoreConfig::Sqlite => is_found(has(directory, STORE_IS_POSTGRES)),
        StoreConfig::Postgres(_) => is_found(has(directory, DATABASE)),
        StoreConfig::Memory => Ok(false),
    };
    let directory = directory.clone();
    match (is_other, config.store.kind()) {
        (Ok(false), _) => Ok(()),
        (Ok(true), StoreKind::Postgres) => Err(Failure::StoreLeft { directory }),
        (Ok(true), StoreKind::Sqlite | StoreKind::Memory) => {
            Err(Failure::StoreInDatabase { directory })
        }
        (Err(source), _) => Err(Failure::DataDirectory { directory, source }),
    }
}

/// Whether the server of this data directory keeps its store in a database, which other servers may
/// share. False of a directory that cannot be searched.
#[must_use]
pub fn is_in_database(directory: &Path) -> bool {
    has(directory, STORE_IS_POSTGRES).unwrap_or(false)
}

/// Writes the file for a server whose store was opened, which has locked the directory.
///
/// # Errors
///
/// The file cannot be made.
pub fn record(config: &Config) -> Result<(), Failure> {
    match config.store {
        StoreConfig::Postgres(_) => write(&config.data_dir).map_err(|source| {
            Failure::DataDirectory { directory: config.data_dir.clone(), source }
        }),
        StoreConfig::Sqlite | StoreConfig::Memory => Ok(()),
    }
}

fn write(directory: &Path) -> io::Result<()> {
    if has(directory, STORE_IS_POSTGRES)? {
        return Ok(());
    }
    private_file::make(directory, STORE_IS_POSTGRES, CONTENT)
}

/// Whether a file was found. A path that leads through a file has none; the store says so.
fn is_found(found: io::Result<bool>) -> io::Result<bool> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        found => found,
    }
}
