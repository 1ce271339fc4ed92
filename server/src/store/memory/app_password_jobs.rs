//! Jobs about app passwords in the memory store.

use super::MemoryStore;
use crate::store::{
    StoreDone,
    app_password::{AppPasswordDone, AppPasswordJob},
};

/// Why the memory store makes no further app password.
const FULL: &str = "the memory store is full of app passwords";

impl MemoryStore {
    /// Does a job about app passwords.
    pub(super) fn run_app_password_job(&mut self, job: AppPasswordJob) -> StoreDone {
        let (AppPasswordJob::Create { account, .. }
        | AppPasswordJob::List { account }
        | AppPasswordJob::Revoke { account, .. }) = job;
        if self.accounts.get(account).is_none() {
            return StoreDone::NoAccount;
        }
        StoreDone::AppPassword(match job {
            AppPasswordJob::Create { account, label, digest, now } => {
                // A repetition makes none.
                let is_new = self.app_passwords.find(account, digest).is_none();
                if is_new && self.app_passwords.len() >= self.limits.app_passwords {
                    return StoreDone::Unavailable(FULL.into());
                }
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
}
