//! The table `name`, whose key keeps a name from being an account's and a list's.

use correio_proto::mail::Username;

use super::{context::Context, error::QueryError};

/// Takes a name for an account. Returns false if an account or a list has it. A transaction that
/// takes the same name waits until this one has ended.
pub(super) fn take_for_account(
    context: &mut Context<'_, '_>,
    username: &Username,
) -> Result<bool, QueryError> {
    let statement = statement!(
        "INSERT INTO name (username, kind) VALUES ($1, 0)
         ON CONFLICT (username) DO UPDATE SET kind = 0 WHERE name.kind = 2",
        TEXT
    );
    Ok(context.execute(statement, &[&username.as_str()])? > 0)
}

/// Takes a name for a list. Returns false if an account or a list has it, or if a deleted account
/// had it.
pub(super) fn take_for_list(
    context: &mut Context<'_, '_>,
    name: &Username,
) -> Result<bool, QueryError> {
    let statement =
        statement!("INSERT INTO name (username, kind) VALUES ($1, 1) ON CONFLICT DO NOTHING", TEXT);
    Ok(context.execute(statement, &[&name.as_str()])? > 0)
}

/// Keeps the username of an account that is being deleted from lists.
pub(super) fn retire(context: &mut Context<'_, '_>, username: &str) -> Result<(), QueryError> {
    let statement = statement!("UPDATE name SET kind = 2 WHERE username = $1", TEXT);
    context.execute(statement, &[&username]).map(drop)
}

/// Gives the names of deleted lists free.
pub(super) fn free(context: &mut Context<'_, '_>, names: &[&str]) -> Result<(), QueryError> {
    let statement =
        statement!("DELETE FROM name WHERE username = ANY ($1) AND kind = 1", TEXT_ARRAY);
    context.execute(statement, &[&names]).map(drop)
}
