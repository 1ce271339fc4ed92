//! The operator's jobs about accounts.

use correio_proto::mail::{FullName, Timestamp, Username};
use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params};

use crate::{
    ids::AccountId,
    store::{
        Quota,
        admin::{AccountOverview, AccountState, AdminDone, CodeRecord, NewAccountRecord, Usage},
        lists::is_reserved,
        sqlite::{
            account_columns::{account_state, own_quota, password_hash, state_number},
            accounts, app_passwords,
            finder::NameChange,
            lists,
            row::{optional_timestamp, parsed, to_sql, unsigned},
            tables::Tables,
        },
    },
};

/// The columns that [`overview`] reads.
const COLUMNS: &str = "id, username, full_name, hash, mails, bytes, state, code_expires_at,
    quota_mails, quota_bytes, created_at, used_at";

/// Stands in `register_id` of an account that the operator made, and of [`POSTMASTER`]: no client
/// makes this id.
///
/// [`POSTMASTER`]: crate::store::admin::POSTMASTER
const NO_REGISTER_ID: [u8; 16] = [0; 16];

/// Reads a page of accounts.
pub(super) fn page(tables: &Tables<'_>, after: Option<&Username>, max: usize) -> Result<AdminDone> {
    let sql =
        format!("SELECT {COLUMNS} FROM account WHERE username > ?1 ORDER BY username LIMIT ?2");
    // One more shows whether there are more.
    let values = params![after.map_or("", Username::as_str), to_sql(max as u64 + 1)];
    let mut select = tables.db.prepare_cached(&sql)?;
    let rows = select.query_map(values, |row| overview(tables, row))?;
    let mut accounts = rows.collect::<Result<Vec<_>>>()?;
    let more = accounts.len() > max;
    accounts.truncate(max);
    Ok(AdminDone::Accounts { accounts, more })
}

/// Reads an account.
pub(super) fn show(tables: &Tables<'_>, username: &Username) -> Result<AdminDone> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE username = ?1");
    let mut select = tables.db.prepare_cached(&sql)?;
    let found = select.query_row([username.as_str()], |row| overview(tables, row)).optional()?;
    match found {
        None => Ok(AdminDone::NoAccount),
        Some(account) => {
            let app_passwords = app_passwords::of(tables.db, account.id)?;
            Ok(AdminDone::Account(Box::new(account), app_passwords))
        }
    }
}

fn overview(tables: &Tables<'_>, row: &Row<'_>) -> Result<AccountOverview> {
    let id = AccountId(row.get(0)?);
    let (mails, bytes) = tables.memtable.totals(id);
    let own_quota = own_quota(row, 8)?;
    Ok(AccountOverview {
        id,
        username: parsed(row, 1)?,
        full_name: parsed(row, 2)?,
        state: account_state(row, 6)?,
        has_password: password_hash(row, 3)?.is_some(),
        code_expires_at: optional_timestamp(row, 7)?,
        usage: Usage {
            mails: unsigned(row, 4)?.saturating_add(u64::from(mails)),
            bytes: unsigned(row, 5)?.saturating_add(bytes),
            quota: own_quota.unwrap_or(tables.quota),
        },
        has_own_quota: own_quota.is_some(),
        created_at: optional_timestamp(row, 10)?,
        used_at: optional_timestamp(row, 11)?,
    })
}

/// Makes accounts, all of them or none.
pub(super) fn create(
    tables: &mut Tables<'_>,
    accounts: &[NewAccountRecord],
    now: Timestamp,
) -> Result<AdminDone> {
    tables.work += accounts.len();
    let mut taken = Vec::new();
    for NewAccountRecord { username, .. } in accounts {
        if is_reserved(username) || is_taken(tables, username)? {
            taken.push(username.clone());
        }
    }
    if !taken.is_empty() {
        return Ok(AdminDone::Taken(taken));
    }
    for NewAccountRecord { username, full_name, code } in accounts {
        let account = insert(tables, username, full_name, now)?;
        update(
            tables.db,
            account,
            "code = ?2, code_expires_at = ?3",
            &[&code.digest.0, &to_sql(code.expires_at.0)],
        )?;
    }
    Ok(AdminDone::Created)
}

/// Whether an account or a list has this name.
pub(super) fn is_taken(tables: &mut Tables<'_>, username: &Username) -> Result<bool> {
    let db = tables.db;
    Ok(tables.accounts.by_username(db, username)?.is_some() || lists::has_name(db, username)?)
}

/// Whether an account was made here and not by a client.
pub(super) fn is_own(db: &Connection, account: AccountId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM account WHERE id = ?1 AND register_id = ?2")?
        .exists(params![account.0, NO_REGISTER_ID])
}

/// Makes an account without a password, whose name is free.
pub(super) fn insert(
    tables: &mut Tables<'_>,
    username: &Username,
    full_name: &FullName,
    now: Timestamp,
) -> Result<AccountId> {
    let db = tables.db;
    let sql = "INSERT INTO account (username, full_name, hash, register_id, created_at)
               VALUES (?1, ?2, '', ?3, ?4)";
    let values = params![username.as_str(), full_name.as_str(), NO_REGISTER_ID, to_sql(now.0)];
    db.prepare_cached(sql)?.execute(values)?;
    let account = AccountId(db.last_insert_rowid());
    tables.names.push(NameChange::Set(account, username.clone(), full_name.clone()));
    lists::count_account(db)?;
    Ok(account)
}

/// Gives an account a recovery code, and revokes its app passwords.
pub(super) fn set_code(
    tables: &mut Tables<'_>,
    username: &Username,
    code: &CodeRecord,
) -> Result<AdminDone> {
    let columns = "code = ?2, code_expires_at = ?3";
    let values: [&dyn ToSql; 2] = [&code.digest.0, &to_sql(code.expires_at.0)];
    match change(tables, username, columns, &values)? {
        AdminDone::Changed(Some(account)) => {
            let revoked = app_passwords::revoke_all(tables.db, account)?;
            Ok(AdminDone::CodeSet { account, revoked })
        }
        done => Ok(done),
    }
}

/// Enables or disables an account. What its owner was warned of before does not count afterwards.
pub(super) fn set_state(
    tables: &mut Tables<'_>,
    username: &Username,
    state: AccountState,
) -> Result<AdminDone> {
    let columns = "state = ?2, warned_on = NULL, mails_warned_on = NULL,
        mails_warned_before = NULL, mails_warned_seq = NULL";
    change(tables, username, columns, &[&state_number(state)])
}

/// Gives an account a quota of its own, or takes it back.
pub(super) fn set_quota(
    tables: &mut Tables<'_>,
    username: &Username,
    quota: Option<Quota>,
) -> Result<AdminDone> {
    let mails = quota.map(|quota| quota.mails);
    let bytes = quota.map(|quota| to_sql(quota.bytes));
    change(tables, username, "quota_mails = ?2, quota_bytes = ?3", &[&mails, &bytes])
}

/// Changes an account's full name.
pub(super) fn rename(
    tables: &mut Tables<'_>,
    username: &Username,
    full_name: &FullName,
) -> Result<AdminDone> {
    match id_of(tables, username)? {
        None => Ok(AdminDone::NoAccount),
        Some(account) => {
            accounts::set_full_name(tables, account, full_name)?;
            Ok(AdminDone::Changed(Some(account)))
        }
    }
}

/// Deletes an account and its mailbox.
pub(super) fn delete(tables: &mut Tables<'_>, username: &Username) -> Result<AdminDone> {
    match id_of(tables, username)? {
        None => Ok(AdminDone::NoAccount),
        Some(account) => {
            accounts::delete_all(tables, account)?;
            Ok(AdminDone::Changed(Some(account)))
        }
    }
}

fn id_of(tables: &mut Tables<'_>, username: &Username) -> Result<Option<AccountId>> {
    Ok(tables.accounts.by_username(tables.db, username)?.map(|(id, _)| id))
}

fn change(
    tables: &mut Tables<'_>,
    username: &Username,
    columns: &str,
    values: &[&dyn ToSql],
) -> Result<AdminDone> {
    let Some(account) = id_of(tables, username)? else {
        return Ok(AdminDone::NoAccount);
    };
    update(tables.db, account, columns, values)?;
    tables.accounts.forget(account);
    Ok(AdminDone::Changed(Some(account)))
}

/// Sets columns of an account: `values` are the parameters from `?2` on.
pub(super) fn update(
    db: &Connection,
    account: AccountId,
    columns: &str,
    values: &[&dyn ToSql],
) -> Result<()> {
    let mut update = db.prepare_cached(&format!("UPDATE account SET {columns} WHERE id = ?1"))?;
    let mut parameters: Vec<&dyn ToSql> = vec![&account.0];
    parameters.extend(values);
    update.execute(parameters.as_slice()).map(drop)
}
