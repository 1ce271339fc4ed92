//! The commands about lists.

use correio_proto::{
    mail::Username,
    message::{ListChange, ListMember, ListOverview},
};

use super::{door::Door, error::AdminCommandError, result::CommandResult, types::ListAction};
use crate::{
    admin::{reply::AdminReply, request::AdminRequest},
    ops::exit::Failure,
};

/// Runs a command.
pub(super) fn run(door: &mut Door, action: ListAction) -> Result<CommandResult, Failure> {
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
    Ok(CommandResult::Changed(name.to_string()))
}

fn list(door: &mut Door) -> Result<CommandResult, Failure> {
    let mut all: Vec<ListOverview> = Vec::new();
    loop {
        let after = all.last().map(|list| list.name.clone());
        match door.ask(AdminRequest::Lists { after })? {
            AdminReply::Lists { lists, more } => {
                all.extend(lists);
                if !more {
                    return Ok(CommandResult::Lists(all));
                }
            }
            _ => return Err(AdminCommandError::unexpected().into()),
        }
    }
}

fn members(door: &mut Door, name: &Username) -> Result<CommandResult, Failure> {
    let mut all: Vec<ListMember> = Vec::new();
    loop {
        let after = all.last().map(|member| member.username.clone());
        match door.ask(AdminRequest::Members { name: name.clone(), after })? {
            AdminReply::Members { list, members, more } => {
                all.extend(members);
                if !more {
                    return Ok(CommandResult::Members(Box::new(list), all));
                }
            }
            _ => return Err(AdminCommandError::unexpected().into()),
        }
    }
}
