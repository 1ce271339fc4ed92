//! The commands about invites.

use correio_proto::{mail::Timestamp, message::RegistrationPolicy};

use super::{
    client::AdminClient,
    pages,
    result::{ChangeKind, CommandResult, MadeInvite},
};
use crate::{
    admin::{
        moment::Moment,
        reply::{AdminReply, InviteView},
        request::{AdminRequest, InviteName, NewInvite},
    },
    clock::Clock,
    data_directory::{DATABASE, has},
    day::days_after,
    ops::{config::Config, exit::Failure, recorded_store, required_files, streams::note},
    store::{History, kind::StoreConfig},
};

/// Makes invites. The key stays with the command: a server of another policy has none.
pub(super) fn make(config: &Config, count: u32, days: u32) -> Result<Vec<MadeInvite>, Failure> {
    recorded_store::require(config)?;
    required_files::require_server(&config.data_dir)?;
    let mut keys = config.store.node_keys(&config.data_dir).map_err(Failure::NodeKey)?;
    let history = History::default();
    let key = required_files::open_invite_key(&config.data_dir, history, keys.as_mut())?;
    let Timestamp(end) = days_after(Clock::start().now().wall, days.into());
    // An invite has its end to the minute.
    let end = Timestamp(end - end % 60_000);
    let mut made = Vec::new();
    for _ in 0..count {
        let code = key.make(end).map_err(Failure::Key)?;
        if let Ok(id) = key.check(&code, Timestamp(0)) {
            made.push(MadeInvite { code, id: InviteName(id), expires_at: Moment(end) });
        }
    }
    let other = match config.registration {
        RegistrationPolicy::Open {} => Some("open"),
        RegistrationPolicy::Closed {} => Some("closed"),
        _ => None,
    };
    if let Some(policy) = other {
        note(&format!(
            "only a server with --registration invite asks for these codes; this command's settings \
             say registration = {policy}, and a running server's settings may differ"
        ));
    }
    Ok(made)
}

/// Whether invites are recorded: there is a database.
pub(super) fn are_recorded(config: &Config) -> Result<bool, Failure> {
    let directory = &config.data_dir;
    let has_database = match config.store {
        StoreConfig::Postgres(_) => true,
        StoreConfig::Memory => false,
        StoreConfig::Sqlite => has(directory, DATABASE)
            .map_err(|source| Failure::DataDirectory { directory: directory.clone(), source })?,
    };
    if !has_database {
        note("there is no database, so these codes are not recorded");
        return Ok(false);
    }
    Ok(true)
}

/// Records invites that were made.
pub(super) fn record(
    client: &mut AdminClient<'_>,
    made: Vec<MadeInvite>,
) -> Result<CommandResult, Failure> {
    let recorded = |invite: &MadeInvite| NewInvite { id: invite.id, expires_at: invite.expires_at };
    let invites = made.iter().map(recorded).collect();
    client.ask(AdminRequest::RecordInvites { invites })?;
    Ok(CommandResult::InvitesMade(made))
}

/// Shows the recorded invites.
pub(super) fn list(client: &mut AdminClient<'_>) -> Result<CommandResult, Failure> {
    recorded(client).map(CommandResult::Invites)
}

/// Makes an invite useless. An id that is not recorded may be a mistyped one; the reply does not
/// tell, so that the recorded invites are read before.
pub(super) fn revoke(
    client: &mut AdminClient<'_>,
    id: InviteName,
) -> Result<CommandResult, Failure> {
    let is_recorded = recorded(client)?.iter().any(|invite| invite.id == id);
    client.ask(AdminRequest::RevokeInvite { id })?;
    if !is_recorded {
        note(
            "no invite with this id is recorded: compare it with `correiod invite list`; an invite \
             that has this id is useless now",
        );
    }
    Ok(CommandResult::Changed(ChangeKind::Revoked, id.to_string()))
}

fn recorded(client: &mut AdminClient<'_>) -> Result<Vec<InviteView>, Failure> {
    let request = |all: &[InviteView]| AdminRequest::Invites { skip: all.len() };
    pages::all(client, request, |reply| match reply {
        AdminReply::Invites { invites, more } => Some((invites, more)),
        _ => None,
    })
}
