//! Jobs about app passwords and jobs of the gateways in the reference model.

use std::net::IpAddr;

use correio_proto::mail::{Content, Mail, Seq, Timestamp, Username};
use correio_server::{
    ids::{AccountId, AppPasswordDigest},
    store::{
        Quota, StoreDone,
        app_password::{AppPasswordDone, AppPasswordJob},
        gateway::{GatewayDone, GatewayJob, MailOutline, OUTLINES_MAX, Texture},
    },
};

use super::{
    contents::{Bounds, NewPiece, UploadSize},
    state::State,
};

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
    pub(super) fn run_gateway_job(&mut self, bounds: Bounds, job: GatewayJob) -> StoreDone {
        match job {
            GatewayJob::LogIn { username, password, from, now } => {
                StoreDone::Gateway(self.log_in(bounds.quota, &username, password, (from, now)))
            }
            GatewayJob::FindRecipient { sender, username } => {
                self.find_recipient(sender, &username)
            }
            GatewayJob::Outline { account, after, mails } => self.outline(account, after, mails),
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

    fn outline(&self, account: AccountId, after: Seq, max: u32) -> StoreDone {
        if !self.accounts.contains_key(&account) {
            return StoreDone::NoAccount;
        }
        let mut waiting = self.mailbox(account).filter(|mail| mail.seq > after);
        let page = waiting.by_ref().take(max.min(OUTLINES_MAX) as usize);
        let mails = page.map(|mail| self.outline_of(account, mail)).collect();
        let more = waiting.next().is_some();
        StoreDone::Gateway(GatewayDone::Outlines { mails, more })
    }

    fn outline_of(&self, account: AccountId, mail: &Mail) -> MailOutline {
        let texture = match &mail.content {
            Content::Body(body) => texture(body.as_str().as_bytes()),
            Content::Message(message) => texture(message.as_bytes()),
            Content::Large(_) => {
                let (_, bytes) = self.content_of(account, mail.seq);
                texture(bytes.expect("a mail has its content"))
            }
        };
        MailOutline {
            mail: mail.reference(),
            from: mail.from.clone(),
            from_name: mail.from_name.clone(),
            to: mail.to.as_slice().to_vec(),
            subject: mail.subject.clone(),
            sent_at: mail.sent_at,
            kind: mail.content.kind(),
            size: mail.content.size(),
            texture,
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

/// Counts the texture of a content, byte by byte.
fn texture(bytes: &[u8]) -> Texture {
    let mut texture = Texture { is_ascii: bytes.is_ascii(), ..Texture::default() };
    let mut line = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| bytes.get(before));
        let is_bare = match byte {
            b'\n' => before != Some(&b'\r'),
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        texture.bare_ends += u64::from(is_bare);
        texture.nuls += u64::from(*byte == 0);
        texture.is_ended = matches!(byte, b'\n' | b'\r');
        line = if texture.is_ended { 0 } else { line + 1 };
        texture.longest_line = texture.longest_line.max(line);
    }
    texture
}
