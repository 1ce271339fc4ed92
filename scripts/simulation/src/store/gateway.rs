//! Jobs about app passwords, and the gateways' jobs, in the reference model.

use std::net::IpAddr;

use correio_proto::mail::{Timestamp, Username};
use correio_server::{
    ids::AppPasswordDigest,
    store::{
        Quota, StoreDone,
        app_password::{AppPasswordDone, AppPasswordJob},
        gateway::{GatewayDone, GatewayJob},
    },
};

use super::state::State;

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
