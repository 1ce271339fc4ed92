//! A store in a database, read as of one moment.

use correio_proto::message::Realm;

use super::{
    error::PostgresMigrationError,
    read::PostgresMigrationReader,
    rights,
    running::{connect, connect_alone, require_stopped},
};
use crate::store::postgres::{
    connection::Connection, database_url::DatabaseUrl, marker, open::version,
    open_error::PostgresOpenError, row::array, schema::VERSION,
};

/// A store in a database, read as of one moment. No server can start on it meanwhile.
#[derive(Debug)]
pub struct PostgresMigrationSource {
    /// In a transaction until it is dropped.
    connection: Connection,
    database: DatabaseUrl,
    realm: Realm,
}

impl PostgresMigrationSource {
    /// Opens the store of a database.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`]; a server runs, or the copy into it was not finished.
    pub fn open(database: &DatabaseUrl) -> Result<Self, PostgresMigrationError> {
        Self::begin(connect_alone(database)?, database)
    }

    /// As [`PostgresMigrationSource::open`], on a connection that holds the lock of copies.
    pub(super) fn begin(
        mut connection: Connection,
        database: &DatabaseUrl,
    ) -> Result<Self, PostgresMigrationError> {
        let mut transaction = connection.transaction();
        rights::require_reading(&mut transaction)?;
        let is_unfinished = marker::is_in(&mut transaction)?;
        let found = version(&mut transaction)?;
        transaction.rollback()?;
        match found {
            _ if is_unfinished => return Err(PostgresOpenError::Unfinished.into()),
            0 => return Err(PostgresMigrationError::NoStore),
            VERSION => {}
            found if found < VERSION => {
                return Err(PostgresMigrationError::Older { found, known: VERSION });
            }
            found => return Err(PostgresOpenError::Newer { found, known: VERSION }.into()),
        }
        require_stopped(&mut connection)?;
        // Read-only by its isolation; the lock is the session's.
        connection.batch("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        let rows = connection.query(statement!("SELECT realm FROM meta"), &[])?;
        let realm = Realm(array(&rows.one()?, 0)?);
        Ok(Self { connection, database: database.clone(), realm })
    }

    /// The random id that was made together with the store.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.realm
    }

    /// What reads this store.
    pub fn reader(&mut self) -> PostgresMigrationReader<'_> {
        PostgresMigrationReader(&mut self.connection)
    }

    /// Refuses a source that a server has used since it was opened: one that was not seen then.
    ///
    /// # Errors
    ///
    /// [`PostgresMigrationError::InUse`], or the database cannot be reached.
    pub fn require_unused(&self) -> Result<(), PostgresMigrationError> {
        let mut connection = connect(&self.database)?;
        require_stopped(&mut connection)
    }
}
