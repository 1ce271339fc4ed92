//! Keeps servers away from a database while it is copied.

use std::time::Duration;

use super::error::PostgresMigrationError;
use crate::store::postgres::{
    connection::Connection, database_url::DatabaseUrl, deadline::Deadline, schema::COPY_LOCK,
};

/// Longest time for one statement.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects to a database.
pub(super) fn connect(database: &DatabaseUrl) -> Result<Connection, PostgresMigrationError> {
    let mut connection = Connection::connect(database, Deadline::after(PATIENCE))?;
    renew_deadline(&mut connection);
    Ok(connection)
}

/// Connects to a database. The connection holds the lock of copies until it ends, which each
/// connection of a server shares.
pub(super) fn connect_alone(database: &DatabaseUrl) -> Result<Connection, PostgresMigrationError> {
    let mut connection = connect(database)?;
    let statement = statement!("SELECT pg_try_advisory_lock($1)", INT8);
    if !connection.query(statement, &[&COPY_LOCK])?.one()?.get::<bool>(0)? {
        let has_servers = statement!("SELECT to_regclass('node') IS NOT NULL");
        if connection.query(has_servers, &[])?.one()?.get::<bool>(0)? {
            require_stopped(&mut connection)?;
        }
        return Err(PostgresMigrationError::Busy);
    }
    Ok(connection)
}

/// Gives the next statements [`PATIENCE`] from now on.
pub(super) fn renew_deadline(connection: &mut Connection) {
    connection.set_deadline(Deadline::after(PATIENCE));
}

/// Refuses a database that a server has used lately.
pub(super) fn require_stopped(connection: &mut Connection) -> Result<(), PostgresMigrationError> {
    let statement =
        statement!(concat!("SELECT EXISTS (SELECT 1 FROM node WHERE ", seen_lately!(), ")"));
    match connection.query(statement, &[])?.one()?.get(0)? {
        true => Err(PostgresMigrationError::InUse),
        false => Ok(()),
    }
}
