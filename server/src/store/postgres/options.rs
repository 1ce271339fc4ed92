//! Options for opening a PostgreSQL store.

use std::time::Duration;

use super::database_url::DatabaseUrl;
use crate::store::{CreateStore, UploadLimits};

/// A database, as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Its address.
    pub url: DatabaseUrl,
    /// Where a change is durable before it is acknowledged.
    pub sync: DatabaseSync,
}

/// Where a change is durable before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatabaseSync {
    /// On the disk of the primary, and on the standbys that the database waits for, if there are
    /// any.
    #[default]
    Primary,
    /// On a standby, too: no job is done while the database waits for none
    /// (`synchronous_standby_names` is empty).
    Standby,
}

/// Bounds of the queues, the number of lanes, and how the store is opened.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Connections to the database, and threads, that do jobs.
    pub lanes: usize,
    /// Jobs that may wait in all lanes together.
    pub queue_jobs: usize,
    /// Bytes of mails and pieces that may wait in a lane.
    pub queue_bytes: u64,
    /// How long a job is run again while the database cannot be reached. After that its result is
    /// `Unavailable`, which leaves open whether it was done.
    pub patience: Duration,
    /// Where a change is durable before it is acknowledged.
    pub sync: DatabaseSync,
    /// The bounds of uploads.
    pub uploads: UploadLimits,
    /// Whether tables are made in a database that has none.
    pub create: CreateStore,
}

impl Default for PostgresOptions {
    /// Four lanes, and 20 seconds: a failover takes about 10.
    fn default() -> Self {
        Self {
            lanes: 4,
            queue_jobs: 16_384,
            queue_bytes: 16 << 20,
            patience: Duration::from_secs(20),
            sync: DatabaseSync::default(),
            uploads: UploadLimits::default(),
            create: CreateStore::Auto,
        }
    }
}
