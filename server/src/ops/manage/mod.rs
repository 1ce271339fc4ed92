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
    error::ManageError,
    result::{ManageResult, error_json},
    types::{InviteAction, Manage, ManageAction, OutputFormat},
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
/// [`Failure::Manage`], [`Failure::NoServer`], [`Failure::Open`], [`Failure::Invite`],
/// [`Failure::Store`]. With JSON, standard output has the error, too.
pub fn run(config: &Config, manage: &Manage) -> Result<(), Failure> {
    let result = act(config, manage.action.clone());
    let lines = match (&result, manage.output) {
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

fn act(config: &Config, action: ManageAction) -> Result<ManageResult, Failure> {
    if let ManageAction::Invite(InviteAction::Make { count, days }) = action {
        return invites::make(config, count, days);
    }
    let mut door = Door::open(config)?;
    let result = act_through(&mut door, action);
    door.close()?;
    result
}

fn act_through(door: &mut Door, action: ManageAction) -> Result<ManageResult, Failure> {
    let request = match action {
        ManageAction::Account(action) => return accounts::run(door, action),
        ManageAction::List(action) => return lists::run(door, action),
        ManageAction::Invite(InviteAction::Revoke(id)) => {
            door.ask(AdminRequest::RevokeInvite { id })?;
            return Ok(ManageResult::Changed(id.to_string()));
        }
        ManageAction::Invite(_) => return invites::list(door),
        ManageAction::Sessions => return sessions(door),
        ManageAction::EndSessions(of) => AdminRequest::EndSessions { of },
        ManageAction::Unblock(of) => AdminRequest::Unblock { of },
        ManageAction::Announce { subject, file } => {
            let body = body(file.as_deref())?;
            AdminRequest::Announce { subject, body }
        }
        ManageAction::Status => AdminRequest::Status {},
    };
    match door.ask(request)? {
        AdminReply::Ended { sessions } => Ok(ManageResult::Ended(sessions)),
        AdminReply::Unblocked { forgotten } => Ok(ManageResult::Unblocked(forgotten)),
        AdminReply::Announced { accounts } => Ok(ManageResult::Announced(accounts)),
        AdminReply::Status(status) => Ok(ManageResult::Status(status)),
        _ => Err(ManageError::unexpected().into()),
    }
}

fn sessions(door: &mut Door) -> Result<ManageResult, Failure> {
    let mut all: Vec<SessionView> = Vec::new();
    loop {
        let after = all.last().map(|session| session.connection);
        match door.ask(AdminRequest::Sessions { after })? {
            AdminReply::Sessions { sessions, more } => {
                all.extend(sessions);
                if !more {
                    return Ok(ManageResult::Sessions(all));
                }
            }
            _ => return Err(ManageError::unexpected().into()),
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
    read.map_err(|source| ManageError::Read { name, source })?;
    text.parse().map_err(|invalid: correio_proto::mail::Invalid| {
        ManageError::Text(invalid.to_string()).into()
    })
}
