//! Jobs of the gateways in the memory store.

use std::net::IpAddr;

use correio_proto::mail::{Seq, Timestamp, Username};

use super::MemoryStore;
use crate::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        StoreDone,
        app_password::record_of_use,
        gateway::{GatewayDone, GatewayJob, OUTLINES_MAX},
        uploads::UploadSize,
    },
};

impl MemoryStore {
    /// Does a job of a gateway.
    pub(super) fn run_gateway_job(&mut self, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { username, password, from, now } => {
                StoreDone::Gateway(self.log_in(&username, password, from, now))
            }
            GatewayJob::FindRecipient { sender, username } => {
                self.find_recipient(sender, &username)
            }
            GatewayJob::Outline { account, after, mails } => self.outline(account, after, mails),
            GatewayJob::Stage { account, id, offset, bytes, now } => {
                if self.accounts.get(account).is_none() {
                    return StoreDone::NoAccount;
                }
                let size = UploadSize::AtMost(self.uploads.limits().content);
                self.uploads.add((account, id), size, (offset, &bytes), now)
            }
            GatewayJob::Discard { account, id } => {
                if self.accounts.get(account).is_none() {
                    return StoreDone::NoAccount;
                }
                self.uploads.discard(account, id);
                StoreDone::Gateway(GatewayDone::Discarded)
            }
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

    fn outline(&self, id: AccountId, after: Seq, max: u32) -> StoreDone {
        let Some(account) = self.accounts.get(id) else {
            return StoreDone::NoAccount;
        };
        let mut waiting = account.mailbox.above(after);
        let max = max.min(OUTLINES_MAX) as usize;
        let page = waiting.by_ref().take(max).map(|(seq, stored)| stored.outline(seq));
        let mails = page.collect();
        let more = waiting.next().is_some();
        StoreDone::Gateway(GatewayDone::Outlines { mails, more })
    }

    fn find_recipient(&self, sender: AccountId, username: &Username) -> StoreDone {
        let Some(account) = self.accounts.get(sender) else {
            return StoreDone::NoAccount;
        };
        let done = match self.ids.get(username) {
            Some(id) if self.takes_mail(*id) => GatewayDone::Recipient,
            Some(_) => GatewayDone::UnknownRecipient,
            None => {
                let from = &account.names.username;
                match self.lists.standing(username, from, self.accounts.count) {
                    Some((standing, _)) if standing.may_send() => GatewayDone::Recipient,
                    Some(_) => GatewayDone::MayNotSend,
                    None => GatewayDone::UnknownRecipient,
                }
            }
        };
        StoreDone::Gateway(done)
    }
}
