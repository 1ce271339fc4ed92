//! Jobs that make, list and revoke app passwords. A mail program logs in with one through a job of
//! [`super::gateway`].
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

/// A job about app passwords of the account that is logged in. [`AppPasswordDone`] has the results.
/// Besides, any job may have the result [`super::StoreDone::NoAccount`] or
/// [`super::StoreDone::Unavailable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPasswordJob {
    /// Make an app password. Result, the first that applies: `Created` if the account has an app
    /// password with this digest; `LabelTaken`; `Full` if the account has
    /// [`correio_proto::limits::APP_PASSWORDS_MAX`]; otherwise `Created`.
    Create {
        /// The account.
        account: AccountId,
        /// The label.
        label: Label,
        /// Digest of the app password.
        digest: AppPasswordDigest,
        /// The time, which becomes `made_at`.
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
    /// The account has as many app passwords as it may have.
    Full,
    /// The app passwords, oldest first.
    List(Vec<AppPasswordOverview>),
    /// The app password is revoked: this is its label. `None` if the account had none of this id.
    Revoked(Option<Label>),
}

/// The record of a use at this time. `None` if the record `before` has the same day and address: a
/// program that polls would otherwise cause a write each time. A later day stays, since the clock
/// was set back.
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
