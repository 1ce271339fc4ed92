//! Jobs about accounts as SQL, within the transaction of their group.

use correio_proto::mail::{FullName, MailId, Username};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{
    contents,
    finder::NameChange,
    lists,
    row::{parsed, unsigned},
    tables::Tables,
    uploads,
};
use crate::{
    ids::{AccountId, InviteId, PasswordHash},
    store::{AccountRecord, StoreDone, lists::is_reserved},
};

pub(super) fn find(tables: &Tables<'_>, username: &Username) -> Result<Option<AccountRecord>> {
    let sql = "SELECT id, full_name, hash, mails FROM account WHERE username = ?1";
    tables
        .db
        .prepare_cached(sql)?
        .query_row([username.as_str()], |row| {
            let id = AccountId(row.get(0)?);
            let (unflushed, _) = tables.memtable.totals(id);
            Ok(AccountRecord {
                id,
                username: username.clone(),
                full_name: parsed(row, 1)?,
                hash: PasswordHash(row.get(2)?),
                waiting: row.get::<_, u32>(3)?.saturating_add(unflushed),
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

fn hash_of(db: &Connection, account: AccountId) -> Result<Option<PasswordHash>> {
    db.prepare_cached("SELECT hash FROM account WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0).map(PasswordHash))
        .optional()
}

pub(super) fn set_hash(
    db: &Connection,
    account: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<StoreDone> {
    match hash_of(db, account)? {
        None => Ok(StoreDone::NoAccount),
        Some(hash) if hash != *old && hash != *new => Ok(StoreDone::Conflict),
        Some(_) => {
            let sql = "UPDATE account SET hash = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![account.0, new.0])?;
            Ok(StoreDone::Changed)
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
        Some(present) if present != *hash => return Ok(StoreDone::Conflict),
        Some(_) => {}
    }
    let contents = delete_mailbox(tables, account)?;
    for content in contents {
        contents::release(tables, content)?;
    }
    uploads::delete_of(tables, account)?;
    lists::forget_account(db, account)?;
    lists::retire_name(db, account)?;
    // Its idempotency records stay until they are pruned by age: no account gets its id again.
    let sql = "DELETE FROM account WHERE id = ?1 RETURNING username";
    let username = db.prepare_cached(sql)?.query_row([account.0], |row| parsed(row, 0))?;
    tables.names.push(NameChange::Remove(account, username));
    tables.accounts.forget(account);
    Ok(StoreDone::Changed)
}

/// Deletes an account's mails. Returns the contents that their rows have named.
fn delete_mailbox(tables: &mut Tables<'_>, account: AccountId) -> Result<Vec<i64>> {
    let db = tables.db;
    let mut contents = Vec::new();
    let mut find = db.prepare_cached("SELECT content FROM mail WHERE seq = ?1")?;
    let mut delete = db.prepare_cached("DELETE FROM mail WHERE seq = ?1")?;
    for seq in tables.memtable.remove_mailbox(account).seqs() {
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
    for sql in [
        "DELETE FROM mail WHERE seq IN (SELECT seq FROM mailbox WHERE account = ?1)",
        "DELETE FROM mailbox WHERE account = ?1",
    ] {
        db.prepare_cached(sql)?.execute([account.0])?;
    }
    Ok(contents)
}
