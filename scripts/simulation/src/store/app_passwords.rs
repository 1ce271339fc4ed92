//! App passwords in the reference model.

use std::{collections::BTreeMap, net::IpAddr};

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse, Label},
    limits,
    mail::Timestamp,
};
use correio_server::{
    day::DAY,
    ids::{AccountId, AppPasswordDigest},
    store::app_password::AppPasswordDone,
};

/// The app passwords of all accounts, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AppPasswords {
    present: BTreeMap<AppPasswordId, AppPassword>,
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AppPassword {
    account: AccountId,
    digest: AppPasswordDigest,
    overview: AppPasswordOverview,
}

impl AppPasswords {
    /// The app passwords of an account, oldest first.
    pub(super) fn of(&self, account: AccountId) -> Vec<AppPasswordOverview> {
        let own = self.present.values().filter(|it| it.account == account);
        own.map(|it| it.overview.clone()).collect()
    }

    /// Forgets those of an account. Returns how many there were.
    pub(super) fn forget(&mut self, account: AccountId) -> u32 {
        let before = self.present.len();
        self.present.retain(|_, it| it.account != account);
        (before - self.present.len()) as u32
    }

    pub(super) fn create(
        &mut self,
        account: AccountId,
        label: Label,
        digest: AppPasswordDigest,
        made_at: Timestamp,
    ) -> AppPasswordDone {
        let own: Vec<_> = self.present.values().filter(|it| it.account == account).collect();
        if let Some(same) = own.iter().find(|it| it.digest == digest) {
            return AppPasswordDone::Created(same.overview.id);
        }
        if own.iter().any(|it| it.overview.label == label) {
            return AppPasswordDone::LabelTaken;
        }
        if own.len() >= limits::APP_PASSWORDS_MAX {
            return AppPasswordDone::Full;
        }
        self.last += 1;
        let id = AppPasswordId(self.last);
        let overview = AppPasswordOverview { id, label, made_at, used: None };
        self.present.insert(id, AppPassword { account, digest, overview });
        AppPasswordDone::Created(id)
    }

    pub(super) fn revoke(&mut self, account: AccountId, id: AppPasswordId) -> Option<Label> {
        self.present.get(&id).filter(|it| it.account == account)?;
        self.present.remove(&id).map(|it| it.overview.label)
    }

    /// Records a use. Returns false if the account has no such app password.
    pub(super) fn use_it(
        &mut self,
        account: AccountId,
        digest: AppPasswordDigest,
        now: Timestamp,
        from: IpAddr,
    ) -> bool {
        let mut own = self.present.values_mut().filter(|it| it.account == account);
        let Some(found) = own.find(|it| it.digest == digest) else {
            return false;
        };
        let used = &mut found.overview.used;
        let day = Timestamp(now.0 / DAY * DAY);
        *used = Some(AppPasswordUse { day: used.map_or(day, |it| it.day.max(day)), from });
        true
    }
}
