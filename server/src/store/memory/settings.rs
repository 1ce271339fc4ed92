//! What the store in memory keeps for the operator's jobs.

use std::collections::BTreeMap;

use correio_proto::mail::Timestamp;

use crate::store::{
    Quota,
    admin::{AccountState, CodeRecord, InviteRecord},
    retention::day,
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
    /// The day of the warning about its mails, and the time before which they were sent.
    pub(super) mails_warned: Option<(u64, Timestamp)>,
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
    /// Counts a day, unless an earlier step has counted it.
    pub(super) fn add(&mut self, now: Timestamp) {
        if self.last != Some(day(now)) {
            self.last = Some(day(now));
            self.count += 1;
        }
    }
}
