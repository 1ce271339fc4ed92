//! App passwords in the memory store.

use std::collections::{BTreeMap, HashMap};

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, Label},
    limits,
    mail::Timestamp,
};

use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::app_password::AppPasswordDone,
};

/// The app passwords of all accounts.
#[derive(Debug, Default)]
pub(super) struct AppPasswords {
    of_accounts: BTreeMap<Key, (AppPasswordOverview, AppPasswordDigest)>,
    by_digest: HashMap<([u8; 32], AccountId), AppPasswordId>,
    last: u64,
}

type Key = (AccountId, AppPasswordId);

impl AppPasswords {
    /// The app passwords of an account, oldest first.
    pub(super) fn of(&self, account: AccountId) -> Vec<AppPasswordOverview> {
        self.range(account).map(|(overview, _)| overview.clone()).collect()
    }

    fn range(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = &(AppPasswordOverview, AppPasswordDigest)> {
        let ids = (account, AppPasswordId(0))..=(account, AppPasswordId(u64::MAX));
        self.of_accounts.range(ids).map(|(_, present)| present)
    }

    /// The app password of this digest, if it is the account's.
    pub(super) fn find(
        &mut self,
        account: AccountId,
        digest: AppPasswordDigest,
    ) -> Option<&mut AppPasswordOverview> {
        let id = *self.by_digest.get(&(digest.0, account))?;
        self.of_accounts.get_mut(&(account, id)).map(|(overview, _)| overview)
    }

    /// Makes an app password. The account must exist.
    pub(super) fn create(
        &mut self,
        account: AccountId,
        label: Label,
        digest: AppPasswordDigest,
        made_at: Timestamp,
    ) -> AppPasswordDone {
        if let Some(same) = self.find(account, digest) {
            return AppPasswordDone::Created(same.id);
        }
        if self.range(account).any(|(present, _)| present.label == label) {
            return AppPasswordDone::LabelTaken;
        }
        if self.range(account).count() >= limits::APP_PASSWORDS_MAX {
            return AppPasswordDone::Full;
        }
        self.last += 1;
        let id = AppPasswordId(self.last);
        let overview = AppPasswordOverview { id, label, made_at, used: None };
        self.of_accounts.insert((account, id), (overview, digest));
        self.by_digest.insert((digest.0, account), id);
        AppPasswordDone::Created(id)
    }

    /// Revokes an app password, and returns its label.
    pub(super) fn revoke(&mut self, account: AccountId, id: AppPasswordId) -> Option<Label> {
        let (overview, digest) = self.of_accounts.remove(&(account, id))?;
        self.by_digest.remove(&(digest.0, account));
        Some(overview.label)
    }

    /// Revokes the app passwords of an account. Returns how many there were.
    pub(super) fn revoke_all(&mut self, account: AccountId) -> u32 {
        let present = self.of(account);
        for AppPasswordOverview { id, .. } in &present {
            self.revoke(account, *id);
        }
        present.len() as u32
    }

    /// Number of app passwords of all accounts.
    pub(super) fn len(&self) -> usize {
        self.of_accounts.len()
    }
}
