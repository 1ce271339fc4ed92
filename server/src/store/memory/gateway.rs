//! The gateways' jobs in the store in memory.

use std::net::IpAddr;

use correio_proto::mail::{Timestamp, Username};

use super::MemoryStore;
use crate::{
    ids::AppPasswordDigest,
    store::{
        StoreDone,
        app_password::record_of_use,
        gateway::{GatewayDone, GatewayJob},
    },
};

impl MemoryStore {
    /// Does a job of a gateway.
    pub(super) fn run_gateway_job(&mut self, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { username, password, from, now } => {
                StoreDone::Gateway(self.log_in(&username, password, from, now))
            }
            GatewayJob::FindRecipient { .. }
            | GatewayJob::Outline { .. }
            | GatewayJob::Stage { .. }
            | GatewayJob::Discard { .. } => StoreDone::Unavailable("not built yet".into()),
        }
    }

    fn log_in(
        &mut self,
        username: &Username,
        password: AppPasswordDigest,
        from: IpAddr,
        now: Timestamp,
    ) -> GatewayDone {
        let Some(account) = self.find(username) else {
            return GatewayDone::WrongPassword;
        };
        let Some(found) = self.app_passwords.find(account.id, password) else {
            return GatewayDone::WrongPassword;
        };
        found.used = record_of_use(found.used, now, from).or(found.used);
        GatewayDone::LoggedIn(Box::new(account))
    }
}
