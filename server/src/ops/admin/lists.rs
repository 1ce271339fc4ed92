//! The commands about lists.

use correio_proto::{
    mail::Username,
    message::{ListChange, ListMember, ListOverview},
};

use super::{
    client::AdminClient,
    pages,
    result::{ChangeKind, CommandResult},
};
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{reply::AdminReply, request::AdminRequest},
    ops::{admin_command::types::ListAction, exit::Failure},
};

/// Runs a command.
pub(super) fn run(
    client: &mut AdminClient<'_>,
    action: ListAction,
) -> Result<CommandResult, Failure> {
    let (done, name, change) = match action {
        ListAction::List => return list(client),
        ListAction::Members(name) => return members(client, &name),
        ListAction::Create(name, title, senders) => {
            (ChangeKind::ListMade, name, ListChange::Create { title, senders })
        }
        ListAction::Set(name, title, senders) => {
            (ChangeKind::ListSet, name, ListChange::Set { title, senders })
        }
        ListAction::Add(name, members, role) => {
            (ChangeKind::MembersAdded, name, ListChange::Add { members, role })
        }
        ListAction::Remove(name, members) => {
            (ChangeKind::MembersRemoved, name, ListChange::Remove { members })
        }
        ListAction::Delete(name) => (ChangeKind::ListDeleted, name, ListChange::Delete {}),
    };
    client.ask(AdminRequest::ChangeList { name: name.clone(), change })?;
    Ok(CommandResult::Changed(done, name.to_string()))
}

fn list(client: &mut AdminClient<'_>) -> Result<CommandResult, Failure> {
    let request = |all: &[ListOverview]| AdminRequest::Lists {
        after: all.last().map(|list| list.name.clone()),
    };
    let all = pages::all(client, request, |reply| match reply {
        AdminReply::Lists { lists, more } => Some((lists, more)),
        _ => None,
    });
    all.map(CommandResult::Lists)
}

fn members(client: &mut AdminClient<'_>, name: &Username) -> Result<CommandResult, Failure> {
    let request = |all: &[ListMember]| AdminRequest::Members {
        name: name.clone(),
        after: all.last().map(|member| member.username.clone()),
    };
    let mut overview = None;
    let all = pages::all(client, request, |reply| match reply {
        AdminReply::Members { list, members, more } => {
            overview = Some(list);
            Some((members, more))
        }
        _ => None,
    })?;
    let overview = overview.ok_or_else(AdminCommandError::unexpected)?;
    Ok(CommandResult::Members(Box::new(overview), all))
}
