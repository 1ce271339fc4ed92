//! Lists as SQL, within the transaction of their job: what accounts read of them, and what other
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

use super::{
    account_columns::{REFUSES_MAIL, own_quota},
    account_rows,
    connection::{Row, Rows},
    context::{Context, Param},
    error::QueryError,
    names,
    row::{damaged, parsed, to_sql, unsigned},
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
    context: &mut Context<'_, '_>,
    name: &Username,
    username: &Username,
) -> Result<Option<StoredList>, QueryError> {
    let statement = statement!(
        "SELECT id, name, title, senders, membership, members, role
         FROM list LEFT JOIN list_member ON list = id AND username = $2
         WHERE name = $1",
        TEXT,
        TEXT
    );
    let rows = context.query(statement, &[&name.as_str(), &username.as_str()])?;
    rows.first().map(|row| stored(&row)).transpose()
}

/// As [`find`], for a change: no other transaction changes the list until the end of this one.
pub(super) fn find_locked(
    context: &mut Context<'_, '_>,
    name: &Username,
    username: &Username,
) -> Result<Option<StoredList>, QueryError> {
    let statement = statement!("SELECT 1 FROM list WHERE name = $1 FOR NO KEY UPDATE", TEXT);
    match context.exists(statement, &[&name.as_str()])? {
        true => find(context, name, username),
        false => Ok(None),
    }
}

/// Whether a list has this name.
pub(super) fn has_name(context: &mut Context<'_, '_>, name: &Username) -> Result<bool, QueryError> {
    context.exists(statement!("SELECT 1 FROM list WHERE name = $1", TEXT), &[&name.as_str()])
}

/// Reads the lists of an account, as [`crate::store::StoreJob::ListsOf`] describes it.
pub(super) fn of(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<StoreDone, QueryError> {
    let Some((username, _)) = account_rows::names_of(context, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let max = to_sql(limits::LISTS_MAX as u64);
    // An account makes at most as many lists as are read.
    let statement = statement!(
        "SELECT id, name, title, senders, membership, members, role
         FROM list JOIN list_member ON list = id AND username = $2
         WHERE creator = $1 LIMIT $3",
        INT8,
        TEXT,
        INT8
    );
    let made = context.query(statement, &[&account.0, &username.as_str(), &max])?;
    let statement = statement!(
        "SELECT id, name, title, senders, membership, members, role
         FROM list_member JOIN list ON id = list
         WHERE account = $1 ORDER BY role, list LIMIT $2",
        INT8,
        INT8
    );
    let others = context.query(statement, &[&account.0, &max])?;
    let (mut lists, mut ids) = (Vec::new(), HashSet::new());
    let made_ids = made.iter().map(|row| row.get(0)).collect::<Result<HashSet<i64>, _>>()?;
    for row in made.iter().chain(others.iter()) {
        let list = stored(&row)?;
        if ids.insert(list.id) {
            lists.push(list);
        }
    }
    if let Ok(everybody) = EVERYBODY.parse()
        && lists.iter().all(|list| list.name != everybody)
        && let Some(list) = find(context, &everybody, &username)?
        && list.standing.role.is_some()
    {
        lists.push(list);
    }
    let is_owned = |list: &StoredList| list.standing.role == Some(Role::Owner {});
    lists.sort_by_key(|list| (!made_ids.contains(&list.id), !is_owned(list), list.id));
    lists.truncate(limits::LISTS_MAX);
    lists.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(StoreDone::Lists(lists.into_iter().map(StoredList::overview).collect()))
}

/// Reads members, as [`crate::store::StoreJob::Members`] describes it.
pub(super) fn members(
    context: &mut Context<'_, '_>,
    account: AccountId,
    name: &Username,
    after: Option<&Username>,
    max: usize,
) -> Result<StoreDone, QueryError> {
    let Some((username, _)) = account_rows::names_of(context, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let Some(list) = find(context, name, &username)? else {
        return Ok(StoreDone::NoSuchList);
    };
    if let Err(refusal) = list.standing.may_read() {
        return Ok(refusal);
    }
    page(context, list, after, max).map(StoreDone::Members)
}

/// Reads a page of a list's members.
pub(super) fn page(
    context: &mut Context<'_, '_>,
    list: StoredList,
    after: Option<&Username>,
    max: usize,
) -> Result<MembersPage, QueryError> {
    let statement = match list.standing.membership {
        Membership::Added => statement!(
            "SELECT list_member.username, full_name, role
             FROM list_member JOIN account ON account.id = list_member.account
             WHERE list = $1 AND list_member.username > $2
             ORDER BY list_member.username LIMIT $3",
            INT8,
            TEXT,
            INT8
        ),
        Membership::AllAccounts => statement!(
            "SELECT account.username, full_name, coalesce(role, 1::smallint)
             FROM account LEFT JOIN list_member
                 ON list = $1 AND list_member.username = account.username
             WHERE account.username > $2 ORDER BY account.username LIMIT $3",
            INT8,
            TEXT,
            INT8
        ),
    };
    // One more shows whether there are more.
    let after = after.map_or("", Username::as_str);
    let wanted = to_sql(max.saturating_add(1) as u64);
    let rows = context.query(statement, &[&list.id, &after, &wanted])?;
    let member = |row: Row<'_>| {
        let role = role(&row, 2)?;
        Ok(ListMember { username: parsed(&row, 0)?, full_name: parsed(&row, 1)?, role })
    };
    let mut members = rows.iter().map(member).collect::<Result<Vec<_>, QueryError>>()?;
    let more = members.len() > max;
    members.truncate(max);
    Ok(MembersPage { list: list.overview(), members, more })
}

/// A member of a list, or an account that a mail names.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: AccountId,
    pub(super) username: Username,
    /// The account's own quota; `None` for the server's.
    pub(super) quota: Option<Quota>,
}

/// The members of a list whose accounts take mail, in the order of their usernames.
pub(super) fn receivers(
    context: &mut Context<'_, '_>,
    list: &StoredList,
) -> Result<Vec<Member>, QueryError> {
    let rows = match list.standing.membership {
        Membership::Added => {
            let statement = statement!(
                "SELECT account.id, account.username, quota_mails, quota_bytes
                 FROM list_member JOIN account ON account.id = list_member.account
                 WHERE list = $1 AND state <> $2 ORDER BY list_member.username",
                INT8,
                INT2
            );
            context.query(statement, &[&list.id, &REFUSES_MAIL])?
        }
        Membership::AllAccounts => {
            let statement = statement!(
                "SELECT id, username, quota_mails, quota_bytes
                 FROM account WHERE state <> $1 ORDER BY username",
                INT2
            );
            context.query(statement, &[&REFUSES_MAIL])?
        }
    };
    let member = |row: Row<'_>| {
        let (username, quota) = (parsed(&row, 1)?, own_quota(&row, 2)?);
        Ok(Member { id: AccountId(row.get(0)?), username, quota })
    };
    rows.iter().map(member).collect()
}

/// Counts a new account as a member of the list of all accounts.
pub(super) fn count_account(context: &mut Context<'_, '_>) -> Result<(), QueryError> {
    change_everybody(context, 1)
}

fn change_everybody(context: &mut Context<'_, '_>, more: i32) -> Result<(), QueryError> {
    let statement = statement!(
        "UPDATE list SET members = members + $2 WHERE name = $1 AND membership = 1",
        TEXT,
        INT4
    );
    context.execute(statement, &[&EVERYBODY, &more]).map(drop)
}

/// Removes an account that is being deleted from its lists. A list without members goes with the
/// last one.
pub(super) fn forget_account(
    context: &mut Context<'_, '_>,
    account: AccountId,
) -> Result<(), QueryError> {
    let statement = statement!(
        "UPDATE list SET members = members - 1 WHERE membership = 0 AND id IN
             (SELECT list FROM list_member WHERE account = $1 ORDER BY list)",
        INT8
    );
    context.execute(statement, &[&account.0])?;
    let statement = statement!(
        "DELETE FROM list WHERE members = 0 AND membership = 0
             AND id IN (SELECT list FROM list_member WHERE account = $1) RETURNING name",
        INT8
    );
    let deleted = context.change(statement, &[&account.0])?;
    free_names(context, &deleted)?;
    context
        .execute(statement!("DELETE FROM list_member WHERE account = $1", INT8), &[&account.0])?;
    change_everybody(context, -1)
}

/// Gives the names of deleted lists free, which are the first column.
pub(super) fn free_names(context: &mut Context<'_, '_>, deleted: &Rows) -> Result<(), QueryError> {
    let free = deleted.iter().map(|row| row.get(0)).collect::<Result<Vec<&str>, _>>()?;
    match free.is_empty() {
        true => Ok(()),
        false => names::free(context, &free),
    }
}

/// Reads `id, name, title, senders, membership, members, role`.
pub(super) fn stored(row: &Row<'_>) -> Result<StoredList, QueryError> {
    let membership = match row.get::<i16>(4)? {
        0 => Membership::Added,
        1 => Membership::AllAccounts,
        other => return Err(damaged(4, &format_args!("the membership {other}"))),
    };
    let role = match (row.get::<Option<i16>>(6)?, membership) {
        (None, Membership::Added) => None,
        (None, Membership::AllAccounts) => Some(Role::Member {}),
        (Some(_), _) => Some(role(row, 6)?),
    };
    let title: FullName = parsed(row, 2)?;
    let standing = Standing { title, senders: senders(row, 3)?, membership, role };
    let members = u32::try_from(row.get::<i32>(5)?).unwrap_or(0);
    Ok(StoredList { id: row.get(0)?, name: parsed(row, 1)?, standing, members })
}

/// The number that stands for a role in a row.
pub(super) fn role_number(role: Role) -> i16 {
    match role {
        Role::Owner {} => 0,
        Role::Member {} => 1,
    }
}

fn role(row: &Row<'_>, column: usize) -> Result<Role, QueryError> {
    match row.get::<i16>(column)? {
        0 => Ok(Role::Owner {}),
        1 => Ok(Role::Member {}),
        other => Err(damaged(column, &format_args!("the role {other}"))),
    }
}

/// The number that stands for a policy in a row.
pub(super) fn policy_number(senders: SendPolicy) -> i16 {
    match senders {
        SendPolicy::Owners {} => 0,
        SendPolicy::Members {} => 1,
        SendPolicy::Everybody {} => 2,
    }
}

fn senders(row: &Row<'_>, column: usize) -> Result<SendPolicy, QueryError> {
    match row.get::<i16>(column)? {
        0 => Ok(SendPolicy::Owners {}),
        1 => Ok(SendPolicy::Members {}),
        2 => Ok(SendPolicy::Everybody {}),
        other => Err(damaged(column, &format_args!("the policy {other}"))),
    }
}

/// Lists in the order of their names, as the operator sees them.
pub(super) fn all(
    context: &mut Context<'_, '_>,
    after: Option<&Username>,
    max: usize,
) -> Result<(Vec<ListOverview>, bool), QueryError> {
    let statement = statement!(
        "SELECT id, name, title, senders, membership, members, NULL::smallint
         FROM list WHERE name > $1 ORDER BY name LIMIT $2",
        TEXT,
        INT8
    );
    let wanted = to_sql(max.saturating_add(1) as u64);
    let values: [Param<'_>; 2] = [&after.map_or("", Username::as_str), &wanted];
    let rows = context.query(statement, &values)?;
    let overview = |row: Row<'_>| {
        let list = stored(&row)?.overview();
        Ok(ListOverview { role: None, ..list })
    };
    let mut lists = rows.iter().map(overview).collect::<Result<Vec<_>, QueryError>>()?;
    let more = lists.len() > max;
    lists.truncate(max);
    Ok((lists, more))
}

/// Number of lists that an account has made and that are not deleted.
pub(super) fn made(context: &mut Context<'_, '_>, account: AccountId) -> Result<u64, QueryError> {
    let statement = statement!("SELECT count(*) FROM list WHERE creator = $1", INT8);
    let rows = context.query(statement, &[&account.0])?;
    rows.first().map_or(Ok(0), |row| unsigned(&row, 0))
}
