//! The oracle of large contents: what clients have written, and what the store holds of it over
//! time.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use correio_proto::{
    limits::UPLOAD_RESERVED_SECONDS,
    mail::{
        Content, ContentKind, ContentSize, LargeContent, Mail, MailId, Sha256, Timestamp, Username,
    },
};
use correio_server::{ids::AccountId, store::UploadLimits};
use sha2::{Digest, Sha256 as Hasher};

use crate::{
    check::{Check, Violation, require},
    store::{StagedUpload, State, UploadKey, UploadSize},
};

/// A mail's identity: sender and id.
pub(crate) type MailKey = (Username, MailId);

/// What a mail states of a content of this kind; `None` for an empty content.
pub(crate) fn stated(kind: ContentKind, bytes: &[u8]) -> Option<LargeContent> {
    let size = ContentSize::try_from(bytes.len() as u64).ok()?;
    Some(LargeContent { kind, size, sha256: Sha256(Hasher::digest(bytes).into()) })
}

/// The uploads that may be gone.
#[derive(Debug)]
pub(crate) struct Forgotten {
    /// Uploads whose last piece came before this time.
    pub(crate) before: Timestamp,
    /// Uploads that were idle when their account began an upload beyond its bounds, at this time.
    pub(crate) crowded_at: BTreeMap<AccountId, Timestamp>,
    /// Uploads of programs' mails that were refused or stored.
    pub(crate) given_up: BTreeSet<UploadKey>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The contents that clients upload, whole.
    written: BTreeMap<MailKey, Rc<[u8]>>,
    /// Durable uploads: staged bytes, and the time of the last piece.
    uploads: BTreeMap<UploadKey, (u64, Timestamp)>,
    /// Uploads that are gone since their mail was sent, their time was over, or their account
    /// needed their room for another one.
    gone: BTreeSet<UploadKey>,
}

impl Contents {
    /// Records a content before it is uploaded.
    pub(crate) fn note(&mut self, sender: Username, id: MailId, bytes: Rc<[u8]>) {
        self.written.entry((sender, id)).or_insert(bytes);
    }

    /// The bytes that a client has written.
    pub(crate) fn written(&self, key: &MailKey) -> Option<&Rc<[u8]>> {
        self.written.get(key)
    }

    /// Checks a new mail of the store: its content is whole and is what its sender wrote.
    pub(crate) fn check_stored(&self, mail: &Mail, bytes: Option<&[u8]>) -> Result<(), Violation> {
        let written = self.written.get(&(mail.from.clone(), mail.id)).map(|written| &**written);
        let text = || format!("the content of mail {} is not what was uploaded", mail.id);
        require(bytes == written, Check::Intact, text)
    }

    /// Checks that every mail with a large content has it, and that no other content is there.
    pub(crate) fn check_named(&self, state: &State) -> Result<(), Violation> {
        let mut named = BTreeSet::new();
        for (account, mail) in state.mails() {
            let (id, bytes) = state.content_of(account, mail.seq);
            let is_there = match &mail.content {
                Content::Body(_) | Content::Message(_) => id.is_none(),
                Content::Large(_) => bytes.is_some(),
            };
            let text = || format!("the content of mail {} from {} is gone", mail.id, mail.from);
            require(is_there, Check::Contents, text)?;
            named.extend(id);
        }
        let unnamed = state.contents().find(|(id, _)| !named.contains(id));
        let text = || format!("no mail names the content {unnamed:?}");
        require(unnamed.is_none(), Check::Contents, text)
    }

    /// Examines all uploads of the durable store. Uploads that were forgotten may be gone.
    pub(crate) fn look_at_uploads(
        &mut self,
        state: &State,
        limits: UploadLimits,
        forgotten: &Forgotten,
    ) -> Result<(), Violation> {
        let mut present = BTreeMap::new();
        for (key, upload) in state.uploads() {
            let staged = upload.bytes.len() as u64;
            present.insert(key, (staged, upload.touched_at));
            let is_new = self.uploads.get(&key).is_none_or(|(known, _)| *known != staged);
            if is_new {
                self.check_prefix(state, key, upload)?;
            }
        }
        check_limits(state, limits)?;
        self.gone.extend(state.sent());
        for (key, (staged, touched_at)) in std::mem::replace(&mut self.uploads, present) {
            let now_staged = self.uploads.get(&key).map_or(0, |(staged, _)| *staged);
            if now_staged >= staged {
                continue;
            }
            let idle_from = touched_at.0 + UPLOAD_RESERVED_SECONDS * 1000 + 1;
            let is_over = touched_at < forgotten.before
                || forgotten.given_up.contains(&key)
                || forgotten.crowded_at.get(&key.0).is_some_and(|crowded| crowded.0 >= idle_from)
                || state.was_sent(key)
                || state.accounts().all(|(account, ..)| account != key.0);
            let text = || format!("upload {key:?} had {staged} bytes and has {now_staged}");
            require(is_over, Check::Contents, text)?;
            self.gone.insert(key);
        }
        Ok(())
    }

    fn check_prefix(
        &self,
        state: &State,
        key: UploadKey,
        upload: &StagedUpload,
    ) -> Result<(), Violation> {
        let (account, id) = key;
        let username = state.accounts().find(|(present, ..)| *present == account);
        let username = username.map(|(_, username, ..)| username.clone());
        let is_prefix = username.is_some_and(|username| match upload.size {
            UploadSize::Announced(_) => {
                let written = self.written.get(&(username, id));
                written.is_some_and(|written| written.starts_with(&upload.bytes))
            }
            // An upload of a program's mail, whose id is not known before the mail's end.
            UploadSize::Unknown(_) => self.written.iter().any(|((sender, _), written)| {
                *sender == username && written.starts_with(&upload.bytes)
            }),
        });
        let text = || format!("upload {id} of {account:?} is not the start of what was uploaded");
        require(is_prefix, Check::Intact, text)
    }

    /// Checks that the store has the bytes that it acknowledged.
    pub(crate) fn check_staged(
        &self,
        state_accounts: &BTreeMap<AccountId, Username>,
        user: &Username,
        id: MailId,
        staged: u64,
    ) -> Result<(), Violation> {
        let accounts = state_accounts.iter().filter(|(_, username)| *username == user);
        let mut keys = accounts.map(|(account, _)| (*account, id));
        let is_kept = staged == 0
            || keys.any(|key| {
                let there = self.uploads.get(&key).is_some_and(|(there, _)| *there >= staged);
                there || self.gone.contains(&key)
            });
        let text = || format!("{staged} bytes of {id} were acknowledged and are not there");
        require(is_kept, Check::Acknowledged, text)
    }

    /// Checks a piece that a recipient got against the contents of the mails that it may be of.
    pub(crate) fn check_piece<'a>(
        &self,
        mut mails: impl Iterator<Item = &'a MailKey>,
        offset: u64,
        piece: &[u8],
    ) -> Result<(), Violation> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let is_of = |key: &MailKey| {
            let Some(written) = self.written.get(key) else {
                return false;
            };
            let rest = written.get(start..).unwrap_or_default();
            rest.starts_with(piece) && rest.is_empty() == piece.is_empty()
        };
        let text = || format!("{} bytes at {offset} are of no content of theirs", piece.len());
        require(mails.any(is_of), Check::Intact, text)
    }
}

/// Property (f) of uploads.
fn check_limits(state: &State, limits: UploadLimits) -> Result<(), Violation> {
    let mut accounts: BTreeMap<AccountId, (u32, u64)> = BTreeMap::new();
    for ((account, _), upload) in state.uploads() {
        let (uploads, bytes) = accounts.entry(account).or_default();
        *uploads += 1;
        *bytes += upload.size.bytes();
        let is_within = upload.bytes.len() as u64 <= upload.size.bytes();
        let text = || format!("an upload of {account:?} is larger than announced: {upload:?}");
        require(is_within, Check::Bounded, text)?;
    }
    let all: u64 = state.uploads().map(|(_, upload)| upload.bytes.len() as u64).sum();
    let is_bounded = all <= limits.bytes
        && accounts
            .values()
            .all(|(uploads, bytes)| *uploads <= limits.uploads && *bytes <= limits.account_bytes);
    let text = || format!("uploads of accounts are {accounts:?} of {limits:?}");
    require(is_bounded, Check::Bounded, text)
}
