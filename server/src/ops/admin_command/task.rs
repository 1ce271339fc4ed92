//! The command that a command line of the operator asks for.

use std::{ffi::OsString, net::IpAddr, path::PathBuf, str::FromStr};

use clap::ArgMatches;
use correio_proto::{
    mail::{Recipients, Username},
    message::{Role, SendPolicy},
};

use super::types::{
    AccountAction, AdminCommand, CommandAction, Confirmation, InviteAction, ListAction,
    OutputFormat,
};
use crate::{
    admin::request::{Blocked, Bounds, MailPolicy, SessionsOf},
    ops::size::parse_size,
};

/// The name of a file that stands for standard input.
const STANDARD_STREAM: &str = "-";

/// Most bytes of a mailbox: a store counts in signed numbers of 64 bits.
const BYTES_MAX: u64 = 1 << 50;

/// The command of a command line that clap has accepted, if it is one of the operator's.
///
/// # Errors
///
/// A value is not valid, with a sentence that says why.
pub(in crate::ops) fn admin_command(matches: &ArgMatches) -> Option<Result<AdminCommand, String>> {
    let (name, matches) = matches.subcommand()?;
    let action = match name {
        "account" => account(matches).map(CommandAction::Account),
        "list" => list(matches).map(CommandAction::List),
        "invite" => invite(matches).map(CommandAction::Invite),
        "sessions" => sessions(matches),
        "unblock" => unblock(matches),
        "announce" => announce(matches),
        "status" => Ok(CommandAction::Status),
        "nodes" => Ok(CommandAction::Nodes),
        _ => return None,
    };
    let last = last_of(matches);
    let output = match last.try_get_one::<bool>("json") {
        Ok(Some(true)) => OutputFormat::Json,
        _ => OutputFormat::Text,
    };
    Some(action.map(|action| AdminCommand { action, output }))
}

/// The matches of the last command in a command line.
pub(in crate::ops) fn last_of(matches: &ArgMatches) -> &ArgMatches {
    let mut last = matches;
    while let Some((_, inner)) = last.subcommand() {
        last = inner;
    }
    last
}

fn account(matches: &ArgMatches) -> Result<AccountAction, String> {
    let (name, matches) = matches.subcommand().ok_or("name a command")?;
    if name == "list" {
        return Ok(AccountAction::List);
    }
    let days = || number::<u16>(matches, "expires");
    if name == "import" {
        let codes = matches.get_one::<OsString>("codes").map(PathBuf::from);
        return Ok(AccountAction::Import { file: file(matches), codes, days: days()? });
    }
    let username: Username = value(matches, "username")?;
    Ok(match name {
        "show" => AccountAction::Show(username),
        "create" => {
            let full_name = value(matches, "full_name")?;
            AccountAction::Create { username, full_name, days: days()? }
        }
        "enable" => AccountAction::Enable(username),
        "disable" => {
            let refuses = text(matches, "mail") == "refuse";
            let mail = if refuses { MailPolicy::Refuse } else { MailPolicy::Keep };
            AccountAction::Disable(username, mail)
        }
        "delete" => {
            let is_given = matches.get_flag("yes");
            let given = if is_given { Confirmation::Given } else { Confirmation::Wanted };
            AccountAction::Delete(username, given)
        }
        "rename" => AccountAction::Rename(username, value(matches, "full_name")?),
        "quota" => AccountAction::Quota(username, bounds(matches)?),
        "reset" => AccountAction::Reset { username, days: days()? },
        other => return Err(unknown(other)),
    })
}

fn bounds(matches: &ArgMatches) -> Result<Option<Bounds>, String> {
    let words: Vec<&String> = matches.get_many("bounds").into_iter().flatten().collect();
    match words.as_slice() {
        [word] if *word == "default" => Ok(None),
        [mails, bytes] => {
            let mails: u32 =
                mails.parse().ok().filter(|mails| *mails > 0).ok_or_else(|| {
                    format!("{mails:?} is no number of mails from 1 to {}", u32::MAX)
                })?;
            let bytes = size(bytes).ok_or_else(|| {
                format!("{bytes:?} is no size from 1 B to 1024 TiB, such as 1048576 or 64 MiB")
            })?;
            Ok(Some(Bounds { mails, bytes }))
        }
        _ => Err("give a number of mails and a size, or the word default".to_owned()),
    }
}

/// A size in bytes, written as in the settings, from one byte to [`BYTES_MAX`].
fn size(text: &str) -> Option<u64> {
    parse_size(text).filter(|bytes| (1..=BYTES_MAX).contains(bytes))
}

fn list(matches: &ArgMatches) -> Result<ListAction, String> {
    let (name, matches) = matches.subcommand().ok_or("name a command")?;
    if name == "list" {
        return Ok(ListAction::List);
    }
    let list: Username = value(matches, "name")?;
    Ok(match name {
        "members" => ListAction::Members(list),
        "create" => ListAction::Create(list, value(matches, "title")?, senders(matches)),
        "set" => ListAction::Set(list, value(matches, "title")?, senders(matches)),
        "add" => {
            let role = if matches.get_flag("owner") { Role::Owner {} } else { Role::Member {} };
            ListAction::Add(list, members(matches)?, role)
        }
        "remove" => ListAction::Remove(list, members(matches)?),
        "delete" => ListAction::Delete(list),
        other => return Err(unknown(other)),
    })
}

fn senders(matches: &ArgMatches) -> SendPolicy {
    match text(matches, "senders") {
        "owners" => SendPolicy::Owners {},
        "everybody" => SendPolicy::Everybody {},
        _ => SendPolicy::Members {},
    }
}

fn members(matches: &ArgMatches) -> Result<Recipients, String> {
    let words = matches.get_many::<String>("members").into_iter().flatten();
    let members: Result<Vec<Username>, String> = words.map(|word| parsed(word)).collect();
    members?.try_into().map_err(|invalid| format!("these members are refused: {invalid}"))
}

fn invite(matches: &ArgMatches) -> Result<InviteAction, String> {
    match matches.subcommand() {
        None => {
            let (count, days) = (number(matches, "count")?, number(matches, "days")?);
            Ok(InviteAction::Make { count, days })
        }
        Some(("revoke", matches)) => Ok(InviteAction::Revoke(value(matches, "id")?)),
        Some(("list", _)) => Ok(InviteAction::List),
        Some((other, _)) => Err(unknown(other)),
    }
}

/// A command that clap takes and this file does not know must not stand for another one.
fn unknown(command: &str) -> String {
    format!("the command {command} is not implemented")
}

fn sessions(matches: &ArgMatches) -> Result<CommandAction, String> {
    let Some(whose) = matches.get_one::<String>("end") else {
        return Ok(CommandAction::Sessions);
    };
    // A username can be written like a connection; the connection is meant then.
    let of = match whose.parse() {
        Ok(connection) => SessionsOf::Connection { connection },
        Err(_) => SessionsOf::Account { username: parsed(whose)? },
    };
    Ok(CommandAction::EndSessions(of))
}

fn unblock(matches: &ArgMatches) -> Result<CommandAction, String> {
    let whom = text(matches, "whom");
    let of = match whom.parse::<IpAddr>() {
        Ok(address) => Blocked::Address { address: address.to_canonical() },
        Err(_) => Blocked::Account {
            username: whom.parse().map_err(|_| {
                format!("{whom:?} is neither an IP address, such as 192.0.2.7, nor a username")
            })?,
        },
    };
    Ok(CommandAction::Unblock(of))
}

fn announce(matches: &ArgMatches) -> Result<CommandAction, String> {
    let subject = value(matches, "subject")?;
    let cursor = match text(matches, "id") {
        "" => None,
        id => Some(parsed(id)?),
    };
    Ok(CommandAction::Announce { subject, cursor, file: file(matches) })
}

fn text<'a>(matches: &'a ArgMatches, id: &str) -> &'a str {
    matches.get_one::<String>(id).map_or("", String::as_str)
}

/// A number that has a default.
fn number<T: Copy + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Result<T, String> {
    matches.get_one(id).copied().ok_or_else(|| format!("--{id} has no value"))
}

fn value<T: FromStr<Err: std::fmt::Display>>(matches: &ArgMatches, id: &str) -> Result<T, String> {
    parsed(text(matches, id))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid| format!("{text:?} is refused: {invalid:#}"))
}

/// The file of a command; `None` for standard input.
fn file(matches: &ArgMatches) -> Option<PathBuf> {
    let file = matches.get_one::<OsString>("file").filter(|file| *file != STANDARD_STREAM);
    file.map(PathBuf::from)
}
