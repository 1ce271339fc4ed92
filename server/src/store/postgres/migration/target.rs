//! A store in a database, made batch by batch.
//!
//! The table `migration` (`marker.rs`) keeps every server away until the last transaction removes
//! it.

use std::time::Duration;

use correio_proto::message::Realm;

use super::{
    error::PostgresMigrationError,
    read::PostgresMigrationReader,
    rights,
    running::{connect_alone, renew_deadline},
    source::PostgresMigrationSource,
    write,
};
use crate::store::{
    migration::{CopyPosition, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable},
    postgres::{
        connection::{Connection, Transaction},
        database_url::DatabaseUrl,
        deadline::Deadline,
        marker,
        open::{make_tables, version},
        open_error::PostgresOpenError,
        row::array,
        schema::{UPGRADE_LOCK, VERSION},
    },
};

/// Longest time of the `ANALYZE`, in which the database samples its tables.
const ANALYSIS: Duration = Duration::from_secs(3600);

/// A store in a database, with the lock of copies.
#[derive(Debug)]
pub struct PostgresMigrationTarget {
    connection: Connection,
}

/// What a database has.
#[derive(Debug)]
pub enum PostgresTargetState {
    /// A copy that is not finished, or was just begun, and how far it has come.
    Unfinished(Box<PostgresMigrationTarget>, CopyPosition),
    /// A whole store of the same realm, as a finished copy has left it or servers since.
    Whole(Box<PostgresMigrationSource>),
}

impl PostgresMigrationTarget {
    /// Begins the copy of a store in an empty database, or goes on with it.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`]. A store of another realm is left as it is.
    pub fn open(
        database: &DatabaseUrl,
        source: Realm,
    ) -> Result<PostgresTargetState, PostgresMigrationError> {
        let mut connection = connect_alone(database)?;
        let mut transaction = connection.transaction();
        let lock = statement!("SELECT pg_advisory_xact_lock($1)", INT8);
        transaction.query(lock, &[&UPGRADE_LOCK])?;
        let (is_unfinished, found) = (marker::is_in(&mut transaction)?, version(&mut transaction)?);
        if found > VERSION {
            return Err(PostgresOpenError::Newer { found, known: VERSION }.into());
        }
        if found == 0 {
            rights::require_making(&mut transaction)?;
            if is_in_use(&mut transaction)? {
                return Err(PostgresMigrationError::NotEmpty);
            }
            make_tables(&mut transaction, 0, source)?;
            // The lists are those of the source, also the list of everybody.
            transaction.batch("DELETE FROM list; DELETE FROM name;")?;
            transaction.batch(marker::MAKE)?;
            drop(transaction.commit()?);
            let target = Self { connection };
            return Ok(PostgresTargetState::Unfinished(Box::new(target), CopyPosition::default()));
        }
        if realm(&mut transaction)? != source {
            return Err(PostgresMigrationError::OtherStore);
        }
        if !is_unfinished {
            transaction.rollback()?;
            let there = PostgresMigrationSource::begin(connection, database)?;
            return Ok(PostgresTargetState::Whole(Box::new(there)));
        }
        if found != VERSION {
            let reason = "another version of correio began it";
            return Err(PostgresMigrationError::Damaged { reason });
        }
        let position = position(&mut transaction)?;
        transaction.rollback()?;
        Ok(PostgresTargetState::Unfinished(Box::new(Self { connection }), position))
    }

    /// Writes the rows of a batch, and how far the copy has come with them.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`]. After a commit whose end is unknown the batch may be
    /// written: the position says so.
    pub fn write(
        &mut self,
        table: MigrationTable,
        rows: &[MigrationRow],
        position: &CopyPosition,
    ) -> Result<(), PostgresMigrationError> {
        renew_deadline(&mut self.connection);
        let mut transaction = self.connection.transaction();
        write::rows(&mut transaction, table, rows)?;
        let statement = statement!("UPDATE migration SET step = $1, position = $2", INT8, BYTEA);
        let step = i64::try_from(position.index).unwrap_or(i64::MAX);
        transaction.execute(statement, &[&step, &position.encoded_key()])?;
        drop(transaction.commit()?);
        Ok(())
    }

    /// Sets the numbers above which new ones are given, and the values of the table `meta`.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`].
    pub fn end(
        &mut self,
        settings: MigrationSettings,
        numbers: MigrationNumbers,
    ) -> Result<(), PostgresMigrationError> {
        renew_deadline(&mut self.connection);
        let mut transaction = self.connection.transaction();
        write::end(&mut transaction, settings, numbers)?;
        drop(transaction.commit()?);
        // The first statements of a server are planned by what the tables have.
        self.connection.set_deadline(Deadline::after(ANALYSIS));
        self.connection.batch("ANALYZE")?;
        Ok(())
    }

    /// Makes the store one that servers serve.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`].
    pub fn finish(mut self) -> Result<(), PostgresMigrationError> {
        renew_deadline(&mut self.connection);
        let mut transaction = self.connection.transaction();
        transaction.batch("DROP TABLE migration")?;
        drop(transaction.commit()?);
        Ok(())
    }

    /// What reads this store.
    pub fn reader(&mut self) -> PostgresMigrationReader<'_> {
        PostgresMigrationReader(&mut self.connection)
    }
}

/// Whether the database has tables, views or sequences besides those of its extensions.
fn is_in_use(transaction: &mut Transaction<'_>) -> Result<bool, PostgresMigrationError> {
    let statement = statement!(
        "SELECT EXISTS (
             SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                 AND NOT EXISTS (
                     SELECT 1 FROM pg_depend
                     WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                         AND deptype = 'e'
                 )
         )"
    );
    Ok(transaction.query(statement, &[])?.one()?.get(0)?)
}

fn realm(transaction: &mut Transaction<'_>) -> Result<Realm, PostgresMigrationError> {
    let rows = transaction.query(statement!("SELECT realm FROM meta"), &[])?;
    Ok(Realm(array(&rows.one()?, 0)?))
}

fn position(transaction: &mut Transaction<'_>) -> Result<CopyPosition, PostgresMigrationError> {
    let rows = transaction.query(statement!("SELECT step, position FROM migration"), &[])?;
    let row = rows.one()?;
    let (step, key): (i64, &[u8]) = (row.get(0)?, row.get(1)?);
    let reason = "its position cannot be read";
    CopyPosition::decode(step, key).ok_or(PostgresMigrationError::Damaged { reason })
}
