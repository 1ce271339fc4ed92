//! Large contents of the reference model: uploads that no mail names yet, and contents of mails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use correio_proto::{
    limits,
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

/// An upload that no mail names yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedUpload {
    /// Bytes of the whole content, as its sender announced them.
    pub size: ContentSize,
    /// The content's bytes from its start.
    pub bytes: Arc<Vec<u8>>,
    /// When the last piece came that added bytes.
    pub touched_at: Timestamp,
}

impl StagedUpload {
    fn staged(&self) -> u64 {
        self.bytes.len() as u64
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
    pub(super) size: ContentSize,
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
        let is_other = present.is_some_and(|upload| upload.size != piece.size);
        if is_other || piece.end() > piece.size.get() {
            return StoreDone::Conflict;
        }
        let staged = present.map_or(0, StagedUpload::staged);
        if piece.offset > staged {
            return StoreDone::Incomplete { staged };
        }
        if piece.end() <= staged {
            return StoreDone::Uploaded { staged };
        }
        if present.is_none() && !self.has_room(limits, key.0, piece.size) {
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

    fn has_room(&self, limits: UploadLimits, account: AccountId, size: ContentSize) -> bool {
        let own = || self.uploads.iter().filter(|((owner, _), _)| *owner == account);
        let sum = |uploads: &mut dyn Iterator<Item = &StagedUpload>| {
            uploads.map(|upload| upload.size.get()).sum::<u64>() + size.get()
        };
        own().count() < limits.uploads as usize
            && sum(&mut own().map(|(_, upload)| upload)) <= limits.account_bytes
            && sum(&mut self.uploads.values()) <= limits.bytes
    }

    /// Checks that an upload is whole and of this size.
    pub(super) fn require_whole(&self, key: UploadKey, size: ContentSize) -> Result<(), StoreDone> {
        match self.uploads.get(&key) {
            Some(upload) if upload.size != size => Err(StoreDone::Conflict),
            Some(upload) if upload.staged() == size.get() => Ok(()),
            _ => Err(StoreDone::Incomplete { staged: self.staged(key) }),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use correio_proto::mail::{Content, LargeContent, Mail, MailRef, Sha256};
    use correio_server::{
        ids::PasswordHash,
        store::{NewMailRecord, StoreJob},
    };

    use super::*;
    use crate::store::State;

    const TONY: AccountId = AccountId(1);
    const PEPPER: AccountId = AccountId(2);

    fn bounds() -> Bounds {
        let uploads = UploadLimits { uploads: 2, account_bytes: 20, bytes: 25 };
        Bounds { quota: Quota { mails: 5, bytes: 1000 }, uploads, piece_max: 4 }
    }

    fn id(number: u8) -> MailId {
        let mut bytes = [0; 16];
        (bytes[6], bytes[8], bytes[15]) = (0x70, 0x80, number);
        bytes.try_into().unwrap()
    }

    fn size(bytes: u64) -> ContentSize {
        bytes.try_into().unwrap()
    }

    /// A state with the accounts of Tony and Pepper.
    fn state() -> State {
        let mut state = State::default();
        for (number, name) in [(1, "tony"), (2, "pepper")] {
            let (username, full_name) = (name.parse().unwrap(), name.parse().unwrap());
            let hash = PasswordHash("h".into());
            let job = StoreJob::CreateAccount {
                register_id: id(number),
                username,
                full_name,
                hash,
                invite: None,
            };
            assert_eq!(state.run(bounds(), job), StoreDone::Created);
        }
        state
    }

    fn upload(account: AccountId, number: u8, whole: u64, offset: u64, bytes: &str) -> StoreJob {
        let bytes = bytes.as_bytes().try_into().unwrap();
        let (id, size, now) = (id(number), size(whole), Timestamp(1000));
        StoreJob::Upload { account, id, size, offset, bytes, now }
    }

    fn send(number: u8, to: &[&str], whole: u64) -> StoreJob {
        let to: Vec<_> = to.iter().map(|name| name.parse().unwrap()).collect();
        let content = Content::Large(LargeContent { size: size(whole), sha256: Sha256([1; 32]) });
        let (to, subject) = (to.try_into().unwrap(), "s".parse().unwrap());
        let mail = Arc::new(NewMailRecord { id: id(number), to, subject, content });
        StoreJob::Send { sender: TONY, mail, now: Timestamp(1001) }
    }

    fn read(account: AccountId, mail: MailRef, offset: u64) -> StoreJob {
        StoreJob::Read { account, mail, offset }
    }

    fn only_mail(state: &State, account: AccountId) -> MailRef {
        state.mailbox(account).map(Mail::reference).next().unwrap()
    }

    #[test]
    fn an_upload_is_a_prefix_without_a_hole() {
        let mut state = state();
        let mut run = |offset, bytes| state.run(bounds(), upload(TONY, 3, 9, offset, bytes));
        assert_eq!(run(0, ""), StoreDone::Uploaded { staged: 0 });
        assert_eq!(run(1, "x"), StoreDone::Incomplete { staged: 0 });
        assert_eq!(run(0, "abcd"), StoreDone::Uploaded { staged: 4 });
        assert_eq!(run(2, "cdef"), StoreDone::Uploaded { staged: 6 });
        assert_eq!(run(0, "ab"), StoreDone::Uploaded { staged: 6 });
        assert_eq!(run(7, "h"), StoreDone::Incomplete { staged: 6 });
        assert_eq!(run(6, "ghij"), StoreDone::Conflict);
        let other = upload(TONY, 3, 8, 6, "g");
        assert_eq!(state.run(bounds(), other), StoreDone::Conflict);
        let (_, staged) = state.uploads().next().unwrap();
        assert_eq!(staged.bytes.as_slice(), b"abcdef");
    }

    #[test]
    fn started_uploads_count_with_their_whole_size() {
        let mut state = state();
        let mut run =
            |account, number, whole| state.run(bounds(), upload(account, number, whole, 0, "x"));
        let started = StoreDone::Uploaded { staged: 1 };
        assert_eq!(run(TONY, 3, 15), started);
        assert_eq!(run(TONY, 4, 6), StoreDone::UploadsFull);
        assert_eq!(run(TONY, 5, 5), started);
        assert_eq!(run(TONY, 6, 1), StoreDone::UploadsFull);
        assert_eq!(run(PEPPER, 3, 6), StoreDone::UploadsFull);
        assert_eq!(run(PEPPER, 3, 5), started);
    }

    #[test]
    fn a_content_goes_with_the_last_mail_that_has_it() {
        let mut state = state();
        let to = ["pepper", "tony"];
        let incomplete = |staged| StoreDone::Incomplete { staged };
        assert_eq!(state.run(bounds(), send(3, &to, 6)), incomplete(0));
        state.run(bounds(), upload(TONY, 3, 6, 0, "abcd"));
        assert_eq!(state.run(bounds(), send(3, &to, 6)), incomplete(4));
        state.run(bounds(), upload(TONY, 3, 6, 4, "ef"));
        let unknown = state.run(bounds(), send(3, &["nobody"], 6));
        assert!(matches!(unknown, StoreDone::UnknownRecipients(_)));
        assert_eq!(state.run(bounds(), send(3, &to, 5)), StoreDone::Conflict);
        assert!(matches!(state.run(bounds(), send(3, &to, 6)), StoreDone::Sent { .. }));
        assert!(matches!(state.run(bounds(), send(3, &to, 6)), StoreDone::SentBefore { .. }));
        let again = upload(TONY, 3, 6, 0, "ab");
        assert_eq!(state.run(bounds(), again), StoreDone::Uploaded { staged: 6 });
        assert_eq!((state.uploads().count(), state.contents().count()), (0, 1));

        let mails = [TONY, PEPPER].map(|account| (account, only_mail(&state, account)));
        for (left, (account, mail)) in [(1, mails[0]), (0, mails[1])] {
            let piece = |bytes: &[u8]| StoreDone::Piece(bytes.try_into().unwrap());
            assert_eq!(state.run(bounds(), read(account, mail, 0)), piece(b"abcd"));
            assert_eq!(state.run(bounds(), read(account, mail, 4)), piece(b"ef"));
            assert_eq!(state.run(bounds(), read(account, mail, 6)), piece(b""));
            let confirm = StoreJob::Confirm { account, mails: vec![mail] };
            assert_eq!(state.run(bounds(), confirm), StoreDone::Confirmed { deleted: 1 });
            assert_eq!(state.run(bounds(), read(account, mail, 0)), StoreDone::NoSuchMail);
            assert_eq!(state.contents().count(), left);
        }
    }

    #[test]
    fn another_s_mail_is_read_like_one_that_does_not_exist() {
        let mut state = state();
        state.run(bounds(), upload(TONY, 3, 1, 0, "x"));
        state.run(bounds(), send(3, &["pepper"], 1));
        let mail = only_mail(&state, PEPPER);
        assert_eq!(state.run(bounds(), read(TONY, mail, 0)), StoreDone::NoSuchMail);
        let other = MailRef { id: id(9), ..mail };
        assert_eq!(state.run(bounds(), read(PEPPER, other, 0)), StoreDone::NoSuchMail);
    }

    #[test]
    fn an_upload_is_forgotten_after_its_time_and_with_its_account() {
        let mut state = state();
        state.run(bounds(), upload(TONY, 3, 9, 0, "x"));
        let mut prune = |time| {
            let before = Timestamp(0);
            state.run(bounds(), StoreJob::Prune { before, uploads_before: Timestamp(time) })
        };
        let pruned = |uploads| StoreDone::Pruned { records: 0, uploads, more: false };
        assert_eq!(prune(1000), pruned(0));
        assert_eq!(prune(1001), pruned(1));
        state.run(bounds(), upload(TONY, 3, 9, 0, "x"));
        let delete = StoreJob::DeleteAccount { account: TONY, hash: PasswordHash("h".into()) };
        assert_eq!(state.run(bounds(), delete), StoreDone::Changed);
        assert_eq!(state.uploads().count(), 0);
    }
}
