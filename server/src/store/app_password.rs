//! Jobs about app passwords, with which mail programs log in ([`super::gateway`]).
//!
//! All app passwords of an account are revoked by a new password ([`super::HashChange`]), by
//! [`super::StoreJob::Recover`], and by a new recovery code; a deleted account has none.

use std::net::IpAddr;

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse, Label},
    mail::Timestamp,
};

use crate::{
    day::begin_of_day,
    ids::{AccountId, AppPasswordDigest},
};

/// A job about app passwords of the account that is logged in. [`AppPasswordDone`] has the results;
/// any job may have [`super::StoreDone::NoAccount`] or [`super::StoreDone::Unavailable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPasswordJob {
    /// Make an app password. Result: `Created`, also if the account has one with this digest;
    /// `LabelTaken`; or `Full` if the account has
    /// [`correio_proto::limits::APP_PASSWORDS_MAX`]. The first of these that applies.
    Create {
        /// The account.
        account: AccountId,
        /// The label.
        label: Label,
        /// Digest of the app password.
        digest: AppPasswordDigest,
        /// The time that becomes `made_at`.
        now: Timestamp,
    },
    /// Read the app passwords. Result: `List`.
    List {
        /// The account.
        account: AccountId,
    },
    /// Revoke an app password. Result: `Revoked`.
    Revoke {
        /// The account.
        account: AccountId,
        /// The app password.
        id: AppPasswordId,
    },
}

/// Result of an [`AppPasswordJob`], inside of [`super::StoreDone::AppPassword`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPasswordDone {
    /// The app password exists now.
    Created(AppPasswordId),
    /// Another app password of the account has this label.
    LabelTaken,
    /// The account has too many app passwords.
    Full,
    /// The app passwords, oldest first.
    List(Vec<AppPasswordOverview>),
    /// The account has no app password of this id. `None` if it had none before.
    Revoked(Option<Label>),
}

/// The record of a use at this time, or `None` if the record before it says enough: only another
/// day or another address is stored, since a program that polls would cause a write each time. A
/// later day stays: the clock was set back.
#[must_use]
pub(crate) fn record_of_use(
    before: Option<AppPasswordUse>,
    now: Timestamp,
    from: IpAddr,
) -> Option<AppPasswordUse> {
    let day = begin_of_day(now);
    let used = AppPasswordUse { day: before.map_or(day, |before| before.day.max(day)), from };
    (before != Some(used)).then_some(used)
}
