//! The commands about lists.

use correio_proto::{
    mail::Username,
    message::{ListChange, ListMember, ListOverview},
};

use super::{door::Door, error::ManageError, result::ManageResult, types::ListAction};
use crate::{
    admin::{reply::AdminReply, request::AdminRequest},
    ops::exit::Failure,
};

/// Runs a command.
pub(super) fn run(door: &mut Door, action: ListAction) -> Result<ManageResult, Failure> {
    let (name, change) = match action {
        ListAction::List => return list(door),
        ListAction::Members(name) => return members(door, &name),
        ListAction::Create(name, title, senders) => (name, ListChange::Create { title, senders }),
        ListAction::Set(name, title, senders) => (name, ListChange::Set { title, senders }),
        ListAction::Add(name, members, role) => (name, ListChange::Add { members, role }),
        ListAction::Remove(name, members) => (name, ListChange::Remove { members }),
        ListAction::Delete(name) => (name, ListChange::Delete {}),
    };
    door.ask(AdminRequest::ChangeList { name: name.clone(), change })?;
    Ok(ManageResult::Changed(name.to_string()))
}

fn list(door: &mut Door) -> Result<ManageResult, Failure> {
    let mut all: Vec<ListOverview> = Vec::new();
    loop {
        let after = all.last().map(|list| list.name.clone());
        match door.ask(AdminRequest::Lists { after })? {
            AdminReply::Lists { lists, more } => {
                all.extend(lists);
                if !more {
                    return Ok(ManageResult::Lists(all));
                }
            }
            _ => return Err(ManageError::unexpected().into()),
        }
    }
}

fn members(door: &mut Door, name: &Username) -> Result<ManageResult, Failure> {
    let mut all: Vec<ListMember> = Vec::new();
    loop {
        let after = all.last().map(|member| member.username.clone());
        match door.ask(AdminRequest::Members { name: name.clone(), after })? {
            AdminReply::Members { list, members, more } => {
                all.extend(members);
                if !more {
                    return Ok(ManageResult::Members(Box::new(list), all));
                }
            }
            _ => return Err(ManageError::unexpected().into()),
        }
    }
}
