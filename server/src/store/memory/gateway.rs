//! The jobs of the gateways in the store in memory.

use correio_proto::mail::{Seq, Username};

use super::MemoryStore;
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, GatewayJob, OUTLINES_MAX},
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
