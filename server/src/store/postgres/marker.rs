//! The table `migration`, which marks a database that `correiod migrate` has not finished, and the
//! lock that it holds meanwhile: no server serves such a database.

use super::{connection::Transaction, error::QueryError, schema::COPY_LOCK};

/// Makes the table. `step` and `position` say how far the copy has come.
pub(super) const MAKE: &str = "
    CREATE TABLE migration (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        step bigint NOT NULL DEFAULT 0,
        position bytea NOT NULL DEFAULT ''
    );
    INSERT INTO migration DEFAULT VALUES;
";

/// Whether the database has the table.
pub(super) fn is_in(transaction: &mut Transaction<'_>) -> Result<bool, QueryError> {
    let statement = statement!("SELECT to_regclass('migration') IS NOT NULL");
    transaction.query(statement, &[])?.one()?.get(0)
}

/// Shares the lock until the end of the transaction. Returns false if `correiod migrate` holds it.
pub(super) fn lock_shared(transaction: &mut Transaction<'_>) -> Result<bool, QueryError> {
    let statement = statement!("SELECT pg_try_advisory_xact_lock_shared($1)", INT8);
    transaction.query(statement, &[&COPY_LOCK])?.one()?.get(0)
}
