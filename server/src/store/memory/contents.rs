//! Large contents in memory: uploads, and the pieces of contents.

use std::collections::{BTreeMap, BTreeSet};

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Content, MailId, Piece, Timestamp},
};

use crate::{
    ids::AccountId,
    store::{
        StoreDone, UploadLimits,
        gateway::Texture,
        texture::TextureCount,
        uploads::{self, OwnUpload, Progress, Step, UploadSize},
    },
};

/// The uploads of all accounts.
#[derive(Debug)]
pub(super) struct Uploads {
    limits: UploadLimits,
    accounts: BTreeMap<AccountId, BTreeMap<MailId, Upload>>,
    /// The uploads by the time of their last piece.
    by_time: BTreeSet<(Timestamp, AccountId, MailId)>,
    /// The bytes that all uploads have.
    bytes: u64,
}

#[derive(Debug)]
struct Upload {
    size: UploadSize,
    pieces: Pieces,
    /// When its last piece came.
    touched: Timestamp,
    /// The texture of the pieces so far.
    texture: TextureCount,
}

/// A content, or the beginning of one, in allocations of [`PIECE_MAX`] bytes. All but the last are
/// full.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Vec<u8>>);

/// What is stored of a content besides what its mail has in itself.
#[derive(Debug)]
pub(super) struct StoredContent {
    /// The pieces, if the content is large.
    pub(super) pieces: Option<Pieces>,
    pub(super) texture: Texture,
}

impl StoredContent {
    /// Of a content that is not large.
    pub(super) fn of(content: &Content) -> Self {
        let texture = match content {
            Content::Body(body) => TextureCount::of(body.as_str().as_bytes()),
            Content::Message(message) => TextureCount::of(message.as_bytes()),
            Content::Large(_) => Texture::default(),
        };
        Self { pieces: None, texture }
    }
}

impl Uploads {
    /// No uploads yet, within these bounds.
    pub(super) fn new(limits: UploadLimits) -> Self {
        Self { limits, accounts: BTreeMap::new(), by_time: BTreeSet::new(), bytes: 0 }
    }

    /// The bounds.
    pub(super) fn limits(&self) -> UploadLimits {
        self.limits
    }

    /// Adds a piece to an upload, which begins with it if there is none, as
    /// [`crate::store::StoreJob::Upload`] describes it.
    pub(super) fn add(
        &mut self,
        (account, id): (AccountId, MailId),
        size: UploadSize,
        (offset, piece): (u64, &Piece),
        now: Timestamp,
    ) -> StoreDone {
        let progress = self.progress(account, id);
        let (known, staged) = match uploads::step(progress, size, offset, piece.as_bytes()) {
            Step::Answer(done) => return done,
            Step::Append { known, staged } => (known, staged),
        };
        let before = progress.unwrap_or(Progress { size, staged: 0 });
        let since = uploads::reserved_since(now);
        let displaced = match progress {
            Some(_) => Some(Vec::new()),
            None => self.limits.displaced(self.of_account(account), size, since),
        };
        let Some(displaced) = displaced else {
            return StoreDone::UploadsFull;
        };
        let freed = displaced.iter().map(|upload| upload.progress.staged).sum();
        if self.touched(account, id).is_none_or(|touched| touched < since)
            && !self.limits.have_room(self.taken(since).saturating_sub(freed), before.missing())
        {
            return StoreDone::UploadsFull;
        }
        for upload in displaced {
            self.take(account, upload.name);
        }
        let upload = self.accounts.entry(account).or_default().entry(id).or_insert_with(|| {
            Upload { size, pieces: Pieces::default(), touched: now, texture: TextureCount::new() }
        });
        let new = piece.as_bytes().get(known..).unwrap_or_default();
        upload.pieces.append(new, before.missing());
        upload.texture.add(new);
        self.by_time.remove(&(upload.touched, account, id));
        self.by_time.insert((now, account, id));
        upload.touched = now;
        self.bytes += staged.saturating_sub(before.staged);
        StoreDone::Uploaded { staged }
    }

    /// When the last piece of an upload came that added bytes.
    fn touched(&self, account: AccountId, id: MailId) -> Option<Timestamp> {
        Some(self.accounts.get(&account)?.get(&id)?.touched)
    }

    /// The bytes that all uploads have, and those that the ones touched since then have reserved.
    fn taken(&self, since: Timestamp) -> u64 {
        let touched = self.by_time.iter().rev().take_while(|(touched, ..)| *touched >= since);
        let progress = touched.filter_map(|(_, account, id)| self.progress(*account, *id));
        self.bytes.saturating_add(progress.map(Progress::missing).sum())
    }

    /// How far an upload is, if there is one.
    pub(super) fn progress(&self, account: AccountId, id: MailId) -> Option<Progress> {
        let upload = self.accounts.get(&account)?.get(&id)?;
        Some(Progress { size: upload.size, staged: upload.pieces.bytes() })
    }

    /// The uploads of an account, the one idle longest first.
    fn of_account(&self, account: AccountId) -> Vec<OwnUpload<MailId>> {
        let uploads = self.accounts.get(&account).into_iter().flatten();
        let mut own: Vec<_> = uploads
            .map(|(id, Upload { size, pieces, touched, .. })| OwnUpload {
                name: *id,
                touched: *touched,
                progress: Progress { size: *size, staged: pieces.bytes() },
            })
            .collect();
        own.sort_by_key(|upload| (upload.touched, upload.name));
        own
    }

    /// Removes an upload, and returns its content.
    pub(super) fn take(&mut self, account: AccountId, id: MailId) -> Option<StoredContent> {
        let uploads = self.accounts.get_mut(&account)?;
        let upload = uploads.remove(&id)?;
        if uploads.is_empty() {
            self.accounts.remove(&account);
        }
        self.by_time.remove(&(upload.touched, account, id));
        self.bytes -= upload.pieces.bytes();
        let Upload { pieces, texture, .. } = upload;
        Some(StoredContent { pieces: Some(pieces), texture: texture.texture })
    }

    /// Removes an upload without a size, if there is one.
    pub(super) fn discard(&mut self, account: AccountId, id: MailId) {
        let progress = self.progress(account, id);
        if progress.is_some_and(|it| matches!(it.size, UploadSize::AtMost(_))) {
            self.take(account, id);
        }
    }

    /// Removes the uploads of a deleted account.
    pub(super) fn remove_account(&mut self, account: AccountId) {
        for (id, upload) in self.accounts.remove(&account).unwrap_or_default() {
            self.by_time.remove(&(upload.touched, account, id));
            self.bytes -= upload.pieces.bytes();
        }
    }

    /// Removes up to `max` uploads whose last piece came before this time. Returns their number,
    /// and whether there are more.
    pub(super) fn prune(&mut self, before: Timestamp, max: u32) -> (u32, bool) {
        for pruned in 0..max {
            let Some((account, id)) = self.oldest(before) else {
                return (pruned, false);
            };
            self.take(account, id);
        }
        (max, self.oldest(before).is_some())
    }

    /// The upload that has waited longest for a piece, if its last one came before this time.
    fn oldest(&self, before: Timestamp) -> Option<(AccountId, MailId)> {
        let (touched, account, id) = *self.by_time.first()?;
        (touched < before).then_some((account, id))
    }
}

impl Pieces {
    fn bytes(&self) -> u64 {
        let full = self.0.len().saturating_sub(1) as u64 * PIECE_MAX as u64;
        full + self.0.last().map_or(0, |last| last.len() as u64)
    }

    /// Appends bytes to a content that lacks at most `missing` bytes, the appended ones included.
    fn append(&mut self, mut bytes: &[u8], missing: u64) {
        let whole = self.bytes().saturating_add(missing);
        while !bytes.is_empty() {
            let left = usize::try_from(whole.saturating_sub(self.bytes())).unwrap_or(usize::MAX);
            let mut last = match self.0.pop_if(|last| last.len() < PIECE_MAX) {
                Some(last) => last,
                None => Vec::with_capacity(left.min(PIECE_MAX)),
            };
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_MAX - last.len()));
            last.extend_from_slice(now);
            self.0.push(last);
            bytes = later;
        }
    }

    /// The content from this position on: [`PIECE_MAX`] bytes, or fewer at its end.
    pub(super) fn read(&self, offset: u64) -> Piece {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let (index, skipped) = (offset / PIECE_MAX, offset % PIECE_MAX);
        let part = |index: usize| self.0.get(index).map_or(&[][..], Vec::as_slice);
        let begin = part(index).get(skipped..).unwrap_or_default();
        let rest = part(index.saturating_add(1));
        let rest = rest.get(..rest.len().min(skipped)).unwrap_or_default();
        let piece = match rest.is_empty() {
            true => Piece::try_from(begin),
            false => Piece::try_from([begin, rest].concat().as_slice()),
        };
        // Both parts together have at most as many bytes as a piece may have.
        piece.unwrap_or_default()
    }
}
