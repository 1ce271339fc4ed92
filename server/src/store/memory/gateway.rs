//! The jobs of the gateways in the store in memory.

use correio_proto::mail::Username;

use super::MemoryStore;
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, GatewayJob},
        uploads::UploadSize,
    },
};

impl MemoryStore {
    pub(super) fn run_gateway_job(&mut self, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { .. } => StoreDone::Unavailable("not built yet".into()),
            GatewayJob::FindRecipient { sender, username } => {
                self.find_recipient(sender, &username)
            }
            GatewayJob::Outline { .. } => StoreDone::Unavailable("not built yet".into()),
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
