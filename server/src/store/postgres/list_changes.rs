//! Changes of lists as SQL, within the transaction of their job. A change is judged while the
//! list's row is locked.

use correio_proto::{
    limits,
    mail::{FullName, Recipients, Username},
    message::{ListChange, Role, SendPolicy},
};

use super::{
    account_rows,
    context::Context,
    error::QueryError,
    lists::{self, StoredList, free_names, policy_number, role_number},
    names,
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
    context: &mut Context<'_, '_>,
    account: AccountId,
    name: &Username,
    change: &ListChange,
) -> Result<StoreDone, QueryError> {
    let Some((username, _)) = account_rows::names_of(context, account)? else {
        return Ok(StoreDone::NoAccount);
    };
    let Some(list) = lists::find_locked(context, name, &username)? else {
        return match change {
            ListChange::Create { title, senders } => {
                create(context, (account, &username), name, title, *senders)
            }
            _ => Ok(StoreDone::NoSuchList),
        };
    };
    if let Err(refusal) = list.standing.may_change(&username, change) {
        return Ok(refusal);
    }
    match change {
        ListChange::Create { .. } => Ok(StoreDone::Changed),
        ListChange::Set { title, senders } => set(context, &list, title, *senders),
        ListChange::Add { members, role } => add(context, &list, members, *role),
        ListChange::Remove { members } => remove(context, &list, members),
        ListChange::Delete {} => delete(context, list.id),
    }
}

fn create(
    context: &mut Context<'_, '_>,
    (account, username): (AccountId, &Username),
    name: &Username,
    title: &FullName,
    senders: SendPolicy,
) -> Result<StoreDone, QueryError> {
    // Under the lock, no other server makes one for the account at the same time.
    account_rows::lock(context, account)?;
    if is_reserved(name) || !names::take_for_list(context, name)? {
        return Ok(StoreDone::UsernameTaken);
    }
    if lists::made(context, account)? >= limits::LISTS_MAX as u64 {
        return Ok(context.refuse(StoreDone::ListFull));
    }
    let list = insert(context, name, title, senders, 1, Some(account))?;
    put(context, list, (account, username), Role::Owner {})?;
    Ok(StoreDone::Changed)
}

/// Makes a list, whose name was taken for it.
pub(super) fn insert(
    context: &mut Context<'_, '_>,
    name: &Username,
    title: &FullName,
    senders: SendPolicy,
    members: i32,
    creator: Option<AccountId>,
) -> Result<i64, QueryError> {
    let statement = statement!(
        "INSERT INTO list (name, title, senders, membership, members, creator)
         VALUES ($1, $2, $3, 0, $4, $5) RETURNING id",
        TEXT,
        TEXT,
        INT2,
        INT4,
        INT8
    );
    let rows = context.change(
        statement,
        &[
            &name.as_str(),
            &title.as_str(),
            &policy_number(senders),
            &members,
            &creator.map(|AccountId(id)| id),
        ],
    )?;
    match rows.first() {
        Some(row) => row.get(0),
        None => Err(QueryError::Fatal("a new list has no id".into())),
    }
}

/// Changes a list's title and whose mail it takes.
pub(super) fn set(
    context: &mut Context<'_, '_>,
    list: &StoredList,
    title: &FullName,
    senders: SendPolicy,
) -> Result<StoreDone, QueryError> {
    let statement =
        statement!("UPDATE list SET title = $2, senders = $3 WHERE id = $1", INT8, TEXT, INT2);
    context.execute(statement, &[&list.id, &title.as_str(), &policy_number(senders)])?;
    Ok(StoreDone::Changed)
}

/// The number of a member's role in a list, if it has a row there.
fn role_of(
    context: &mut Context<'_, '_>,
    list: i64,
    username: &Username,
) -> Result<Option<i16>, QueryError> {
    let statement =
        statement!("SELECT role FROM list_member WHERE list = $1 AND username = $2", INT8, TEXT);
    let rows = context.query(statement, &[&list, &username.as_str()])?;
    rows.first().map(|row| row.get(0)).transpose()
}

/// Whether the list has owners, and none but these usernames.
fn has_no_other_owner(
    context: &mut Context<'_, '_>,
    list: i64,
    usernames: &Recipients,
) -> Result<bool, QueryError> {
    let names: Vec<&str> = usernames.iter().map(Username::as_str).collect();
    let statement = statement!(
        "SELECT count(*), count(*) FILTER (WHERE username = ANY ($3)) FROM list_member
         WHERE list = $1 AND role = $2",
        INT8,
        INT2,
        TEXT_ARRAY
    );
    let owner = role_number(Role::Owner {});
    let rows = context.query(statement, &[&list, &owner, &names])?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    let (owners, leaving): (i64, i64) = (row.get(0)?, row.get(1)?);
    Ok(leaving > 0 && leaving == owners)
}

pub(super) fn add(
    context: &mut Context<'_, '_>,
    list: &StoredList,
    members: &Recipients,
    role: Role,
) -> Result<StoreDone, QueryError> {
    let (mut added, mut unknown) = (Vec::new(), Vec::new());
    for username in members.iter() {
        match account_rows::id_of(context, username)? {
            Some(id) => added.push((id, username, role_of(context, list.id, username)?)),
            None => unknown.push(username.clone()),
        }
    }
    if !unknown.is_empty() {
        return Ok(StoreDone::UnknownRecipients(unknown));
    }
    let is_new = |(_, _, present): &&(AccountId, &Username, Option<i16>)| present.is_none();
    let new = i32::try_from(added.iter().filter(is_new).count()).unwrap_or(i32::MAX);
    let all = match list.standing.membership {
        Membership::Added => list.members.saturating_add(new.unsigned_abs()),
        Membership::AllAccounts => 0,
    };
    if all > limits::MEMBERS_MAX {
        return Ok(StoreDone::ListFull);
    }
    if role == (Role::Member {}) && has_no_other_owner(context, list.id, members)? {
        return Ok(StoreDone::LastOwner);
    }
    for (id, username, _) in added {
        match (list.standing.membership, role) {
            // All accounts are members without a row.
            (Membership::AllAccounts, Role::Member {}) => {
                take(context, list.id, &[username.as_str()]).map(drop)?;
            }
            _ => put(context, list.id, (id, username), role)?,
        }
    }
    if let Membership::Added = list.standing.membership {
        count(context, list.id, new)?;
    }
    Ok(StoreDone::Changed)
}

fn remove(
    context: &mut Context<'_, '_>,
    list: &StoredList,
    members: &Recipients,
) -> Result<StoreDone, QueryError> {
    if has_no_other_owner(context, list.id, members)? {
        return Ok(StoreDone::LastOwner);
    }
    let names: Vec<&str> = members.iter().map(Username::as_str).collect();
    let removed = take(context, list.id, &names)?;
    if removed.unsigned_abs() == list.members {
        // A list without an owner goes with its last member.
        return delete(context, list.id);
    }
    count(context, list.id, -removed)?;
    Ok(StoreDone::Changed)
}

pub(super) fn delete(context: &mut Context<'_, '_>, list: i64) -> Result<StoreDone, QueryError> {
    context.execute(statement!("DELETE FROM list_member WHERE list = $1", INT8), &[&list])?;
    let statement = statement!("DELETE FROM list WHERE id = $1 RETURNING name", INT8);
    let deleted = context.change(statement, &[&list])?;
    free_names(context, &deleted)?;
    Ok(StoreDone::Changed)
}

fn put(
    context: &mut Context<'_, '_>,
    list: i64,
    (account, username): (AccountId, &Username),
    role: Role,
) -> Result<(), QueryError> {
    let statement = statement!(
        "INSERT INTO list_member (list, username, account, role) VALUES ($1, $2, $3, $4)
         ON CONFLICT (list, username) DO UPDATE SET role = excluded.role",
        INT8,
        TEXT,
        INT8,
        INT2
    );
    let role = role_number(role);
    context.execute(statement, &[&list, &username.as_str(), &account.0, &role]).map(drop)
}

/// Removes the rows of members. Returns the number of removed rows.
pub(super) fn take(
    context: &mut Context<'_, '_>,
    list: i64,
    usernames: &[&str],
) -> Result<i32, QueryError> {
    let statement = statement!(
        "DELETE FROM list_member WHERE list = $1 AND username = ANY ($2)",
        INT8,
        TEXT_ARRAY
    );
    let removed = context.execute(statement, &[&list, &usernames])?;
    Ok(i32::try_from(removed).unwrap_or(i32::MAX))
}

pub(super) fn count(context: &mut Context<'_, '_>, list: i64, more: i32) -> Result<(), QueryError> {
    let statement = statement!("UPDATE list SET members = members + $2 WHERE id = $1", INT8, INT4);
    context.execute(statement, &[&list, &more]).map(drop)
}
