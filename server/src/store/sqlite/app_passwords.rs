//! App passwords as SQL, within the transaction of their group.

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse, Label},
    limits,
    mail::{Timestamp, Username},
};
use rusqlite::{
    Connection, OptionalExtension, Result, Row, params,
    types::{FromSqlError, ValueRef},
};

use super::row::{converted, parsed, timestamp, to_sql, unsigned};
use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::app_password::AppPasswordDone,
};

/// Makes an app password. The account must exist.
pub(super) fn create(
    db: &Connection,
    account: AccountId,
    label: &Label,
    digest: AppPasswordDigest,
    now: Timestamp,
) -> Result<AppPasswordDone> {
    let sql = "SELECT id FROM app_password WHERE digest = ?1 AND account = ?2";
    let mut select = db.prepare_cached(sql)?;
    let same = select.query_row(params![digest.0, account.0], |row| unsigned(row, 0)).optional()?;
    if let Some(id) = same {
        return Ok(AppPasswordDone::Created(AppPasswordId(id)));
    }
    let sql = "SELECT count(*), total(label = ?2) > 0 FROM app_password WHERE account = ?1";
    let (present, is_taken) =
        db.prepare_cached(sql)?.query_row(params![account.0, label.as_str()], |row| {
            Ok((unsigned(row, 0)?, row.get(1)?))
        })?;
    if is_taken {
        return Ok(AppPasswordDone::LabelTaken);
    }
    if present >= limits::APP_PASSWORDS_MAX as u64 {
        return Ok(AppPasswordDone::Full);
    }
    let sql = "INSERT INTO app_password (account, label, digest, made_at) VALUES (?1, ?2, ?3, ?4)
               RETURNING id";
    let values = params![account.0, label.as_str(), digest.0, to_sql(now.0)];
    let id = db.prepare_cached(sql)?.query_row(values, |row| unsigned(row, 0))?;
    Ok(AppPasswordDone::Created(AppPasswordId(id)))
}

/// The app passwords of an account, oldest first.
pub(super) fn of(db: &Connection, account: AccountId) -> Result<Vec<AppPasswordOverview>> {
    let sql = "SELECT id, label, made_at, used_day, used_from FROM app_password
               WHERE account = ?1 ORDER BY id";
    db.prepare_cached(sql)?.query_map([account.0], overview)?.collect()
}

/// The ids of app passwords that have an invalid value.
pub(super) fn unreadable(db: &Connection) -> Result<Vec<i64>> {
    let sql = "SELECT id, label, made_at, used_day, used_from FROM app_password ORDER BY id";
    let mut select = db.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut unreadable = Vec::new();
    while let Some(row) = rows.next()? {
        if overview(row).is_err() {
            unreadable.push(row.get(0)?);
        }
    }
    Ok(unreadable)
}

fn overview(row: &Row<'_>) -> Result<AppPasswordOverview> {
    Ok(AppPasswordOverview {
        id: AppPasswordId(unsigned(row, 0)?),
        label: parsed(row, 1)?,
        made_at: timestamp(row, 2)?,
        used: last_use(row, 3)?,
    })
}

/// Reads `used_day, used_from`.
fn last_use(row: &Row<'_>, column: usize) -> Result<Option<AppPasswordUse>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(None);
    }
    let from = converted(row, column + 1, |value| {
        value.as_str()?.parse().map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
    })?;
    Ok(Some(AppPasswordUse { day: timestamp(row, column)?, from }))
}

/// Revokes an app password, if the account has it.
pub(super) fn revoke(
    db: &Connection,
    account: AccountId,
    id: AppPasswordId,
) -> Result<AppPasswordDone> {
    let sql = "DELETE FROM app_password WHERE id = ?1 AND account = ?2 RETURNING label";
    let values = params![to_sql(id.0), account.0];
    let label = db.prepare_cached(sql)?.query_row(values, |row| parsed(row, 0)).optional()?;
    Ok(AppPasswordDone::Revoked(label))
}

/// Revokes the app passwords of an account. Returns how many there were.
pub(super) fn revoke_all(db: &Connection, account: AccountId) -> Result<u32> {
    let sql = "DELETE FROM app_password WHERE account = ?1";
    db.prepare_cached(sql)?.execute([account.0]).map(|revoked| revoked as u32)
}

/// The app password of this digest, if it belongs to the account of this username, and its last
/// use. The query looks for the digest first, so that it takes as long for a username that does not
/// exist.
pub(super) fn find(
    db: &Connection,
    username: &Username,
    digest: AppPasswordDigest,
) -> Result<Option<(AppPasswordId, Option<AppPasswordUse>)>> {
    let sql = "SELECT app_password.id, used_day, used_from
               FROM app_password CROSS JOIN account ON account.id = app_password.account
               WHERE digest = ?1 AND username = ?2";
    db.prepare_cached(sql)?
        .query_row(params![digest.0, username.as_str()], |row| {
            Ok((AppPasswordId(unsigned(row, 0)?), last_use(row, 1)?))
        })
        .optional()
}

/// Records a use.
pub(super) fn set_used(db: &Connection, id: AppPasswordId, used: AppPasswordUse) -> Result<()> {
    let AppPasswordUse { day, from } = used;
    let sql = "UPDATE app_password SET used_day = ?2, used_from = ?3 WHERE id = ?1";
    let values = params![to_sql(id.0), to_sql(day.0), from.to_string()];
    db.prepare_cached(sql)?.execute(values).map(drop)
}
