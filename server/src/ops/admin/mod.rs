//! The operator's commands about a server's accounts, lists, sessions, invites and state: they ask the
//! running server, or open the store of a stopped one.

mod accounts;
pub(super) mod command;
mod door;
pub mod error;
mod invites;
mod lists;
mod people_file;
mod result;
mod running;
mod show;
mod stopped;
mod table;
pub(super) mod task;
pub mod types;

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use correio_proto::{limits::BODY_MAX, mail::Body};

pub use self::people_file::BadRow;
use self::{
    door::Door,
    error::AdminCommandError,
    result::{CommandResult, error_json},
    types::{AdminCommand, CommandAction, InviteAction, OutputFormat},
};
use super::{config::Config, exit::Failure};
use crate::admin::{
    reply::{AdminReply, SessionView},
    request::AdminRequest,
};

/// Runs a command, and prints its result.
///
/// # Errors
///
/// [`Failure::Admin`], [`Failure::NoServer`], [`Failure::Open`], [`Failure::Invite`],
/// [`Failure::Store`]. With JSON, standard output has the error, too.
pub fn run(config: &Config, command: &AdminCommand) -> Result<(), Failure> {
    let result = act(config, command.action.clone());
    let lines = match (&result, command.output) {
        (Ok(result), OutputFormat::Text) => result.lines(),
        (Ok(result), OutputFormat::Json) => vec![result.json().to_string()],
        (Err(failure), OutputFormat::Json) => vec![error_json(failure).to_string()],
        (Err(_), OutputFormat::Text) => Vec::new(),
    };
    let mut out = io::stdout().lock();
    for line in lines {
        // The reader of the output may have gone.
        let _ = writeln!(out, "{line}");
    }
    let _ = out.flush();
    result.map(drop)
}

fn act(config: &Config, action: CommandAction) -> Result<CommandResult, Failure> {
    if let CommandAction::Invite(InviteAction::Make { count, days }) = action {
        return invites::make(config, count, days);
    }
    let mut door = Door::open(config)?;
    let result = act_through(&mut door, action);
    door.close()?;
    result
}

fn act_through(door: &mut Door, action: CommandAction) -> Result<CommandResult, Failure> {
    let request = match action {
        CommandAction::Account(action) => return accounts::run(door, action),
        CommandAction::List(action) => return lists::run(door, action),
        CommandAction::Invite(InviteAction::Revoke(id)) => {
            door.ask(AdminRequest::RevokeInvite { id })?;
            return Ok(CommandResult::Changed(id.to_string()));
        }
        CommandAction::Invite(_) => return invites::list(door),
        CommandAction::Sessions => return sessions(door),
        CommandAction::EndSessions(of) => AdminRequest::EndSessions { of },
        CommandAction::Unblock(of) => AdminRequest::Unblock { of },
        CommandAction::Announce { subject, file } => {
            let body = body(file.as_deref())?;
            AdminRequest::Announce { subject, body }
        }
        CommandAction::Status => AdminRequest::Status {},
    };
    match door.ask(request)? {
        AdminReply::Ended { sessions } => Ok(CommandResult::Ended(sessions)),
        AdminReply::Unblocked { forgotten } => Ok(CommandResult::Unblocked(forgotten)),
        AdminReply::Announced { accounts } => Ok(CommandResult::Announced(accounts)),
        AdminReply::Status(status) => Ok(CommandResult::Status(status)),
        _ => Err(AdminCommandError::unexpected().into()),
    }
}

fn sessions(door: &mut Door) -> Result<CommandResult, Failure> {
    let mut all: Vec<SessionView> = Vec::new();
    loop {
        let after = all.last().map(|session| session.connection);
        match door.ask(AdminRequest::Sessions { after })? {
            AdminReply::Sessions { sessions, more } => {
                all.extend(sessions);
                if !more {
                    return Ok(CommandResult::Sessions(all));
                }
            }
            _ => return Err(AdminCommandError::unexpected().into()),
        }
    }
}

/// Reads the text of an announcement.
fn body(file: Option<&Path>) -> Result<Body, Failure> {
    let mut text = String::new();
    let limit = BODY_MAX as u64 + 1;
    let (name, read) = match file {
        None => {
            ("standard input".to_owned(), io::stdin().lock().take(limit).read_to_string(&mut text))
        }
        Some(path) => {
            let opened = fs::File::open(path);
            let read = opened.and_then(|file| file.take(limit).read_to_string(&mut text));
            (path.display().to_string(), read)
        }
    };
    read.map_err(|source| AdminCommandError::Read { name, source })?;
    text.parse().map_err(|invalid: correio_proto::mail::Invalid| {
        AdminCommandError::Text(invalid.to_string()).into()
    })
}
