//! Jobs about accounts as SQL, within the transaction of their group.

use correio_proto::mail::{FullName, MailId, Timestamp, Username};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{
    account_columns::{account_state, code, own_quota, password_hash},
    app_passwords, contents,
    finder::NameChange,
    lists,
    row::{parsed, to_sql, unsigned},
    tables::Tables,
    uploads,
};
use crate::{
    day::begin_of_day,
    ids::{AccountId, CodeDigest, InviteId, PasswordHash},
    store::{AccountRecord, HashChange, StoreDone, admin::Usage, lists::is_reserved},
};

pub(super) fn find(tables: &Tables<'_>, username: &Username) -> Result<Option<AccountRecord>> {
    let sql = "SELECT id, full_name, hash, mails, bytes, state, code, code_expires_at, quota_mails,
                   quota_bytes
               FROM account WHERE username = ?1";
    tables
        .db
        .prepare_cached(sql)?
        .query_row([username.as_str()], |row| {
            let id = AccountId(row.get(0)?);
            let (unflushed, unflushed_bytes) = tables.memtable.totals(id);
            Ok(AccountRecord {
                id,
                username: username.clone(),
                full_name: parsed(row, 1)?,
                hash: password_hash(row, 2)?,
                state: account_state(row, 5)?,
                code: code(row, 6)?,
                usage: Usage {
                    mails: unsigned(row, 3)?.saturating_add(u64::from(unflushed)),
                    bytes: unsigned(row, 4)?.saturating_add(unflushed_bytes),
                    quota: own_quota(row, 8)?.unwrap_or(tables.quota),
                },
            })
        })
        .optional()
}

/// The columns of an account that a check compares with its mails.
#[derive(Debug)]
pub(super) struct StoredAccount {
    pub(super) username: Username,
    /// Mails in the index of its mailbox.
    pub(super) mails: u64,
    /// Bytes of the subjects and bodies of those mails.
    pub(super) bytes: u64,
}

/// Calls `see` for every account, by id. The account is an error if one of its values does not
/// parse.
pub(super) fn each(
    db: &Connection,
    mut see: impl FnMut(AccountId, Result<StoredAccount>),
) -> Result<()> {
    let sql = "SELECT id, username, full_name, hash, mails, bytes FROM account ORDER BY id";
    let mut select = db.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        see(AccountId(row.get(0)?), stored(row));
    }
    Ok(())
}

fn stored(row: &Row<'_>) -> Result<StoredAccount> {
    parsed::<FullName>(row, 2)?;
    row.get::<_, String>(3)?;
    let (mails, bytes) = (unsigned(row, 4)?, unsigned(row, 5)?);
    Ok(StoredAccount { username: parsed(row, 1)?, mails, bytes })
}

/// All accounts, by id.
pub(super) fn all(db: &Connection) -> Result<Vec<(AccountId, Username)>> {
    let mut select = db.prepare("SELECT id, username FROM account ORDER BY id")?;
    select.query_map([], |row| Ok((AccountId(row.get(0)?), parsed(row, 1)?)))?.collect()
}

pub(super) fn create(
    tables: &mut Tables<'_>,
    register_id: &MailId,
    username: &Username,
    full_name: &FullName,
    hash: &PasswordHash,
    invite: Option<InviteId>,
) -> Result<StoreDone> {
    let db = tables.db;
    let sql = "SELECT register_id = ?2 FROM account WHERE username = ?1";
    let made_before = db
        .prepare_cached(sql)?
        .query_row(params![username.as_str(), register_id.as_bytes()], |row| row.get(0))
        .optional()?;
    match made_before {
        Some(true) => return Ok(StoreDone::CreatedBefore),
        Some(false) => return Ok(StoreDone::UsernameTaken),
        None if is_reserved(username) || lists::has_name(db, username)? => {
            return Ok(StoreDone::UsernameTaken);
        }
        None => {}
    }
    if let Some(InviteId(invite)) = invite {
        let sql = "INSERT OR IGNORE INTO used_invite (id) VALUES (?1)";
        if db.prepare_cached(sql)?.execute([invite])? == 0 {
            return Ok(StoreDone::InviteUsed);
        }
    }
    let sql =
        "INSERT INTO account (username, full_name, hash, register_id) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![
        username.as_str(),
        full_name.as_str(),
        hash.0,
        register_id.as_bytes()
    ])?;
    let account = AccountId(db.last_insert_rowid());
    tables.names.push(NameChange::Set(account, username.clone(), full_name.clone()));
    lists::count_account(db)?;
    Ok(StoreDone::Created)
}

pub(super) fn set_full_name(
    tables: &mut Tables<'_>,
    account: AccountId,
    full_name: &FullName,
) -> Result<StoreDone> {
    tables.accounts.forget(account);
    let sql = "UPDATE account SET full_name = ?2 WHERE id = ?1 RETURNING username";
    let changed = tables
        .db
        .prepare_cached(sql)?
        .query_row(params![account.0, full_name.as_str()], |row| parsed(row, 0))
        .optional()?;
    let Some(username) = changed else {
        return Ok(StoreDone::NoAccount);
    };
    tables.names.push(NameChange::Set(account, username, full_name.clone()));
    Ok(StoreDone::Changed)
}

/// Sets a password by a recovery code, as [`crate::store::StoreJob::Recover`] describes it.
pub(super) fn recover(
    tables: &mut Tables<'_>,
    username: &Username,
    code: &CodeDigest,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<StoreDone> {
    let sql = "UPDATE account SET hash = ?4, code = NULL, code_expires_at = NULL
               WHERE username = ?1 AND code = ?2 AND code_expires_at > ?3 RETURNING id";
    let values = params![username.as_str(), code.0, to_sql(now.0), hash.0];
    let recovered =
        tables.db.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
    let Some(account) = recovered.map(AccountId) else {
        return Ok(StoreDone::WrongCode);
    };
    let revoked = app_passwords::revoke_all(tables.db, account)?;
    Ok(StoreDone::Recovered { account, revoked })
}

/// Records the day of a login, and takes back the warning of retention. A later day stays: the
/// clock was set back.
pub(super) fn set_used(db: &Connection, account: AccountId, now: Timestamp) -> Result<StoreDone> {
    let day = begin_of_day(now).0;
    let sql = "UPDATE account SET used_at = max(coalesce(used_at, 0), ?2), warned_on = NULL
               WHERE id = ?1 AND (used_at IS NULL OR used_at < ?2 OR warned_on IS NOT NULL)
               RETURNING id";
    let changed = db.prepare_cached(sql)?.exists(params![account.0, to_sql(day)])?;
    match changed || exists(db, account)? {
        true => Ok(StoreDone::Changed),
        false => Ok(StoreDone::NoAccount),
    }
}

pub(super) fn exists(db: &Connection, account: AccountId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM account WHERE id = ?1")?.exists([account.0])
}

/// An account's hash, which is `None` inside where no password was set.
fn hash_of(db: &Connection, account: AccountId) -> Result<Option<Option<PasswordHash>>> {
    db.prepare_cached("SELECT hash FROM account WHERE id = ?1")?
        .query_row([account.0], |row| password_hash(row, 0))
        .optional()
}

pub(super) fn set_hash(
    db: &Connection,
    account: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
    change: HashChange,
) -> Result<StoreDone> {
    match hash_of(db, account)? {
        None => Ok(StoreDone::NoAccount),
        Some(present) if ![Some(old), Some(new)].contains(&present.as_ref()) => {
            Ok(StoreDone::Conflict)
        }
        Some(_) => {
            let sql = "UPDATE account SET hash = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![account.0, new.0])?;
            Ok(match change {
                HashChange::NewPassword => {
                    StoreDone::PasswordSet { revoked: app_passwords::revoke_all(db, account)? }
                }
                HashChange::NewCost => StoreDone::Changed,
            })
        }
    }
}

pub(super) fn delete(
    tables: &mut Tables<'_>,
    account: AccountId,
    hash: &PasswordHash,
) -> Result<StoreDone> {
    let db = tables.db;
    match hash_of(db, account)? {
        None => return Ok(StoreDone::NoAccount),
        Some(present) if present.as_ref() != Some(hash) => return Ok(StoreDone::Conflict),
        Some(_) => {}
    }
    delete_all(tables, account)?;
    Ok(StoreDone::Changed)
}

/// Deletes an account that exists, its mailbox and its uploads.
pub(super) fn delete_all(tables: &mut Tables<'_>, account: AccountId) -> Result<()> {
    let db = tables.db;
    let contents = delete_mailbox(tables, account)?;
    for content in contents {
        contents::release(tables, content)?;
    }
    uploads::delete_of(tables, account)?;
    app_passwords::revoke_all(db, account)?;
    lists::forget_account(db, account)?;
    lists::retire_name(db, account)?;
    // Its idempotency records stay until they are pruned by age: no account gets its id again.
    let sql = "DELETE FROM account WHERE id = ?1 RETURNING username";
    let username = db.prepare_cached(sql)?.query_row([account.0], |row| parsed(row, 0))?;
    tables.names.push(NameChange::Remove(account, username));
    tables.accounts.forget(account);
    Ok(())
}

/// Deletes an account's mails. Returns the contents that their rows have named.
fn delete_mailbox(tables: &mut Tables<'_>, account: AccountId) -> Result<Vec<i64>> {
    let db = tables.db;
    let mut contents = Vec::new();
    let mut find = db.prepare_cached("SELECT content FROM mail WHERE seq = ?1")?;
    let mut delete = db.prepare_cached("DELETE FROM mail WHERE seq = ?1")?;
    for seq in tables.memtable.remove_mailbox(account).seqs() {
        tables.work += 1;
        contents.extend(find.query_row([seq], |row| row.get::<_, Option<i64>>(0))?);
        delete.execute([seq])?;
    }
    // The plus sign keeps SQLite from reading the index of all contents.
    let mut find = db.prepare_cached(
        "SELECT mail.content FROM mailbox CROSS JOIN mail ON mail.seq = mailbox.seq
         WHERE mailbox.account = ?1 AND +mail.content IS NOT NULL",
    )?;
    for content in find.query_map([account.0], |row| row.get(0))? {
        contents.push(content?);
    }
    let sql = "DELETE FROM mail WHERE seq IN (SELECT seq FROM mailbox WHERE account = ?1)";
    tables.work += db.prepare_cached(sql)?.execute([account.0])?;
    db.prepare_cached("DELETE FROM mailbox WHERE account = ?1")?.execute([account.0])?;
    Ok(contents)
}
