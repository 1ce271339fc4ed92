//! The operator's jobs about lists.

use correio_proto::{
    mail::{FullName, Recipients, Username},
    message::{ListChange, SendPolicy},
};

use crate::store::{
    StoreDone,
    admin::AdminDone,
    lists::{Membership, is_reserved},
    postgres::{
        context::Context,
        error::QueryError,
        list_changes,
        lists::{self, StoredList},
        names,
    },
};

/// Reads a page of lists.
pub(super) fn page(
    context: &mut Context<'_, '_>,
    after: Option<&Username>,
    max: usize,
) -> Result<AdminDone, QueryError> {
    let (lists, more) = lists::all(context, after, max)?;
    Ok(AdminDone::Lists { lists, more })
}

/// Reads members of a list.
pub(super) fn members(
    context: &mut Context<'_, '_>,
    name: &Username,
    after: Option<&Username>,
    max: usize,
) -> Result<AdminDone, QueryError> {
    let Some(list) = lists::find(context, name, name)? else {
        return Ok(AdminDone::NoList);
    };
    let mut page = lists::page(context, list, after, max)?;
    page.list.role = None;
    Ok(AdminDone::Members(page))
}

/// Changes a list.
pub(super) fn change(
    context: &mut Context<'_, '_>,
    name: &Username,
    change: &ListChange,
) -> Result<AdminDone, QueryError> {
    // No account has the name of a list, so that this reader is no member.
    let list = lists::find_locked(context, name, name)?;
    let result = match (list, change) {
        (None, ListChange::Create { title, senders }) => {
            return create(context, name, title, *senders);
        }
        (None, _) => return Ok(AdminDone::NoList),
        (Some(_), ListChange::Create { .. }) => return Ok(AdminDone::Taken(vec![name.clone()])),
        (Some(list), ListChange::Set { title, senders }) => {
            list_changes::set(context, &list, title, *senders)?
        }
        (Some(list), ListChange::Add { members, role }) => {
            list_changes::add(context, &list, members, *role)?
        }
        (Some(list), ListChange::Remove { members }) => remove(context, &list, members)?,
        (Some(list), ListChange::Delete {}) => match list.standing.membership {
            Membership::Added => list_changes::delete(context, list.id)?,
            Membership::AllAccounts => StoreDone::FixedList,
        },
    };
    Ok(match result {
        StoreDone::Changed => AdminDone::Changed(None),
        other => AdminDone::Refused(other.into()),
    })
}

/// Makes a list without members.
fn create(
    context: &mut Context<'_, '_>,
    name: &Username,
    title: &FullName,
    senders: SendPolicy,
) -> Result<AdminDone, QueryError> {
    if is_reserved(name) || !names::take_for_list(context, name)? {
        return Ok(AdminDone::Taken(vec![name.clone()]));
    }
    list_changes::insert(context, name, title, senders, 0, None)?;
    Ok(AdminDone::Changed(None))
}

/// Removes members, also the last owner. A list that the operator empties stays.
fn remove(
    context: &mut Context<'_, '_>,
    list: &StoredList,
    members: &Recipients,
) -> Result<StoreDone, QueryError> {
    let names: Vec<&str> = members.iter().map(Username::as_str).collect();
    let removed = list_changes::take(context, list.id, &names)?;
    if let Membership::Added = list.standing.membership {
        list_changes::count(context, list.id, -removed)?;
    }
    Ok(StoreDone::Changed)
}
