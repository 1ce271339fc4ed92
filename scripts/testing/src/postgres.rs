//! A PostgreSQL server for tests, from the programs of the distribution.

use correio_server::store::postgres::DatabaseUrl;

/// The PostgreSQL server that the tests of this program share.
#[derive(Debug)]
pub struct Postgres(());

/// A fresh database on a server.
#[derive(Debug)]
pub struct Database {
    /// Its address.
    pub url: DatabaseUrl,
}

/// A fresh database on the server that the tests of this program share, which begins with the first
/// call. `None`, and the test is reported as skipped, if this machine has no PostgreSQL.
#[must_use]
pub fn database() -> Option<Database> {
    Postgres::shared().map(Postgres::database)
}

impl Postgres {
    /// The server that the tests of this program share.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        None
    }

    /// Starts a server of its own, which a test may kill. `settings` are lines of postgresql.conf.
    #[must_use]
    pub fn start(_settings: &str) -> Option<Self> {
        None
    }

    /// A fresh database.
    #[must_use]
    pub fn database(&self) -> Database {
        unreachable!("there is no server yet")
    }

    /// The address of the server on a TCP port of this machine.
    #[must_use]
    pub fn tcp_url(&self, _database: &str) -> DatabaseUrl {
        unreachable!("there is no server yet")
    }

    /// Kills the server's processes at once, as a power cut does.
    pub fn kill(&self) {}

    /// Starts the server again after [`Postgres::kill`], with the same data.
    pub fn restart(&self) {}
}
