//! Jobs of the gateways in the reference model.

use correio_proto::mail::Username;
use correio_server::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, GatewayJob},
    },
};

use super::{
    contents::{Bounds, NewPiece, UploadSize},
    state::State,
};

impl State {
    pub(super) fn run_gateway_job(&mut self, bounds: Bounds, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { .. } => StoreDone::Unavailable("not built yet".into()),
            GatewayJob::FindRecipient { sender, username } => {
                self.find_recipient(sender, &username)
            }
            GatewayJob::Outline { .. } => StoreDone::Unavailable("not built yet".into()),
            GatewayJob::Stage { account, id, offset, bytes, now } => {
                if !self.accounts.contains_key(&account) {
                    return StoreDone::NoAccount;
                }
                let size = UploadSize::Unknown(bounds.uploads.content);
                let piece = NewPiece { size, offset, bytes, now };
                self.contents.upload(bounds.uploads, (account, id), &piece)
            }
            GatewayJob::Discard { account, id } => {
                if !self.accounts.contains_key(&account) {
                    return StoreDone::NoAccount;
                }
                self.contents.discard((account, id));
                StoreDone::Gateway(GatewayDone::Discarded)
            }
        }
    }

    fn find_recipient(&self, sender: AccountId, name: &Username) -> StoreDone {
        if !self.accounts.contains_key(&sender) {
            return StoreDone::NoAccount;
        }
        StoreDone::Gateway(match (self.account(name), self.lists.find(name)) {
            (Some(account), _) if self.takes_mail(account) => GatewayDone::Recipient,
            (None, Some(list)) if list.may_send(sender) => GatewayDone::Recipient,
            (None, Some(_)) => GatewayDone::MayNotSend,
            (Some(_), _) | (None, None) => GatewayDone::UnknownRecipient,
        })
    }
}
