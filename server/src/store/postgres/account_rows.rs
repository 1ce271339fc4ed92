//! What many jobs read of an account before anything else, and the lock of its mailbox.

use correio_proto::mail::{FullName, Username};

use super::{context::Context, error::QueryError, row::parsed};
use crate::ids::AccountId;

/// The names of an account that exists.
pub(super) fn names_of(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<Option<(Username, FullName)>, QueryError> {
    let statement = statement!("SELECT username, full_name FROM account WHERE id = $1", INT8);
    let rows = context.query(statement, &[&account.0])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((parsed(&row, 0)?, parsed(&row, 1)?)))
}

/// The id of the account with this username.
pub(super) fn id_of(
    context: &mut Context<'_, '_>,
    username: &Username,
) -> Result<Option<AccountId>, QueryError> {
    let statement = statement!("SELECT id FROM account WHERE username = $1", TEXT);
    let rows = context.query(statement, &[&username.as_str()])?;
    rows.first().map(|row| row.get(0).map(AccountId)).transpose()
}

pub(super) fn exists(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<bool, QueryError> {
    context.exists(statement!("SELECT 1 FROM account WHERE id = $1", INT8), &[&account.0])
}

/// Locks the mailbox of an account until the end of the transaction. Returns false if there is no
/// such account.
pub(super) fn lock(context: &mut Context<'_, '_>, account: AccountId) -> Result<bool, QueryError> {
    let statement = statement!("SELECT 1 FROM mailbox WHERE account = $1 FOR NO KEY UPDATE", INT8);
    context.exists(statement, &[&account.0])
}
