//! The commands about invites.

use std::io::{self, Write};

use correio_proto::{mail::Timestamp, message::RegistrationPolicy};

use super::{
    door::Door,
    error::AdminCommandError,
    result::{CommandResult, MadeInvite},
};
use crate::{
    admin::{
        moment::Moment,
        reply::{AdminReply, InviteView},
        request::{AdminRequest, InviteName, NewInvite},
    },
    auth::invite::InviteKey,
    clock::Clock,
    data_directory::{DATABASE, has},
    ops::{config::Config, exit::Failure, required_files},
    store::kind::StoreKind,
};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Makes invites, and records them where there is a database. The key stays with the command: a server
/// of another policy has none.
pub(super) fn make(config: &Config, count: u32, days: u32) -> Result<CommandResult, Failure> {
    required_files::require_server(&config.data_dir)?;
    let key = InviteKey::open(&config.data_dir).map_err(Failure::Invite)?;
    let end = Clock::start().now().wall.0.saturating_add(u64::from(days) * DAY);
    // An invite has its end to the minute.
    let end = Timestamp(end - end % 60_000);
    let mut made = Vec::new();
    for _ in 0..count {
        let code = key.make(end).map_err(Failure::Invite)?;
        if let Ok(id) = key.check(&code, Timestamp(0)) {
            made.push(MadeInvite { code, id: InviteName(id), expires_at: Moment(end) });
        }
    }
    record(config, &made)?;
    if config.registration != (RegistrationPolicy::Invite {}) {
        say("a server asks for these codes if it runs with --registration invite");
    }
    Ok(CommandResult::InvitesMade(made))
}

fn record(config: &Config, made: &[MadeInvite]) -> Result<(), Failure> {
    let directory = &config.data_dir;
    let has_database = has(directory, DATABASE)
        .map_err(|source| Failure::DataDirectory { directory: directory.clone(), source })?;
    if config.store == StoreKind::Memory || !has_database {
        say("there is no database, so these codes are not recorded");
        return Ok(());
    }
    let recorded = |invite: &MadeInvite| NewInvite { id: invite.id, expires_at: invite.expires_at };
    let invites = made.iter().map(recorded).collect();
    let mut door = Door::open(config)?;
    door.ask(AdminRequest::RecordInvites { invites })?;
    door.close()
}

/// Shows the recorded invites.
pub(super) fn list(door: &mut Door) -> Result<CommandResult, Failure> {
    let mut all: Vec<InviteView> = Vec::new();
    loop {
        match door.ask(AdminRequest::Invites { skip: all.len() })? {
            AdminReply::Invites { invites, more } => {
                all.extend(invites);
                if !more {
                    return Ok(CommandResult::Invites(all));
                }
            }
            _ => return Err(AdminCommandError::unexpected().into()),
        }
    }
}

/// A note beside the codes, which standard output has alone.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "correiod: {text}");
}
