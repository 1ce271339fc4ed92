//! A command that is ready for its requests: its input was read, and its questions were answered.

use correio_proto::{
    limits::BODY_MAX,
    mail::{Body, Invalid, Problem, Subject},
};

use super::{
    accounts::{self, Import},
    client::AdminClient,
    input, invites,
    result::{CommandResult, MadeInvite},
};
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{cursor::AnnouncementCursor, line::LINE_MAX},
    cancel::Cancel,
    clock::Clock,
    ops::{
        admin_command::types::{AccountAction, CommandAction, Confirmation, InviteAction},
        config::Config,
        exit::Failure,
        streams::note,
    },
};

/// See the module's description.
#[derive(Debug)]
pub(super) enum Prepared {
    /// There is nothing to ask: this is the result.
    Done(CommandResult),
    /// Make the accounts of a file.
    Import(Import),
    /// Record these invites.
    Invites(Vec<MadeInvite>),
    /// Send a mail to everybody.
    Announce {
        /// Where it begins.
        cursor: AnnouncementCursor,
        /// The mail's subject.
        subject: Subject,
        /// The mail's text.
        body: Body,
    },
    /// A command without input.
    Plain(CommandAction),
}

/// Prepares a command.
pub(super) fn prepare(
    config: &Config,
    action: CommandAction,
    cancel: &Cancel,
) -> Result<Prepared, Failure> {
    Ok(match action {
        CommandAction::Account(AccountAction::Import { file, codes, days }) => {
            let bytes = input::read(file.as_deref(), LINE_MAX, cancel)?;
            Prepared::Import(Import::read(&bytes, codes, days)?)
        }
        CommandAction::Account(AccountAction::Delete(username, Confirmation::Wanted)) => {
            input::require_terminal()?;
            let mut client = AdminClient::open(config, cancel)?;
            let account = accounts::show(&mut client, username.clone());
            client.close()?;
            input::confirm(&account?.0, cancel)?;
            let action = AccountAction::Delete(username, Confirmation::Given);
            Prepared::Plain(CommandAction::Account(action))
        }
        CommandAction::Invite(InviteAction::Make { count, days }) => {
            let made = invites::make(config, count, days)?;
            match invites::are_recorded(config)? {
                true => Prepared::Invites(made),
                false => Prepared::Done(CommandResult::InvitesMade(made)),
            }
        }
        CommandAction::Announce { subject, cursor, file } => {
            let bytes = input::read(file.as_deref(), BODY_MAX, cancel)?;
            let cursor = match cursor {
                Some(cursor) => cursor,
                None => AnnouncementCursor::begin(Clock::start().now()).map_err(|error| {
                    let text = format!("the system gives no random bytes: {error}");
                    AdminCommandError::Text(text)
                })?,
            };
            let body = body(bytes)?;
            // Even a command that is killed leaves it.
            note(&format!("this announcement has the id {}", cursor.id));
            Prepared::Announce { cursor, subject, body }
        }
        action => Prepared::Plain(action),
    })
}

/// The text of an announcement.
fn body(bytes: Vec<u8>) -> Result<Body, AdminCommandError> {
    let text = String::from_utf8(bytes)
        .map_err(|_| AdminCommandError::Text("it is not UTF-8".to_owned()))?;
    text.parse().map_err(|invalid: Invalid| {
        AdminCommandError::Text(match invalid.problem {
            Problem::Empty => {
                "it is empty; name a file that has text, or write the text to standard input"
                    .to_owned()
            }
            _ => invalid.to_string(),
        })
    })
}
