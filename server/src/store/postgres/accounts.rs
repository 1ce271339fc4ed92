//! Jobs about accounts as SQL, within the transaction of their job.

use correio_proto::{
    directory::fold,
    mail::{FullName, MailId, Timestamp, Username},
};

use super::{
    account_columns::{account_state, code, own_quota, password_hash},
    account_rows::{self, lock},
    app_passwords, contents,
    context::Context,
    ended_sessions::{self, Ended},
    error::QueryError,
    lists, names,
    row::{parsed, to_sql, unsigned},
    uploads,
};
use crate::{
    day::begin_of_day,
    ids::{AccountId, CodeDigest, InviteId, PasswordHash},
    store::{AccountRecord, HashChange, StoreDone, admin::Usage, lists::is_reserved},
};

pub(super) fn find(
    context: &mut Context<'_, '_>,
    username: &Username,
) -> Result<Option<AccountRecord>, QueryError> {
    let statement = statement!(
        "SELECT id, full_name, hash, mails, bytes, state, code, code_expires_at, quota_mails,
             quota_bytes
         FROM account JOIN mailbox ON account = id WHERE username = $1",
        TEXT
    );
    let quota = context.quota;
    let rows = context.query(statement, &[&username.as_str()])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(AccountRecord {
        id: AccountId(row.get(0)?),
        username: username.clone(),
        full_name: parsed(&row, 1)?,
        hash: password_hash(&row, 2)?,
        state: account_state(&row, 5)?,
        code: code(&row, 6)?,
        usage: Usage {
            mails: unsigned(&row, 3)?,
            bytes: unsigned(&row, 4)?,
            quota: own_quota(&row, 8)?.unwrap_or(quota),
        },
    }))
}

pub(super) fn create(
    context: &mut Context<'_, '_>,
    register_id: &MailId,
    username: &Username,
    full_name: &FullName,
    hash: &PasswordHash,
    invite: Option<InviteId>,
) -> Result<StoreDone, QueryError> {
    // The name is taken first: a second registration of it waits here for the end of the first.
    if is_reserved(username) || !names::take_for_account(context, username)? {
        let statement =
            statement!("SELECT register_id = $2 FROM account WHERE username = $1", TEXT, BYTEA);
        let id = register_id.as_bytes().as_slice();
        let rows = context.query(statement, &[&username.as_str(), &id])?;
        let is_same = rows.first().map(|row| row.get::<Option<bool>>(0)).transpose()?;
        return Ok(match is_same.flatten() {
            Some(true) => StoreDone::CreatedBefore,
            Some(false) | None => StoreDone::UsernameTaken,
        });
    }
    if let Some(InviteId(invite)) = invite {
        let statement =
            statement!("INSERT INTO used_invite (id) VALUES ($1) ON CONFLICT DO NOTHING", BYTEA);
        if context.execute(statement, &[&invite.as_slice()])? == 0 {
            return Ok(context.refuse(StoreDone::InviteUsed));
        }
    }
    insert(context, (username, full_name), &hash.0, Some(register_id), None)?;
    Ok(StoreDone::Created)
}

/// Makes an account, whose name was taken for it. An empty hash stands for no password.
pub(super) fn insert(
    context: &mut Context<'_, '_>,
    (username, full_name): (&Username, &FullName),
    hash: &str,
    register_id: Option<&MailId>,
    created_at: Option<Timestamp>,
) -> Result<AccountId, QueryError> {
    let statement = statement!(
        "INSERT INTO account (username, full_name, folded, hash, register_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        TEXT,
        TEXT,
        TEXT,
        TEXT,
        BYTEA,
        INT8
    );
    let rows = context.change(
        statement,
        &[
            &username.as_str(),
            &full_name.as_str(),
            &folded(username, full_name),
            &hash,
            &register_id.map(|id| id.as_bytes().as_slice()),
            &created_at.map(|at| to_sql(at.0)),
        ],
    )?;
    let id: i64 = match rows.first() {
        Some(row) => row.get(0)?,
        None => return Err(QueryError::Fatal("a new account has no id".into())),
    };
    context.execute(statement!("INSERT INTO mailbox (account) VALUES ($1)", INT8), &[&id])?;
    lists::count_account(context)?;
    Ok(AccountId(id))
}

/// The text that the directory looks an account up by: its username, and its full name, folded,
/// each after a character that no name has.
pub(super) fn folded(username: &Username, full_name: &FullName) -> String {
    format!("\u{1}{}\u{2}{}", username.as_str(), fold(full_name.as_str()))
}

pub(super) fn set_full_name(
    context: &mut Context<'_, '_>,
    account: AccountId,
    full_name: &FullName,
) -> Result<StoreDone, QueryError> {
    let Some((username, _)) = account_rows::names_of(context, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let statement = statement!(
        "UPDATE account SET full_name = $2, folded = $3 WHERE id = $1",
        INT8,
        TEXT,
        TEXT
    );
    let values: [&(dyn postgres_types::ToSql + Sync); 3] =
        [&account.0, &full_name.as_str(), &folded(&username, full_name)];
    match context.execute(statement, &values)? {
        0 => Ok(StoreDone::NoAccount),
        _ => Ok(StoreDone::Changed),
    }
}

/// Sets a password by a recovery code, as [`crate::store::StoreJob::Recover`] describes it.
pub(super) fn recover(
    context: &mut Context<'_, '_>,
    username: &Username,
    code: &CodeDigest,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    let statement = statement!(
        "UPDATE account SET hash = $4, code = NULL, code_expires_at = NULL
         WHERE username = $1 AND code = $2 AND code_expires_at > $3 RETURNING id",
        TEXT,
        BYTEA,
        INT8,
        TEXT
    );
    let rows = context
        .change(statement, &[&username.as_str(), &code.0.as_slice(), &to_sql(now.0), &&*hash.0])?;
    let Some(row) = rows.first() else {
        return Ok(StoreDone::WrongCode);
    };
    let account = AccountId(row.get(0)?);
    let revoked = app_passwords::revoke_all(context, account)?;
    ended_sessions::end(context, account, Ended::All)?;
    Ok(StoreDone::Recovered { account, revoked })
}

/// Records the day of a login, and takes back the warning of retention. A later day stays: the
/// clock was set back.
pub(super) fn set_used(
    context: &mut Context<'_, '_>,
    account: AccountId,
    now: Timestamp,
) -> Result<StoreDone, QueryError> {
    let day = to_sql(begin_of_day(now).0);
    let statement = statement!(
        "UPDATE account SET used_at = greatest(coalesce(used_at, 0), $2), warned_on = NULL
         WHERE id = $1 AND (used_at IS NULL OR used_at < $2 OR warned_on IS NOT NULL)",
        INT8,
        INT8
    );
    match context.execute(statement, &[&account.0, &day])? > 0
        || account_rows::exists(context, account)?
    {
        true => Ok(StoreDone::Changed),
        false => Ok(StoreDone::NoAccount),
    }
}

/// An account's hash, which is `None` inside where no password was set. Its row is locked until the
/// end of the transaction.
fn locked_hash(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<Option<Option<PasswordHash>>, QueryError> {
    let statement = statement!("SELECT hash FROM account WHERE id = $1 FOR NO KEY UPDATE", INT8);
    let rows = context.query(statement, &[&account.0])?;
    rows.first().map(|row| password_hash(&row, 0)).transpose()
}

pub(super) fn set_hash(
    context: &mut Context<'_, '_>,
    account: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
    change: HashChange,
) -> Result<StoreDone, QueryError> {
    match locked_hash(context, account)? {
        None => Ok(StoreDone::NoAccount),
        Some(present) if ![Some(old), Some(new)].contains(&present.as_ref()) => {
            Ok(StoreDone::Conflict)
        }
        Some(_) => {
            let statement = statement!("UPDATE account SET hash = $2 WHERE id = $1", INT8, TEXT);
            context.execute(statement, &[&account.0, &&*new.0])?;
            match change {
                HashChange::NewPassword => {
                    let revoked = app_passwords::revoke_all(context, account)?;
                    ended_sessions::end(context, account, Ended::All)?;
                    Ok(StoreDone::PasswordSet { revoked })
                }
                HashChange::NewCost => Ok(StoreDone::Changed),
            }
        }
    }
}

pub(super) fn delete(
    context: &mut Context<'_, '_>,
    account: AccountId,
    hash: &PasswordHash,
) -> Result<StoreDone, QueryError> {
    lock(context, account)?;
    match locked_hash(context, account)? {
        None => return Ok(StoreDone::NoAccount),
        Some(present) if present.as_ref() != Some(hash) => return Ok(StoreDone::Conflict),
        Some(_) => {}
    }
    delete_all(context, account)?;
    Ok(StoreDone::Changed)
}

/// Deletes an account that exists, its mailbox and its uploads. Its idempotency records stay until
/// they are pruned by age: no account gets its id again.
pub(super) fn delete_all(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<(), QueryError> {
    lock(context, account)?;
    let statement = statement!("DELETE FROM mail WHERE account = $1 RETURNING content", INT8);
    let deleted = context.change(statement, &[&account.0])?;
    contents::release(context, &deleted, 0)?;
    uploads::delete_of(context, account)?;
    app_passwords::revoke_all(context, account)?;
    ended_sessions::end(context, account, Ended::All)?;
    lists::forget_account(context, account)?;
    context.execute(statement!("DELETE FROM mailbox WHERE account = $1", INT8), &[&account.0])?;
    let statement = statement!("DELETE FROM account WHERE id = $1 RETURNING username", INT8);
    let rows = context.change(statement, &[&account.0])?;
    match rows.first() {
        Some(row) => names::retire(context, row.get(0)?),
        None => Ok(()),
    }
}
