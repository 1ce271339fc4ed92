//! Checks the rights that a copy needs before anything else is done: the database itself would name
//! only the first table that it refuses.

use super::error::PostgresMigrationError;
use crate::store::postgres::connection::Transaction;

/// Refuses a role that may not make tables.
pub(super) fn require_making(
    transaction: &mut Transaction<'_>,
) -> Result<(), PostgresMigrationError> {
    let statement =
        statement!("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)");
    match transaction.query(statement, &[])?.one()?.get(0)? {
        true => Ok(()),
        false => Err(PostgresMigrationError::MayNotMake),
    }
}

/// Refuses a role that may not read all tables and sequences of the store. Those of its owner in
/// its schema are the store's.
pub(super) fn require_reading(
    transaction: &mut Transaction<'_>,
) -> Result<(), PostgresMigrationError> {
    let statement = statement!(
        "SELECT coalesce(bool_and(has_table_privilege(part.oid, 'SELECT')), true)
         FROM pg_class AS meta
         JOIN pg_class AS part
             ON part.relnamespace = meta.relnamespace AND part.relowner = meta.relowner
         WHERE meta.oid = to_regclass('meta') AND part.relkind IN ('r', 'S')"
    );
    match transaction.query(statement, &[])?.one()?.get(0)? {
        true => Ok(()),
        false => Err(PostgresMigrationError::MayNotRead),
    }
}
