//! What the reference model keeps for the operator's jobs.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::mail::{Seq, Timestamp};
use correio_server::{
    ids::InviteId,
    store::{
        Quota,
        admin::{AccountState, CodeRecord, InviteOverview, InviteRecord, InviteStanding},
    },
};

/// What the operator has set for an account, and when it was made, used and warned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) state: AccountState,
    pub(super) code: Option<CodeRecord>,
    pub(super) quota: Option<Quota>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) used_at: Option<Timestamp>,
    /// The day of retention on which it was warned.
    pub(super) warned_on: Option<u64>,
    pub(super) mails_warned: Option<MailsWarning>,
}

impl Settings {
    /// Sets the state. Earlier warnings do not count afterwards.
    pub(super) fn set_state(&mut self, state: AccountState) {
        self.state = state;
        self.warned_on = None;
        self.mails_warned = None;
    }
}

/// A warning about mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MailsWarning {
    /// The day of retention.
    pub(super) on: u64,
    /// It is about mails of before this time,
    pub(super) before: Timestamp,
    /// and up to this number.
    pub(super) last: Seq,
}

/// Invites that were used or revoked, and those that were recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invites {
    pub(super) used: BTreeSet<[u8; 8]>,
    /// By time and id, with whether it was revoked.
    recorded: BTreeMap<(Timestamp, [u8; 8]), (InviteRecord, bool)>,
}

/// The days on which retention ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RetentionDays {
    pub(super) last: Option<u64>,
    pub(super) count: u64,
}

impl Invites {
    pub(super) fn add(&mut self, invites: Vec<InviteRecord>) {
        for invite in invites {
            let key = (invite.made_at, invite.id.0);
            self.recorded.entry(key).or_insert((invite, false));
        }
    }

    /// The recorded invites after the first ones, oldest first.
    pub(super) fn all(&self, skip: usize) -> Vec<InviteOverview> {
        let overview = |(invite, is_revoked): &(InviteRecord, bool)| InviteOverview {
            invite: *invite,
            standing: match (is_revoked, self.used.contains(&invite.id.0)) {
                (true, _) => InviteStanding::Revoked,
                (false, true) => InviteStanding::Used,
                (false, false) => InviteStanding::Unused,
            },
        };
        self.recorded.values().skip(skip).map(overview).collect()
    }

    /// Makes an invite useless. Returns false if it was useless before, and was not revoked as one
    /// that is recorded.
    pub(super) fn revoke(&mut self, id: InviteId) -> bool {
        let is_new = self.used.insert(id.0);
        match self.recorded.values_mut().find(|(invite, _)| invite.id == id) {
            Some((_, is_revoked)) => {
                *is_revoked |= is_new;
                *is_revoked
            }
            None => is_new,
        }
    }
}
