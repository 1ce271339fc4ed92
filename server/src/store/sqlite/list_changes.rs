//! Changes of lists as SQL, within the transaction of their group. A change is judged before it
//! writes anything, since a refusal does not end the transaction.

use correio_proto::{
    limits,
    mail::{FullName, Recipients, Username},
    message::{ListChange, Role, SendPolicy},
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{
    lists::{self, StoredList, policy_number, role_number},
    row::unsigned,
    tables::Tables,
};
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        lists::{Membership, is_reserved},
    },
};

/// Changes a list, as [`crate::store::StoreJob::ChangeList`] describes it.
pub(super) fn change(
    tables: &mut Tables<'_>,
    account: AccountId,
    name: &Username,
    change: &ListChange,
) -> Result<StoreDone> {
    let db = tables.db;
    let Some(asking) = tables.accounts.by_id(db, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let username = asking.username.clone();
    let Some(list) = lists::find(db, name, &username)? else {
        return match change {
            ListChange::Create { title, senders } => {
                create(tables, (account, &username), name, title, *senders)
            }
            _ => Ok(StoreDone::NoSuchList),
        };
    };
    if let Err(refusal) = list.standing.may_change(&username, change) {
        return Ok(refusal);
    }
    match change {
        ListChange::Create { .. } => Ok(StoreDone::Changed),
        ListChange::Set { title, senders } => set(db, &list, title, *senders),
        ListChange::Add { members, role } => add(tables, &list, members, *role),
        ListChange::Remove { members } => remove(db, &list, members),
        ListChange::Delete {} => delete(db, list.id),
    }
}

fn create(
    tables: &mut Tables<'_>,
    (account, username): (AccountId, &Username),
    name: &Username,
    title: &FullName,
    senders: SendPolicy,
) -> Result<StoreDone> {
    let db = tables.db;
    let is_taken = tables.accounts.by_username(db, name)?.is_some();
    if is_taken || is_reserved(name) || lists::is_retired(db, name)? {
        return Ok(StoreDone::UsernameTaken);
    }
    if made(db, account)? >= limits::LISTS_MAX as u64 {
        return Ok(StoreDone::ListFull);
    }
    let sql = "INSERT INTO list (name, title, senders, membership, members, creator)
               VALUES (?1, ?2, ?3, 0, 1, ?4)";
    let values = params![name.as_str(), title.as_str(), policy_number(senders), account.0];
    db.prepare_cached(sql)?.execute(values)?;
    put(db, db.last_insert_rowid(), (account, username), Role::Owner {})?;
    Ok(StoreDone::Changed)
}

/// Changes a list's title and whose mail it takes.
pub(super) fn set(
    db: &Connection,
    list: &StoredList,
    title: &FullName,
    senders: SendPolicy,
) -> Result<StoreDone> {
    let sql = "UPDATE list SET title = ?2, senders = ?3 WHERE id = ?1";
    let values = params![list.id, title.as_str(), policy_number(senders)];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(StoreDone::Changed)
}

/// Number of lists that an account has made and that are not deleted.
fn made(db: &Connection, account: AccountId) -> Result<u64> {
    let sql = "SELECT count(*) FROM list WHERE creator = ?1";
    db.prepare_cached(sql)?.query_row([account.0], |row| unsigned(row, 0))
}

/// The number of a member's role in a list, if it has a row there.
fn role_of(db: &Connection, list: i64, username: &Username) -> Result<Option<i64>> {
    let sql = "SELECT role FROM list_member WHERE list = ?1 AND username = ?2";
    let values = params![list, username.as_str()];
    db.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
}

/// Whether the list has owners, and none but these usernames.
fn has_no_other_owner(db: &Connection, list: i64, usernames: &Recipients) -> Result<bool> {
    let owner = role_number(Role::Owner {});
    let mut leaving = 0_i64;
    for username in usernames.iter() {
        leaving += i64::from(role_of(db, list, username)? == Some(owner));
    }
    let sql = "SELECT count(*) FROM list_member WHERE list = ?1 AND role = ?2";
    let owners: i64 = db.prepare_cached(sql)?.query_row([list, owner], |row| row.get(0))?;
    Ok(leaving > 0 && leaving == owners)
}

pub(super) fn add(
    tables: &mut Tables<'_>,
    list: &StoredList,
    members: &Recipients,
    role: Role,
) -> Result<StoreDone> {
    let db = tables.db;
    let (mut added, mut unknown) = (Vec::new(), Vec::new());
    for username in members.iter() {
        match tables.accounts.by_username(db, username)? {
            Some((id, _)) => added.push((id, username, role_of(db, list.id, username)?)),
            None => unknown.push(username.clone()),
        }
    }
    if !unknown.is_empty() {
        return Ok(StoreDone::UnknownRecipients(unknown));
    }
    let is_new = |(_, _, present): &&(AccountId, &Username, Option<i64>)| present.is_none();
    let new = u32::try_from(added.iter().filter(is_new).count()).unwrap_or(u32::MAX);
    let all = match list.standing.membership {
        Membership::Added => list.members.saturating_add(new),
        Membership::AllAccounts => 0,
    };
    if all > limits::MEMBERS_MAX {
        return Ok(StoreDone::ListFull);
    }
    if role == (Role::Member {}) && has_no_other_owner(db, list.id, members)? {
        return Ok(StoreDone::LastOwner);
    }
    for (id, username, _) in added {
        match (list.standing.membership, role) {
            // All accounts are members without a row.
            (Membership::AllAccounts, Role::Member {}) => take(db, list.id, username)?,
            _ => put(db, list.id, (id, username), role)?,
        };
    }
    if let Membership::Added = list.standing.membership {
        count(db, list.id, i64::from(new))?;
    }
    Ok(StoreDone::Changed)
}

fn remove(db: &Connection, list: &StoredList, members: &Recipients) -> Result<StoreDone> {
    if has_no_other_owner(db, list.id, members)? {
        return Ok(StoreDone::LastOwner);
    }
    let mut removed = 0;
    for username in members.iter() {
        removed += take(db, list.id, username)?;
    }
    if removed == i64::from(list.members) {
        // A list without an owner goes with its last member.
        return delete(db, list.id);
    }
    count(db, list.id, -removed)?;
    Ok(StoreDone::Changed)
}

pub(super) fn delete(db: &Connection, list: i64) -> Result<StoreDone> {
    db.prepare_cached("DELETE FROM list_member WHERE list = ?1")?.execute([list])?;
    db.prepare_cached("DELETE FROM list WHERE id = ?1")?.execute([list])?;
    Ok(StoreDone::Changed)
}

fn put(
    db: &Connection,
    list: i64,
    (account, username): (AccountId, &Username),
    role: Role,
) -> Result<i64> {
    let sql = "INSERT INTO list_member (list, username, account, role) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (list, username) DO UPDATE SET role = excluded.role";
    let values = params![list, username.as_str(), account.0, role_number(role)];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(1)
}

/// Removes a member's row. Returns the number of removed rows.
pub(super) fn take(db: &Connection, list: i64, username: &Username) -> Result<i64> {
    let sql = "DELETE FROM list_member WHERE list = ?1 AND username = ?2";
    let removed = db.prepare_cached(sql)?.execute(params![list, username.as_str()])?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

pub(super) fn count(db: &Connection, list: i64, more: i64) -> Result<()> {
    let sql = "UPDATE list SET members = members + ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute([list, more]).map(drop)
}
