//! Large contents of the reference model: uploads that no mail names yet, and contents of mails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use correio_proto::{
    limits::{self, UPLOAD_RESERVED_SECONDS},
    mail::{ContentSize, MailId, Piece, Timestamp},
};
use correio_server::{
    ids::AccountId,
    store::{Quota, StoreDone, UploadLimits},
};

/// Most uploads that one [`correio_server::store::StoreJob::Prune`] removes.
pub const PRUNE_UPLOADS_STEP: usize = 1000;

/// The bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The bounds of each mailbox.
    pub quota: Quota,
    /// The bounds of uploads.
    pub uploads: UploadLimits,
    /// Most bytes of a piece that is read.
    pub piece_max: usize,
}

impl From<Quota> for Bounds {
    /// Bounds with uploads and pieces as in a server's defaults.
    fn from(quota: Quota) -> Self {
        Self { quota, uploads: UploadLimits::default(), piece_max: limits::PIECE_MAX }
    }
}

/// Names an upload: the account, and the id of its future mail.
pub type UploadKey = (AccountId, MailId);

/// Size of the whole content of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadSize {
    /// Bytes, as the sender announced them.
    Announced(ContentSize),
    /// Not known yet: at most this many bytes.
    Unknown(u64),
}

impl UploadSize {
    /// Bytes for which the upload counts.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Announced(size) => size.get(),
            Self::Unknown(most) => most,
        }
    }
}

/// An upload that no mail names yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedUpload {
    /// Size of the whole content.
    pub size: UploadSize,
    /// The content's bytes from its start.
    pub bytes: Arc<Vec<u8>>,
    /// When the last piece came that added bytes.
    pub touched_at: Timestamp,
}

impl StagedUpload {
    fn staged(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether the upload has reserved the room of its missing bytes. Otherwise it is idle.
    fn is_reserved(&self, now: Timestamp) -> bool {
        self.touched_at.0 + UPLOAD_RESERVED_SECONDS * 1000 >= now.0
    }
}

/// Number of a content, which the mails that have the content name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentId(u64);

/// See the module's description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    uploads: BTreeMap<UploadKey, StagedUpload>,
    kept: BTreeMap<ContentId, Arc<Vec<u8>>>,
    last: u64,
}

/// A piece that is added to an upload.
pub(super) struct NewPiece {
    pub(super) size: UploadSize,
    pub(super) offset: u64,
    pub(super) bytes: Piece,
    pub(super) now: Timestamp,
}

impl NewPiece {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.as_bytes().len() as u64)
    }
}

impl Contents {
    pub(super) fn uploads(&self) -> impl Iterator<Item = (UploadKey, &StagedUpload)> {
        self.uploads.iter().map(|(key, upload)| (*key, upload))
    }

    pub(super) fn kept(&self) -> impl Iterator<Item = (ContentId, &Arc<Vec<u8>>)> {
        self.kept.iter().map(|(id, bytes)| (*id, bytes))
    }

    pub(super) fn content(&self, id: ContentId) -> Option<&Arc<Vec<u8>>> {
        self.kept.get(&id)
    }

    /// Bytes of an upload, 0 if there is none.
    fn staged(&self, key: UploadKey) -> u64 {
        self.uploads.get(&key).map_or(0, StagedUpload::staged)
    }

    /// Whether a piece would add bytes.
    pub(super) fn grows(&self, key: UploadKey, offset: u64, bytes: &Piece) -> bool {
        let end = offset.saturating_add(bytes.as_bytes().len() as u64);
        end > self.staged(key)
    }

    /// Adds a piece to an upload, or starts the upload with it.
    pub(super) fn upload(
        &mut self,
        limits: UploadLimits,
        key: UploadKey,
        piece: &NewPiece,
    ) -> StoreDone {
        let present = self.uploads.get(&key);
        let size = present.map_or(piece.size, |upload| upload.size);
        let is_other = match size {
            UploadSize::Announced(_) => size != piece.size,
            UploadSize::Unknown(_) => matches!(piece.size, UploadSize::Announced(_)),
        };
        if is_other || piece.end() > size.bytes() {
            return StoreDone::Conflict;
        }
        let staged = present.map_or(0, StagedUpload::staged);
        if piece.offset > staged {
            return StoreDone::Incomplete { staged };
        }
        if piece.end() <= staged {
            return StoreDone::Uploaded { staged };
        }
        if !self.make_room(limits, key, piece) {
            return StoreDone::UploadsFull;
        }
        let upload = self.uploads.entry(key).or_insert_with(|| StagedUpload {
            size: piece.size,
            bytes: Arc::default(),
            touched_at: piece.now,
        });
        upload.touched_at = piece.now;
        let known = staged.saturating_sub(piece.offset);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let new = piece.bytes.as_bytes().get(known..).unwrap_or_default();
        Arc::make_mut(&mut upload.bytes).extend_from_slice(new);
        StoreDone::Uploaded { staged: upload.staged() }
    }

    /// Whether an upload may begin, or go on after its room was no longer reserved. If it may
    /// begin, removes the idle uploads of its account that would be too many beside it.
    fn make_room(&mut self, limits: UploadLimits, key: UploadKey, piece: &NewPiece) -> bool {
        let present = self.uploads.get(&key);
        if present.is_some_and(|upload| upload.is_reserved(piece.now)) {
            return true;
        }
        let left = match present {
            Some(_) => Some(self.uploads.clone()),
            None => self.without_idle(limits, key.0, piece),
        };
        let Some(left) = left else {
            return false;
        };
        let others = left.iter().filter(|(other, _)| **other != key);
        let taken = others.map(|(_, upload)| match upload.is_reserved(piece.now) {
            true => upload.size.bytes(),
            false => upload.staged(),
        });
        let size = present.map_or(piece.size, |upload| upload.size);
        let is_within = taken.sum::<u64>() + size.bytes() <= limits.bytes;
        if is_within {
            self.uploads = left;
        }
        is_within
    }

    /// The uploads after as many idle ones of an account are removed, the one idle longest first,
    /// as are needed for another one. `None` if the others are still too many.
    fn without_idle(
        &self,
        limits: UploadLimits,
        account: AccountId,
        piece: &NewPiece,
    ) -> Option<BTreeMap<UploadKey, StagedUpload>> {
        let mut left = self.uploads.clone();
        while is_crowded(&left, limits, account, piece.size) {
            let own = left.iter().filter(|((owner, _), _)| *owner == account);
            let idle = own.filter(|(_, upload)| !upload.is_reserved(piece.now));
            let (longest, _) = idle.min_by_key(|(key, upload)| (upload.touched_at, **key))?;
            let longest = *longest;
            left.remove(&longest);
        }
        Some(left)
    }

    /// Checks that an upload that was begun with a size is whole and of this size.
    pub(super) fn require_whole(&self, key: UploadKey, size: ContentSize) -> Result<(), StoreDone> {
        match self.uploads.get(&key) {
            Some(upload) if upload.size != UploadSize::Announced(size) => Err(StoreDone::Conflict),
            Some(upload) if upload.staged() == size.get() => Ok(()),
            _ => Err(StoreDone::Incomplete { staged: self.staged(key) }),
        }
    }

    /// Checks that an upload that was begun without a size has this size now.
    pub(super) fn require_staged(
        &self,
        key: UploadKey,
        size: ContentSize,
    ) -> Result<(), StoreDone> {
        let staged = self.staged(key);
        match self.uploads.get(&key).map(|upload| upload.size) {
            Some(UploadSize::Announced(_)) => Err(StoreDone::Conflict),
            Some(UploadSize::Unknown(_)) if staged > size.get() => Err(StoreDone::Conflict),
            Some(UploadSize::Unknown(_)) if staged == size.get() => Ok(()),
            Some(UploadSize::Unknown(_)) | None => Err(StoreDone::Incomplete { staged }),
        }
    }

    /// Removes an upload that was begun without a size.
    pub(super) fn discard(&mut self, key: UploadKey) {
        let is_discarded = |upload: &StagedUpload| matches!(upload.size, UploadSize::Unknown(_));
        self.uploads.retain(|other, upload| *other != key || !is_discarded(upload));
    }

    /// Turns an upload into a content.
    pub(super) fn take_over(&mut self, key: UploadKey) -> Option<ContentId> {
        let upload = self.uploads.remove(&key)?;
        self.last += 1;
        self.kept.insert(ContentId(self.last), upload.bytes);
        Some(ContentId(self.last))
    }

    /// Removes the contents that no mail names.
    pub(super) fn keep_only(&mut self, named: &BTreeSet<ContentId>) {
        self.kept.retain(|id, _| named.contains(id));
    }

    /// Removes the uploads of a deleted account.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.uploads.retain(|(owner, _), _| *owner != account);
    }

    /// Removes the oldest uploads first. Returns how many were removed, and whether more are left.
    pub(super) fn prune(&mut self, before: Timestamp) -> (u32, bool) {
        let mut old: Vec<_> = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.touched_at < before)
            .map(|(key, upload)| (upload.touched_at, *key))
            .collect();
        old.sort_unstable();
        let more = old.len() > PRUNE_UPLOADS_STEP;
        old.truncate(PRUNE_UPLOADS_STEP);
        for (_, key) in &old {
            self.uploads.remove(key);
        }
        (u32::try_from(old.len()).unwrap_or(u32::MAX), more)
    }
}

/// Whether another upload of this size would be too much for this account beside its others.
fn is_crowded(
    uploads: &BTreeMap<UploadKey, StagedUpload>,
    limits: UploadLimits,
    account: AccountId,
    size: UploadSize,
) -> bool {
    let own = || uploads.iter().filter(|((owner, _), _)| *owner == account);
    let own_bytes = own().map(|(_, upload)| upload.size.bytes()).sum::<u64>();
    own().count() >= limits.uploads as usize || own_bytes + size.bytes() > limits.account_bytes
}
