//! The operator's jobs about lists.

use correio_proto::{
    mail::{FullName, Recipients, Username},
    message::{ListChange, SendPolicy},
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::accounts::is_taken;
use crate::store::{
    StoreDone,
    admin::AdminDone,
    lists::{Membership, is_reserved},
    sqlite::{
        list_changes,
        lists::{self, StoredList, policy_number},
        row::to_sql,
        tables::Tables,
    },
};

/// The columns that [`lists::stored`] reads, of a reader that is no member.
const COLUMNS: &str = "id, name, title, senders, membership, members, NULL";

/// Reads a page of lists.
pub(super) fn page(db: &Connection, after: Option<&Username>, max: usize) -> Result<AdminDone> {
    let sql = format!("SELECT {COLUMNS} FROM list WHERE name > ?1 ORDER BY name LIMIT ?2");
    let values = params![after.map_or("", Username::as_str), to_sql(max as u64 + 1)];
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(values, |row| lists::stored(row).map(StoredList::overview))?;
    let mut lists = rows.collect::<Result<Vec<_>>>()?;
    let more = lists.len() > max;
    lists.truncate(max);
    for list in &mut lists {
        list.role = None;
    }
    Ok(AdminDone::Lists { lists, more })
}

/// Reads members of a list.
pub(super) fn members(
    db: &Connection,
    name: &Username,
    after: Option<&Username>,
    max: usize,
) -> Result<AdminDone> {
    let Some(list) = find(db, name)? else {
        return Ok(AdminDone::NoList);
    };
    let mut page = lists::page(db, list, after, max)?;
    page.list.role = None;
    Ok(AdminDone::Members(page))
}

/// Changes a list.
pub(super) fn change(
    tables: &mut Tables<'_>,
    name: &Username,
    change: &ListChange,
) -> Result<AdminDone> {
    let db = tables.db;
    let list = find(db, name)?;
    let result = match (list, change) {
        (None, ListChange::Create { title, senders }) => {
            return create(tables, name, title, *senders);
        }
        (None, _) => return Ok(AdminDone::NoList),
        (Some(_), ListChange::Create { .. }) => return Ok(AdminDone::Taken(vec![name.clone()])),
        (Some(list), ListChange::Set { title, senders }) => {
            list_changes::set(db, &list, title, *senders)?
        }
        (Some(list), ListChange::Add { members, role }) => {
            list_changes::add(tables, &list, members, *role)?
        }
        (Some(list), ListChange::Remove { members }) => remove(db, &list, members)?,
        (Some(list), ListChange::Delete {}) => match list.standing.membership {
            Membership::Added => list_changes::delete(db, list.id)?,
            Membership::AllAccounts => StoreDone::FixedList,
        },
    };
    Ok(match result {
        StoreDone::Changed => AdminDone::Changed(None),
        other => AdminDone::Refused(other.into()),
    })
}

fn find(db: &Connection, name: &Username) -> Result<Option<StoredList>> {
    let sql = format!("SELECT {COLUMNS} FROM list WHERE name = ?1");
    db.prepare_cached(&sql)?.query_row([name.as_str()], lists::stored).optional()
}

/// Makes a list without members.
fn create(
    tables: &mut Tables<'_>,
    name: &Username,
    title: &FullName,
    senders: SendPolicy,
) -> Result<AdminDone> {
    if is_reserved(name) || lists::is_retired(tables.db, name)? || is_taken(tables, name)? {
        return Ok(AdminDone::Taken(vec![name.clone()]));
    }
    let sql =
        "INSERT INTO list (name, title, senders, membership, members) VALUES (?1, ?2, ?3, 0, 0)";
    let values = params![name.as_str(), title.as_str(), policy_number(senders)];
    tables.db.prepare_cached(sql)?.execute(values)?;
    Ok(AdminDone::Changed(None))
}

/// Removes members, also the last owner. A list that the operator empties stays.
fn remove(db: &Connection, list: &StoredList, members: &Recipients) -> Result<StoreDone> {
    let mut removed = 0;
    for username in members.iter() {
        removed += list_changes::take(db, list.id, username)?;
    }
    if let Membership::Added = list.standing.membership {
        list_changes::count(db, list.id, -removed)?;
    }
    Ok(StoreDone::Changed)
}
