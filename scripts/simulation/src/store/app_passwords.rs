//! App passwords, and the gateways' jobs, in the reference model.

use std::{collections::BTreeMap, net::IpAddr};

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordOverview, AppPasswordUse, Label},
    limits,
    mail::{Timestamp, Username},
};
use correio_server::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        Quota, StoreDone,
        app_password::{AppPasswordDone, AppPasswordJob},
        gateway::{GatewayDone, GatewayJob},
    },
};

use super::{settings::DAY, state::State};

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

    /// Forgets those of an account.
    pub(super) fn forget(&mut self, account: AccountId) {
        self.present.retain(|_, it| it.account != account);
    }

    fn create(
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

    fn revoke(&mut self, account: AccountId, id: AppPasswordId) -> Option<Label> {
        self.present.get(&id).filter(|it| it.account == account)?;
        self.present.remove(&id).map(|it| it.overview.label)
    }

    fn use_it(
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

impl State {
    /// Does a job about app passwords.
    pub(super) fn run_app_password_job(&mut self, job: AppPasswordJob) -> StoreDone {
        let (AppPasswordJob::Create { account, .. }
        | AppPasswordJob::List { account }
        | AppPasswordJob::Revoke { account, .. }) = job;
        if !self.accounts.contains_key(&account) {
            return StoreDone::NoAccount;
        }
        StoreDone::AppPassword(match job {
            AppPasswordJob::Create { account, label, digest, now } => {
                self.app_passwords.create(account, label, digest, now)
            }
            AppPasswordJob::List { account } => {
                AppPasswordDone::List(self.app_passwords.of(account))
            }
            AppPasswordJob::Revoke { account, id } => {
                AppPasswordDone::Revoked(self.app_passwords.revoke(account, id))
            }
        })
    }

    /// Does a job of a gateway.
    pub(super) fn run_gateway_job(&mut self, quota: Quota, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { username, password, from, now } => {
                StoreDone::Gateway(self.log_in(quota, &username, password, (from, now)))
            }
            GatewayJob::FindRecipient { .. }
            | GatewayJob::Outline { .. }
            | GatewayJob::Stage { .. }
            | GatewayJob::Discard { .. } => StoreDone::Unavailable("not built yet".into()),
        }
    }

    fn log_in(
        &mut self,
        quota: Quota,
        username: &Username,
        digest: AppPasswordDigest,
        (from, now): (IpAddr, Timestamp),
    ) -> GatewayDone {
        match self.record(quota, username) {
            Some(account) if self.app_passwords.use_it(account.id, digest, now, from) => {
                GatewayDone::LoggedIn(Box::new(account))
            }
            _ => GatewayDone::WrongPassword,
        }
    }
}
