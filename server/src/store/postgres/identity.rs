//! Checks that a new connection leads to the store that the server began with.
//!
//! A host of the address may have another store, after a restore or a change in DNS. Its accounts
//! have the same numbers as this store's, so that an open session would read another person's mail.

use correio_proto::message::Realm;

use super::{connection::Connection, error::QueryError, schema::COPY_LOCK};

/// The store that a server began with.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreIdentity {
    pub(super) realm: Realm,
}

impl StoreIdentity {
    /// Checks a new connection, which then keeps `correiod migrate` away until its end. An error
    /// calls for another connection: the database may come back as it was.
    pub(super) fn check(self, connection: &mut Connection) -> Result<(), QueryError> {
        let statement = statement!(
            "SELECT pg_try_advisory_lock_shared($1) AND to_regclass('migration') IS NULL,
                 to_regclass('meta') IS NOT NULL",
            INT8
        );
        let rows = connection.query(statement, &[&COPY_LOCK])?;
        let row = rows.one()?;
        let (may_serve, has_tables): (bool, bool) = (row.get(0)?, row.get(1)?);
        if !may_serve {
            let text = "`correiod migrate` copies the database, or has not finished a copy into it";
            return Err(QueryError::Reconnect(text.into()));
        }
        let realm = self.realm.0.as_slice();
        let is_same = has_tables && {
            let statement = statement!("SELECT realm = $1 FROM meta", BYTEA);
            let rows = connection.query(statement, &[&realm])?;
            rows.first().map_or(Ok(false), |row| row.get(0))?
        };
        if is_same {
            return Ok(());
        }
        let text = "the database has another store than the one that this server began with: its \
                    sessions would read the mail of others";
        Err(QueryError::Reconnect(text.into()))
    }
}
