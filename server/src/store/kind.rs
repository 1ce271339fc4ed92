//! The stores that a server can be started with, and how each is opened.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use correio_proto::message::Realm;

use super::{
    CreateStore, History, Quota, Store, UploadLimits,
    memory::{MemoryLimits, MemoryStore},
    nodes::StoreRole,
    postgres::{
        DatabaseConfig, NodeKeyError, NodeKeys, PostgresOpenError, PostgresOptions, PostgresStore,
    },
    sqlite::{SqliteOpenError, SqliteOptions, SqliteStore},
};
use crate::{sysexits, waker::Wake};

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// [`crate::store::sqlite`].
    Sqlite,
    /// [`crate::store::memory`].
    Memory,
    /// [`crate::store::postgres`].
    Postgres,
}

/// A store as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// [`StoreKind::Sqlite`], in the data directory.
    Sqlite,
    /// [`StoreKind::Memory`].
    Memory,
    /// [`StoreKind::Postgres`], in this database.
    Postgres(Box<DatabaseConfig>),
}

/// Options for opening a store, whatever its kind.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The data directory.
    pub directory: PathBuf,
    /// The bound of each mailbox.
    pub quota: Quota,
    /// The bounds of uploads.
    pub uploads: UploadLimits,
    /// Jobs that may wait, if the store has a queue.
    pub queue_jobs: usize,
    /// Whether an empty store is made if there is none.
    pub create: CreateStore,
    /// Whether a server opens the store, or a command.
    pub role: StoreRole,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite store.
    #[error(transparent)]
    Sqlite(#[from] SqliteOpenError),
    /// The PostgreSQL store.
    #[error(transparent)]
    Postgres(#[from] PostgresOpenError),
    /// There are no random bytes for the id of a new store.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl OpenError {
    /// The exit status of a server whose store cannot be opened, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Sqlite(error) => error.exit_status(),
            Self::Postgres(error) => error.exit_status(),
            Self::Random(_) => sysexits::OS,
        }
    }
}

impl StoreKind {
    /// All kinds. The first is the default.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Memory, Self::Postgres];

    /// The kind's name in the settings and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Memory => "memory",
            Self::Postgres => "postgres",
        }
    }
}

impl StoreConfig {
    /// The stores that need nothing besides the server.
    pub const LOCAL: [Self; 2] = [Self::Sqlite, Self::Memory];

    /// The store's kind.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        match self {
            Self::Sqlite => StoreKind::Sqlite,
            Self::Memory => StoreKind::Memory,
            Self::Postgres(_) => StoreKind::Postgres,
        }
    }

    /// Connects to the digests of the keys that all servers on the store have in common; `None` if
    /// the store can have one server alone. Call it after [`StoreConfig::open`], which makes the
    /// tables.
    ///
    /// # Errors
    ///
    /// See [`NodeKeyError`].
    pub fn node_keys(&self, directory: &Path) -> Result<Option<NodeKeys>, NodeKeyError> {
        match self {
            Self::Sqlite | Self::Memory => Ok(None),
            Self::Postgres(database) => NodeKeys::connect(&database.url, directory).map(Some),
        }
    }

    /// Opens the store, and returns its history, too. The store calls `wake` when results are ready
    /// that it did not return at once.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(
        &self,
        options: StoreOptions,
        wake: Arc<dyn Wake>,
    ) -> Result<(Box<dyn Store>, History), OpenError> {
        let StoreOptions { directory, quota, uploads, queue_jobs, create, role } = options;
        match self {
            Self::Sqlite => {
                let options =
                    SqliteOptions { queue_jobs, create, uploads, ..SqliteOptions::default() };
                let store = SqliteStore::open(&directory, quota, options, wake)?;
                let history = store.history();
                Ok((Box::new(store), history))
            }
            Self::Memory => {
                let mut realm = [0; 16];
                getrandom::fill(&mut realm).map_err(OpenError::Random)?;
                let limits = MemoryLimits { uploads, ..MemoryLimits::default() };
                let store = MemoryStore::new(Realm(realm), quota, limits);
                Ok((Box::new(store), History::default()))
            }
            Self::Postgres(database) => {
                let DatabaseConfig { url, sync } = &**database;
                let others = PostgresOptions::default();
                let options =
                    PostgresOptions { queue_jobs, create, uploads, sync: *sync, ..others };
                let store = PostgresStore::open(url, &directory, quota, options, role, &wake)?;
                let history = store.history();
                Ok((Box::new(store), history))
            }
        }
    }
}
