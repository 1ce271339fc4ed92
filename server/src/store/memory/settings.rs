//! What the store in memory keeps for the operator's jobs.

use std::collections::BTreeMap;

use correio_proto::mail::Timestamp;

use crate::{
    day::{begin_of_day, day},
    store::{
        Quota,
        admin::{AccountState, CodeRecord, InviteRecord},
        retention::MailsWarning,
    },
};

/// What the operator has set for an account, and when the account was made and used.
#[derive(Debug, Default)]
pub(super) struct AccountSettings {
    pub(super) state: AccountState,
    pub(super) code: Option<CodeRecord>,
    /// `None` for the server's quota.
    pub(super) quota: Option<Quota>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) used_at: Option<Timestamp>,
    /// The day of retention on which it was warned that it will be deleted.
    pub(super) warned_on: Option<u64>,
    pub(super) mails_warned: Option<MailsWarning>,
}

impl AccountSettings {
    /// Records the day of a use, and takes back the warning of retention. A later day stays: the
    /// clock was set back.
    pub(super) fn set_used(&mut self, now: Timestamp) {
        self.used_at = self.used_at.max(Some(begin_of_day(now)));
        self.warned_on = None;
    }

    /// Sets the state. What the owner was warned of before does not count afterwards.
    pub(super) fn set_state(&mut self, state: AccountState) {
        self.state = state;
        self.warned_on = None;
        self.mails_warned = None;
    }
}

/// The days on which retention ran.
#[derive(Debug, Default)]
pub(super) struct RetentionDays {
    /// The last of them, as a number since 1970.
    last: Option<u64>,
    pub(super) count: u64,
}

/// Invites that were recorded, in the order of their times, with whether they were revoked.
pub(super) type RecordedInvites = BTreeMap<(Timestamp, [u8; 8]), (InviteRecord, bool)>;

impl RetentionDays {
    /// Counts a day, unless this day or a later one was counted: a clock that goes to and fro
    /// between two days counts each of them once.
    pub(super) fn add(&mut self, now: Timestamp) {
        if self.last < Some(day(now)) {
            self.last = Some(day(now));
            self.count += 1;
        }
    }
}
