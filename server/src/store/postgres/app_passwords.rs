//! App passwords as SQL, within the transaction of their job.

use std::net::IpAddr;

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse, Label},
    limits,
    mail::{Timestamp, Username},
};

use super::{
    account_rows,
    connection::Row,
    context::Context,
    ended_sessions::{self, Ended},
    error::QueryError,
    row::{damaged, parsed, timestamp, to_sql, unsigned},
};
use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        StoreDone,
        app_password::{AppPasswordDone, AppPasswordJob},
    },
};

/// Runs one job. Its changes are durable once the transaction is committed.
pub(super) fn run_job(
    context: &mut Context<'_, '_>,
    job: &AppPasswordJob,
) -> Result<StoreDone, QueryError> {
    let done = match job {
        AppPasswordJob::Create { account, label, digest, now } => {
            // Under the lock, no other server makes one at the same time: their number is bounded.
            if !account_rows::lock(context, *account)? {
                return Ok(StoreDone::NoAccount);
            }
            create(context, *account, label, *digest, *now)?
        }
        AppPasswordJob::List { account } => {
            if !account_rows::exists(context, *account)? {
                return Ok(StoreDone::NoAccount);
            }
            AppPasswordDone::List(of(context, *account)?)
        }
        AppPasswordJob::Revoke { account, id } => {
            if !account_rows::exists(context, *account)? {
                return Ok(StoreDone::NoAccount);
            }
            revoke(context, *account, *id)?
        }
    };
    Ok(StoreDone::AppPassword(done))
}

/// Makes an app password, of an account whose mailbox is locked.
fn create(
    context: &mut Context<'_, '_>,
    account: AccountId,
    label: &Label,
    digest: AppPasswordDigest,
    now: Timestamp,
) -> Result<AppPasswordDone, QueryError> {
    let digest = digest.0.as_slice();
    let statement =
        statement!("SELECT id FROM app_password WHERE digest = $1 AND account = $2", BYTEA, INT8);
    if let Some(row) = context.query(statement, &[&digest, &account.0])?.first() {
        return Ok(AppPasswordDone::Created(AppPasswordId(unsigned(&row, 0)?)));
    }
    let statement = statement!(
        "SELECT count(*), coalesce(bool_or(label = $2), false) FROM app_password
         WHERE account = $1",
        INT8,
        TEXT
    );
    let rows = context.query(statement, &[&account.0, &label.as_str()])?;
    let (present, is_taken) = match rows.first() {
        Some(row) => (unsigned(&row, 0)?, row.get(1)?),
        None => (0, false),
    };
    if is_taken {
        return Ok(AppPasswordDone::LabelTaken);
    }
    if present >= limits::APP_PASSWORDS_MAX as u64 {
        return Ok(AppPasswordDone::Full);
    }
    let statement = statement!(
        "INSERT INTO app_password (account, label, digest, made_at) VALUES ($1, $2, $3, $4)
         RETURNING id",
        INT8,
        TEXT,
        BYTEA,
        INT8
    );
    let values: [super::context::Param<'_>; 4] =
        [&account.0, &label.as_str(), &digest, &to_sql(now.0)];
    match context.change(statement, &values)?.first() {
        Some(row) => Ok(AppPasswordDone::Created(AppPasswordId(unsigned(&row, 0)?))),
        None => Err(QueryError::Fatal("a new app password has no id".into())),
    }
}

/// The app passwords of an account, oldest first.
pub(super) fn of(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<Vec<AppPasswordOverview>, QueryError> {
    let statement = statement!(
        "SELECT id, label, made_at, used_day, used_from FROM app_password
         WHERE account = $1 ORDER BY id",
        INT8
    );
    let rows = context.query(statement, &[&account.0])?;
    let overview = |row: Row<'_>| {
        Ok(AppPasswordOverview {
            id: AppPasswordId(unsigned(&row, 0)?),
            label: parsed(&row, 1)?,
            made_at: timestamp(&row, 2)?,
            used: last_use(&row, 3)?,
        })
    };
    rows.iter().map(overview).collect()
}

/// Reads `used_day, used_from`.
fn last_use(row: &Row<'_>, column: usize) -> Result<Option<AppPasswordUse>, QueryError> {
    let Some(from) = row.get::<Option<&str>>(column + 1)? else {
        return Ok(None);
    };
    let from: IpAddr = from.parse().map_err(|invalid| damaged(column + 1, &invalid))?;
    Ok(Some(AppPasswordUse { day: timestamp(row, column)?, from }))
}

/// Revokes an app password, if the account has it.
fn revoke(
    context: &mut Context<'_, '_>,
    account: AccountId,
    id: AppPasswordId,
) -> Result<AppPasswordDone, QueryError> {
    let statement = statement!(
        "DELETE FROM app_password WHERE id = $1 AND account = $2 RETURNING label",
        INT8,
        INT8
    );
    let rows = context.change(statement, &[&to_sql(id.0), &account.0])?;
    let label = rows.first().map(|row| parsed(&row, 0)).transpose()?;
    ended_sessions::end(context, account, Ended::Gateways)?;
    Ok(AppPasswordDone::Revoked(label))
}

/// Revokes the app passwords of an account. Returns their number.
pub(super) fn revoke_all(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<u32, QueryError> {
    let statement = statement!("DELETE FROM app_password WHERE account = $1", INT8);
    let revoked = context.execute(statement, &[&account.0])?;
    Ok(u32::try_from(revoked).unwrap_or(u32::MAX))
}

/// The app password of this digest, if it belongs to the account of this username, and its last
/// use. An index finds it by its digest in the same time whatever username was named.
pub(super) fn find(
    context: &mut Context<'_, '_>,
    username: &Username,
    digest: AppPasswordDigest,
) -> Result<Option<(AppPasswordId, Option<AppPasswordUse>)>, QueryError> {
    let statement = statement!(
        "SELECT app_password.id, used_day, used_from
         FROM app_password JOIN account ON account.id = app_password.account
         WHERE digest = $1 AND username = $2",
        BYTEA,
        TEXT
    );
    let rows = context.query(statement, &[&digest.0.as_slice(), &username.as_str()])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((AppPasswordId(unsigned(&row, 0)?), last_use(&row, 1)?)))
}

/// Records a use.
pub(super) fn set_used(
    context: &mut Context<'_, '_>,
    id: AppPasswordId,
    used: AppPasswordUse,
) -> Result<(), QueryError> {
    let statement = statement!(
        "UPDATE app_password SET used_day = $2, used_from = $3 WHERE id = $1",
        INT8,
        INT8,
        TEXT
    );
    let values: [super::context::Param<'_>; 3] =
        [&to_sql(id.0), &to_sql(used.day.0), &used.from.to_string()];
    context.execute(statement, &values).map(drop)
}
