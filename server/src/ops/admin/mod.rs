//! The operator's commands about a server's accounts, lists, sessions, invites and state: they ask
//! the running server, or open the store of a stopped one.
//!
//! A command first reads its input and asks its questions, and then opens its way to the store: no
//! person who thinks keeps a place of the server, or the lock of a store. A signal ends a command
//! before its request, or between the steps of an announcement.

mod accounts;
mod client;
mod input;
mod invites;
mod lists;
mod opened_store;
mod pages;
mod people_file;
mod prepared;
mod result;
mod running;
mod show;

use std::io;

use self::{
    client::AdminClient,
    prepared::{Prepared, prepare},
    result::{CommandResult, error_json},
};
use super::{
    admin_command::types::{AdminCommand, CommandAction, InviteAction, OutputFormat},
    config::Config,
    exit::Failure,
    recorded_store, streams,
};
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{
        reply::{AdminReply, SessionView},
        request::AdminRequest,
    },
    cancel::Cancel,
};

/// Runs a command, and prints its result.
///
/// # Errors
///
/// [`Failure::Admin`], [`Failure::NoServer`], [`Failure::Open`], [`Failure::Key`],
/// [`Failure::Store`]. With JSON, standard output has the error, too.
pub fn run(config: &Config, command: &AdminCommand, cancel: &Cancel) -> Result<(), Failure> {
    let Ended { result, closed } = act(config, command.action.clone(), cancel);
    if matches!(result, Ok(CommandResult::Ended(_)))
        && recorded_store::is_in_database(&config.data_dir)
    {
        streams::note("these are the sessions at this server; correiod nodes shows the others");
    }
    match result {
        // The result holds, whether or not the store could be closed.
        Ok(result) => print(&result, command.output, cancel).map_err(Failure::Admin).and(closed),
        Err(failure) => {
            if command.output == OutputFormat::Json {
                // The error is on standard error, too, and has its status.
                let _ = streams::print(&line(error_json(&failure).to_string()), cancel);
            }
            Err(failure)
        }
    }
}

/// What a command has done.
struct Ended {
    result: Result<CommandResult, Failure>,
    /// Whether the store could be closed.
    closed: Result<(), Failure>,
}

impl From<Result<CommandResult, Failure>> for Ended {
    fn from(result: Result<CommandResult, Failure>) -> Self {
        Self { result, closed: Ok(()) }
    }
}

fn act(config: &Config, action: CommandAction, cancel: &Cancel) -> Ended {
    let prepared = match prepare(config, action, cancel) {
        Ok(Prepared::Done(result)) => return Ok(result).into(),
        Ok(prepared) => prepared,
        Err(failure) => return Err(failure).into(),
    };
    let mut client = match AdminClient::open(config, cancel) {
        Ok(client) => client,
        Err(failure) => return Err(failure).into(),
    };
    let result = perform(&mut client, prepared);
    Ended { result, closed: client.close() }
}

fn perform(client: &mut AdminClient<'_>, prepared: Prepared) -> Result<CommandResult, Failure> {
    match prepared {
        Prepared::Done(result) => Ok(result),
        Prepared::Import(import) => import.run(client),
        Prepared::Invites(made) => invites::record(client, made),
        Prepared::Announce { cursor, subject, body } => {
            ask(client, AdminRequest::Announce { cursor, subject, body })
        }
        Prepared::Plain(action) => plain(client, action),
    }
}

fn plain(client: &mut AdminClient<'_>, action: CommandAction) -> Result<CommandResult, Failure> {
    match action {
        CommandAction::Account(action) => accounts::run(client, action),
        CommandAction::List(action) => lists::run(client, action),
        CommandAction::Invite(InviteAction::Revoke(id)) => invites::revoke(client, id),
        CommandAction::Invite(InviteAction::List) => invites::list(client),
        CommandAction::Sessions => sessions(client),
        CommandAction::EndSessions(of) => ask(client, AdminRequest::EndSessions { of }),
        CommandAction::Unblock(of) => ask(client, AdminRequest::Unblock { of }),
        CommandAction::Status => ask(client, AdminRequest::Status {}),
        CommandAction::Nodes => ask(client, AdminRequest::Nodes {}),
        // These have input, and are other variants of `Prepared`.
        CommandAction::Invite(InviteAction::Make { .. }) | CommandAction::Announce { .. } => {
            Err(AdminCommandError::unexpected().into())
        }
    }
}

/// Makes the one request of a command.
fn ask(client: &mut AdminClient<'_>, request: AdminRequest) -> Result<CommandResult, Failure> {
    match client.ask(request)? {
        AdminReply::Ended { sessions } => Ok(CommandResult::Ended(sessions)),
        AdminReply::Unblocked { forgotten } => Ok(CommandResult::Unblocked(forgotten)),
        AdminReply::Announced { accounts } => Ok(CommandResult::Announced(accounts)),
        AdminReply::Status(status) => Ok(CommandResult::Status(status)),
        AdminReply::Nodes { nodes } => Ok(CommandResult::Nodes(nodes)),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

fn sessions(client: &mut AdminClient<'_>) -> Result<CommandResult, Failure> {
    let request = |all: &[SessionView]| AdminRequest::Sessions {
        after: all.last().map(|session| session.connection),
    };
    let all = pages::all(client, request, |reply| match reply {
        AdminReply::Sessions { sessions, more } => Some((sessions, more)),
        _ => None,
    });
    all.map(CommandResult::Sessions)
}

/// Prints a result. A reader that has gone is no error, unless what it did not read is lost with
/// it.
fn print(
    result: &CommandResult,
    output: OutputFormat,
    cancel: &Cancel,
) -> Result<(), AdminCommandError> {
    let bytes = match output {
        OutputFormat::Text => result.lines().into_iter().flat_map(line).collect(),
        OutputFormat::Json => line(result.json().to_string()),
    };
    let printed = streams::print(&bytes, cancel);
    match (printed, result.secrets()) {
        (Ok(()), _) => Ok(()),
        (Err(error), None) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        (Err(source), done) => {
            let done = done.unwrap_or("the command is done");
            Err(AdminCommandError::Output { done, source })
        }
    }
}

fn line(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.push(b'\n');
    bytes
}
