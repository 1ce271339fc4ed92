//! Handlers of the requests about invites.

use super::{
    next::{Change, Next, Pending, Sessions},
    reply::AdminErrorCode,
    request::{INVITES_MAX, InviteName, NewInvite},
};
use crate::{
    clock::Now,
    store::admin::{AdminJob, InviteRecord},
};

/// Invites in one reply.
const INVITES_PAGE: usize = 1000;

/// Records invites.
pub(super) fn record(now: Now, invites: &[NewInvite]) -> Next {
    if invites.len() > INVITES_MAX {
        let text = format!("a request records at most {INVITES_MAX} invites");
        return Next::refused(AdminErrorCode::TooLarge, text);
    }
    let recorded = |invite: &NewInvite| InviteRecord {
        id: invite.id.0,
        made_at: now.wall,
        expires_at: invite.expires_at.0,
    };
    let job = AdminJob::AddInvites { invites: invites.iter().map(recorded).collect() };
    changing("invite_make", invites.len().to_string(), job)
}

/// Reads invites.
pub(super) fn list(skip: usize) -> Next {
    Next::Job(AdminJob::Invites { skip, invites: INVITES_PAGE }, Pending::Reading)
}

/// Makes an invite useless.
pub(super) fn revoke(id: InviteName) -> Next {
    changing("invite_revoke", id.to_string(), AdminJob::RevokeInvite { id: id.0 })
}

fn changing(action: &'static str, name: String, job: AdminJob) -> Next {
    Next::Job(job, Pending::Changing(Change { action, name, sessions: Sessions::Continue }))
}
