//! What a piece does to an upload, whether there is room for another upload, and which uploads give
//! theirs up: the rules that all stores share. A store keeps the bytes.

use std::cmp::Ordering;

use correio_proto::{
    limits::UPLOAD_RESERVED_SECONDS,
    mail::{ContentSize, Timestamp},
};

use super::{NewMailRecord, StoreDone, UploadLimits};

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) size: UploadSize,
    /// Bytes from the content's start that the store has.
    pub(super) staged: u64,
}

/// Size of the whole content of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UploadSize {
    /// The size that the first piece stated.
    Stated(ContentSize),
    /// Not known yet: at most as many bytes as a content could have when the upload began.
    AtMost(u64),
}

impl UploadSize {
    /// Bytes for which the upload counts.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Stated(size) => size.get(),
            Self::AtMost(bytes) => bytes,
        }
    }

    /// Whether an upload of this size takes a piece of another job's size in.
    fn takes(self, piece: Self) -> bool {
        match (self, piece) {
            (Self::Stated(size), Self::Stated(other)) => size == other,
            (Self::AtMost(_), Self::AtMost(_)) => true,
            (Self::Stated(_), Self::AtMost(_)) | (Self::AtMost(_), Self::Stated(_)) => false,
        }
    }
}

impl Progress {
    /// Bytes that are missing, for which the upload may have reserved room.
    pub(super) fn missing(self) -> u64 {
        self.size.bytes().saturating_sub(self.staged)
    }
}

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The upload stays as it is.
    Answer(StoreDone),
    /// The upload, which this piece starts if there is none, gets the piece's bytes from this
    /// position on. It has `staged` bytes then.
    Append {
        /// Bytes at the piece's start that the upload has already.
        known: usize,
        /// Bytes of the upload afterwards.
        staged: u64,
    },
}

/// Decides what becomes of a piece at this offset.
pub(super) fn step(upload: Option<Progress>, size: UploadSize, offset: u64, bytes: &[u8]) -> Step {
    let end = offset.saturating_add(bytes.len() as u64);
    let whole = upload.map_or(size, |upload| upload.size);
    if !whole.takes(size) || end > whole.bytes() {
        return Step::Answer(StoreDone::Conflict);
    }
    let staged = upload.map_or(0, |upload| upload.staged);
    match staged.checked_sub(offset) {
        None => Step::Answer(StoreDone::Incomplete { staged }),
        Some(_) if end <= staged => Step::Answer(StoreDone::Uploaded { staged }),
        // Not more than the piece's length, since the piece ends after the staged bytes.
        Some(known) => {
            Step::Append { known: usize::try_from(known).unwrap_or(usize::MAX), staged: end }
        }
    }
}

/// The result that refuses a mail with a large content of this size, unless its upload is whole:
/// the one that stated the same size, or the one without a size that [`NewMailRecord::staged`]
/// names.
pub(super) fn refusal(
    upload: Option<Progress>,
    mail: &NewMailRecord,
    size: ContentSize,
) -> Option<StoreDone> {
    let Some(Progress { size: whole, staged }) = upload else {
        return Some(StoreDone::Incomplete { staged: 0 });
    };
    let is_named = match whole {
        UploadSize::Stated(stated) => mail.staged.is_none() && stated == size,
        UploadSize::AtMost(_) => mail.staged.is_some(),
    };
    match staged.cmp(&size.get()) {
        _ if !is_named => Some(StoreDone::Conflict),
        Ordering::Greater => Some(StoreDone::Conflict),
        Ordering::Less => Some(StoreDone::Incomplete { staged }),
        Ordering::Equal => None,
    }
}

/// The time from which on a piece that added bytes still reserves the room of its upload's missing
/// bytes. An upload whose last piece came earlier is idle.
pub(super) fn reserved_since(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(UPLOAD_RESERVED_SECONDS * 1000))
}

/// An upload of an account that is about to begin another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnUpload<Name> {
    /// How the store finds it.
    pub(super) name: Name,
    /// When the last piece came that added bytes.
    pub(super) touched: Timestamp,
    pub(super) progress: Progress,
}

/// Number and bytes of an account's uploads. Each counts with its whole size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    uploads: u32,
    bytes: u64,
}

impl UploadLimits {
    /// The uploads of an account that must be forgotten, so that the account may begin another one
    /// of this size: of the idle ones, whose last piece came before `since`, as many as are needed
    /// from the start of `own`, which has all uploads of the account, the one idle longest first.
    /// `None` if the account may not begin another one even then.
    ///
    /// So a person whose uploads were interrupted need not wait a day; uploads that go on never
    /// displace each other.
    pub(super) fn displaced<Name>(
        self,
        mut own: Vec<OwnUpload<Name>>,
        size: UploadSize,
        since: Timestamp,
    ) -> Option<Vec<OwnUpload<Name>>> {
        let mut left = own.iter().fold(Totals::default(), |totals, upload| Totals {
            uploads: totals.uploads.saturating_add(1),
            bytes: totals.bytes.saturating_add(upload.progress.size.bytes()),
        });
        let mut displaced = 0;
        while !self.allow(left, size) {
            let idle = own.get(displaced).filter(|upload| upload.touched < since)?;
            left.uploads = left.uploads.saturating_sub(1);
            left.bytes = left.bytes.saturating_sub(idle.progress.size.bytes());
            displaced += 1;
        }
        own.truncate(displaced);
        Some(own)
    }

    /// Whether an account with these uploads may have another one of this size.
    fn allow(self, account: Totals, size: UploadSize) -> bool {
        account.uploads < self.uploads
            && account.bytes.saturating_add(size.bytes()) <= self.account_bytes
    }

    /// Whether the missing bytes of an upload that has reserved no room have room. `taken` is what
    /// all uploads have and what some of them have reserved.
    ///
    /// Of the uploads that have bytes, the one that got its room last has room whenever it goes on,
    /// since the others cannot have grown without room of their own. So uploads never wait for each
    /// other in a circle.
    pub(super) fn have_room(self, taken: u64, missing: u64) -> bool {
        taken.saturating_add(missing) <= self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: u64) -> UploadSize {
        UploadSize::Stated(bytes.try_into().unwrap())
    }

    fn at_most(bytes: u64) -> UploadSize {
        UploadSize::AtMost(bytes)
    }

    #[test]
    fn a_piece_is_added_where_the_upload_ends_and_nowhere_else() {
        let upload = |staged| Some(Progress { size: size(10), staged });
        let step = |upload, offset, bytes: &[u8]| step(upload, size(10), offset, bytes);
        let answer = Step::Answer;
        assert_eq!(step(None, 0, b"abc"), Step::Append { known: 0, staged: 3 });
        assert_eq!(step(upload(3), 3, b"abc"), Step::Append { known: 0, staged: 6 });
        assert_eq!(step(upload(3), 1, b"abc"), Step::Append { known: 2, staged: 4 });
        assert_eq!(step(upload(3), 0, b"abc"), answer(StoreDone::Uploaded { staged: 3 }));
        assert_eq!(step(upload(3), 4, b"abc"), answer(StoreDone::Incomplete { staged: 3 }));
        assert_eq!(step(upload(3), 4, b""), answer(StoreDone::Incomplete { staged: 3 }));
        assert_eq!(step(None, 1, b"abc"), answer(StoreDone::Incomplete { staged: 0 }));
        assert_eq!(step(None, 0, b""), answer(StoreDone::Uploaded { staged: 0 }));
        assert_eq!(step(upload(3), 8, b"abc"), answer(StoreDone::Conflict));
        assert_eq!(step(upload(3), u64::MAX, b"abc"), answer(StoreDone::Conflict));
    }

    #[test]
    fn an_upload_without_a_size_is_another_than_one_with_a_size() {
        let conflict = Step::Answer(StoreDone::Conflict);
        let upload = |size| Some(Progress { size, staged: 3 });
        let appended = Step::Append { known: 0, staged: 6 };
        assert_eq!(step(upload(at_most(10)), at_most(10), 3, b"abc"), appended);
        // The limit at the upload's beginning stands.
        assert_eq!(step(upload(at_most(10)), at_most(5), 3, b"abc"), appended);
        assert_eq!(step(upload(at_most(5)), at_most(10), 3, b"abc"), conflict);
        assert_eq!(step(None, at_most(2), 0, b"abc"), conflict);
        assert_eq!(step(upload(at_most(10)), size(10), 3, b"abc"), conflict);
        assert_eq!(step(upload(size(10)), at_most(10), 3, b"abc"), conflict);
    }

    #[test]
    fn each_limit_is_exact() {
        let limits = UploadLimits { uploads: 2, account_bytes: 20, bytes: 100, content: 20 };
        let totals = |uploads, bytes| Totals { uploads, bytes };
        assert!(limits.allow(totals(1, 10), size(10)));
        assert!(!limits.allow(totals(2, 10), size(10)));
        assert!(!limits.allow(totals(1, 11), size(10)));
        assert!(limits.have_room(90, 10));
        assert!(!limits.have_room(91, 10));
    }

    #[test]
    fn no_more_uploads_are_displaced_than_are_needed() {
        let limits = UploadLimits { uploads: 3, account_bytes: 20, bytes: 100, content: 20 };
        let own = |uploads: &[(u64, u64)]| {
            let numbered = uploads.iter().enumerate().map(|(name, (touched, bytes))| OwnUpload {
                name,
                touched: Timestamp(*touched),
                progress: Progress { size: size(*bytes), staged: 1 },
            });
            numbered.collect::<Vec<_>>()
        };
        let displaced = |uploads: &[(u64, u64)], bytes| {
            let displaced = limits.displaced(own(uploads), size(bytes), Timestamp(5));
            displaced.map(|displaced| displaced.into_iter().map(|it| it.name).collect::<Vec<_>>())
        };
        assert_eq!(displaced(&[], 20), Some(vec![]));
        assert_eq!(displaced(&[], 21), None);
        assert_eq!(displaced(&[(1, 10), (2, 5)], 5), Some(vec![]));
        assert_eq!(displaced(&[(1, 10), (2, 5)], 6), Some(vec![0]));
        assert_eq!(displaced(&[(1, 10), (2, 5)], 16), Some(vec![0, 1]));
        assert_eq!(displaced(&[(1, 1), (2, 1), (3, 1)], 1), Some(vec![0]));
        assert_eq!(displaced(&[(1, 1), (4, 1), (5, 1)], 19), Some(vec![0, 1]));
        assert_eq!(displaced(&[(1, 1), (4, 1), (5, 1)], 20), None);
        assert_eq!(displaced(&[(5, 1), (5, 1), (5, 1)], 1), None);
    }
}
