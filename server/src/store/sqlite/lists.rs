//! Lists as SQL, within the transaction of their group: what accounts read of them, and what other
//! jobs need.
//!
//! A member's row has the username, too, which never changes: a page of members is a stretch of the
//! table. The list of all accounts has rows for its owners alone.

use std::collections::HashSet;

use correio_proto::{
    limits,
    mail::{FullName, Username},
    message::{ListMember, ListOverview, MembersPage, Role, SendPolicy},
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params, types::FromSqlError};

use super::{
    account_columns::{REFUSES_MAIL, own_quota},
    row::{converted, parsed, to_sql, unsigned},
    tables::Tables,
};
use crate::{
    ids::AccountId,
    store::{
        EVERYBODY, Quota, StoreDone,
        lists::{Membership, Standing},
    },
};

/// A list as an account sees it.
#[derive(Debug)]
pub(super) struct StoredList {
    pub(super) id: i64,
    pub(super) name: Username,
    pub(super) standing: Standing,
    /// Number of members.
    pub(super) members: u32,
}

impl StoredList {
    pub(super) fn overview(self) -> ListOverview {
        let Self { name, standing: Standing { title, senders, role, .. }, members, .. } = self;
        ListOverview { name, title, senders, members, role }
    }
}

/// The list of this name as the account sees it.
pub(super) fn find(
    db: &Connection,
    name: &Username,
    username: &Username,
) -> Result<Option<StoredList>> {
    let sql = "SELECT id, name, title, senders, membership, members, role
               FROM list LEFT JOIN list_member ON list = id AND username = ?2
               WHERE name = ?1";
    db.prepare_cached(sql)?.query_row([name.as_str(), username.as_str()], stored).optional()
}

/// Whether a list has this name.
pub(super) fn has_name(db: &Connection, name: &Username) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM list WHERE name = ?1)";
    db.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0))
}

/// Whether a deleted account had this name.
pub(super) fn is_retired(db: &Connection, name: &Username) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM retired_name WHERE username = ?1)";
    db.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0))
}

/// Keeps the username of an account that is being deleted from lists.
pub(super) fn retire_name(db: &Connection, account: AccountId) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO retired_name (username)
               SELECT username FROM account WHERE id = ?1";
    db.prepare_cached(sql)?.execute([account.0]).map(drop)
}

/// Reads the lists of an account, as [`crate::store::StoreJob::ListsOf`] describes it.
pub(super) fn of(tables: &mut Tables<'_>, account: AccountId) -> Result<StoreDone> {
    let db = tables.db;
    let Some(asking) = tables.accounts.by_id(db, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let username = asking.username.clone();
    let mut lists = Vec::new();
    let mut ids = HashSet::new();
    let mut made = HashSet::new();
    // An account makes at most as many lists as are read. An index has the rows of the second query
    // in its order, so that no more of them are read.
    for (sql, is_made) in [
        (
            "SELECT id, name, title, senders, membership, members, role
             FROM list CROSS JOIN list_member ON list = id AND username = ?2
             WHERE creator = ?1 LIMIT ?3",
            true,
        ),
        (
            "SELECT id, name, title, senders, membership, members, role
             FROM list_member CROSS JOIN list ON id = list
             WHERE account = ?1 AND ?2 IS NOT NULL ORDER BY role, list LIMIT ?3",
            false,
        ),
    ] {
        let mut select = db.prepare_cached(sql)?;
        let values = params![account.0, username.as_str(), to_sql(limits::LISTS_MAX as u64)];
        for list in select.query_map(values, stored)? {
            let list: StoredList = list?;
            if is_made {
                made.insert(list.id);
            }
            if ids.insert(list.id) {
                lists.push(list);
            }
        }
    }
    if let Ok(everybody) = EVERYBODY.parse()
        && lists.iter().all(|list| list.name != everybody)
        && let Some(list) = find(db, &everybody, &username)?
        && list.standing.role.is_some()
    {
        lists.push(list);
    }
    let is_owned = |list: &StoredList| list.standing.role == Some(Role::Owner {});
    lists.sort_by_key(|list| (!made.contains(&list.id), !is_owned(list), list.id));
    lists.truncate(limits::LISTS_MAX);
    lists.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(StoreDone::Lists(lists.into_iter().map(StoredList::overview).collect()))
}

/// Reads members, as [`crate::store::StoreJob::Members`] describes it.
pub(super) fn members(
    tables: &mut Tables<'_>,
    account: AccountId,
    name: &Username,
    after: Option<&Username>,
    max: usize,
) -> Result<StoreDone> {
    let db = tables.db;
    let Some(asking) = tables.accounts.by_id(db, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let Some(list) = find(db, name, &asking.username)? else {
        return Ok(StoreDone::NoSuchList);
    };
    if let Err(refusal) = list.standing.may_read() {
        return Ok(refusal);
    }
    page(db, list, after, max).map(StoreDone::Members)
}

/// Reads a page of a list's members.
pub(super) fn page(
    db: &Connection,
    list: StoredList,
    after: Option<&Username>,
    max: usize,
) -> Result<MembersPage> {
    let sql = match list.standing.membership {
        Membership::Added => {
            "SELECT list_member.username, full_name, role
             FROM list_member CROSS JOIN account ON account.id = list_member.account
             WHERE list = ?1 AND list_member.username > ?2
             ORDER BY list_member.username LIMIT ?3"
        }
        Membership::AllAccounts => {
            "SELECT account.username, full_name, coalesce(role, 1)
             FROM account LEFT JOIN list_member
                 ON list = ?1 AND list_member.username = account.username
             WHERE account.username > ?2 ORDER BY account.username LIMIT ?3"
        }
    };
    // One more shows whether there are more.
    let after = after.map_or("", Username::as_str);
    let values = params![list.id, after, to_sql(max.saturating_add(1) as u64)];
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map(values, |row| {
        Ok(ListMember {
            username: parsed(row, 0)?,
            full_name: parsed(row, 1)?,
            role: role(row, 2)?,
        })
    })?;
    let mut members = rows.collect::<Result<Vec<_>>>()?;
    let more = members.len() > max;
    members.truncate(max);
    Ok(MembersPage { list: list.overview(), members, more })
}

/// A member, with the counts of its mailbox's index.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: AccountId,
    pub(super) username: Username,
    pub(super) mails: u32,
    pub(super) bytes: u64,
    /// The account's own quota; `None` for the server's.
    pub(super) quota: Option<Quota>,
}

/// Calls `see` for every member of a list whose account takes mail, in the order of their
/// usernames.
pub(super) fn each_member(
    db: &Connection,
    list: &StoredList,
    mut see: impl FnMut(Member),
) -> Result<()> {
    let sql = match list.standing.membership {
        Membership::Added => {
            "SELECT account.id, account.username, mails, bytes, quota_mails, quota_bytes
             FROM list_member CROSS JOIN account ON account.id = list_member.account
             WHERE list = ?1 AND state <> ?2 ORDER BY list_member.username"
        }
        Membership::AllAccounts => {
            "SELECT id, username, mails, bytes, quota_mails, quota_bytes
             FROM account WHERE ?1 IS NOT NULL AND state <> ?2 ORDER BY username"
        }
    };
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params![list.id, REFUSES_MAIL])?;
    while let Some(row) = rows.next()? {
        let bytes = unsigned(row, 3)?;
        see(Member {
            id: AccountId(row.get(0)?),
            username: parsed(row, 1)?,
            mails: row.get(2)?,
            bytes,
            quota: own_quota(row, 4)?,
        });
    }
    Ok(())
}

/// Counts a new account as a member of the list of all accounts.
pub(super) fn count_account(db: &Connection) -> Result<()> {
    let sql = "UPDATE list SET members = members + 1 WHERE name = ?1 AND membership = 1";
    db.prepare_cached(sql)?.execute([EVERYBODY]).map(drop)
}

/// Removes a deleted account from its lists. A list without members goes with the last one.
pub(super) fn forget_account(db: &Connection, account: AccountId) -> Result<()> {
    for sql in [
        "UPDATE list SET members = members - 1
         WHERE membership = 0 AND id IN (SELECT list FROM list_member WHERE account = ?1)",
        "DELETE FROM list WHERE members = 0 AND membership = 0
             AND id IN (SELECT list FROM list_member WHERE account = ?1)",
        "DELETE FROM list_member WHERE account = ?1",
    ] {
        db.prepare_cached(sql)?.execute([account.0])?;
    }
    let sql = "UPDATE list SET members = members - 1 WHERE name = ?1 AND membership = 1";
    db.prepare_cached(sql)?.execute([EVERYBODY]).map(drop)
}

/// Reads `id, name, title, senders, membership, members, role`.
pub(super) fn stored(row: &Row<'_>) -> Result<StoredList> {
    let membership = converted(row, 4, |value| match value.as_i64()? {
        0 => Ok(Membership::Added),
        1 => Ok(Membership::AllAccounts),
        other => Err(FromSqlError::OutOfRange(other)),
    })?;
    let role = match (row.get::<_, Option<i64>>(6)?, membership) {
        (None, Membership::Added) => None,
        (None, Membership::AllAccounts) => Some(Role::Member {}),
        (Some(_), _) => Some(role(row, 6)?),
    };
    let title: FullName = parsed(row, 2)?;
    let standing = Standing { title, senders: senders(row, 3)?, membership, role };
    Ok(StoredList { id: row.get(0)?, name: parsed(row, 1)?, standing, members: row.get(5)? })
}

/// The number that stands for a role in a row.
pub(super) fn role_number(role: Role) -> i64 {
    match role {
        Role::Owner {} => 0,
        Role::Member {} => 1,
    }
}

fn role(row: &Row<'_>, column: usize) -> Result<Role> {
    converted(row, column, |value| match value.as_i64()? {
        0 => Ok(Role::Owner {}),
        1 => Ok(Role::Member {}),
        other => Err(FromSqlError::OutOfRange(other)),
    })
}

/// The number that stands for a policy in a row.
pub(super) fn policy_number(senders: SendPolicy) -> i64 {
    match senders {
        SendPolicy::Owners {} => 0,
        SendPolicy::Members {} => 1,
        SendPolicy::Everybody {} => 2,
    }
}

fn senders(row: &Row<'_>, column: usize) -> Result<SendPolicy> {
    converted(row, column, |value| match value.as_i64()? {
        0 => Ok(SendPolicy::Owners {}),
        1 => Ok(SendPolicy::Members {}),
        2 => Ok(SendPolicy::Everybody {}),
        other => Err(FromSqlError::OutOfRange(other)),
    })
}
