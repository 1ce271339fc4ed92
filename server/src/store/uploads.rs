//! What a piece does to an upload, and whether there is room for another upload: the rules that all
//! stores share. A store keeps the bytes.

use correio_proto::{
    limits::UPLOAD_RESERVED_SECONDS,
    mail::{ContentSize, Timestamp},
};

use super::{StoreDone, UploadLimits};

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes of the whole content.
    pub(super) size: ContentSize,
    /// Bytes from the content's start that the store has.
    pub(super) staged: u64,
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
pub(super) fn step(upload: Option<Progress>, size: ContentSize, offset: u64, bytes: &[u8]) -> Step {
    let end = offset.saturating_add(bytes.len() as u64);
    if end > size.get() || upload.is_some_and(|upload| upload.size != size) {
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

/// The result that refuses a mail with a large content of this size, unless its upload is whole.
pub(super) fn refusal(upload: Option<Progress>, size: ContentSize) -> Option<StoreDone> {
    match upload {
        None => Some(StoreDone::Incomplete { staged: 0 }),
        Some(upload) if upload.size != size => Some(StoreDone::Conflict),
        Some(Progress { staged, .. }) if staged < size.get() => {
            Some(StoreDone::Incomplete { staged })
        }
        Some(_) => None,
    }
}

/// The time from which on a piece that added bytes still reserves the room of its upload's missing
/// bytes.
pub(super) fn reserved_since(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(UPLOAD_RESERVED_SECONDS * 1000))
}

/// Number and bytes of an account's uploads. Each counts with its whole size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) uploads: u32,
    pub(super) bytes: u64,
}

impl UploadLimits {
    /// Whether an account with these uploads may have another one of this size.
    pub(super) fn allow(self, account: Totals, size: ContentSize) -> bool {
        account.uploads < self.uploads
            && account.bytes.saturating_add(size.get()) <= self.account_bytes
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

    fn size(bytes: u64) -> ContentSize {
        bytes.try_into().unwrap()
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
    fn each_limit_is_exact() {
        let limits = UploadLimits { uploads: 2, account_bytes: 20, bytes: 100 };
        let totals = |uploads, bytes| Totals { uploads, bytes };
        assert!(limits.allow(totals(1, 10), size(10)));
        assert!(!limits.allow(totals(2, 10), size(10)));
        assert!(!limits.allow(totals(1, 11), size(10)));
        assert!(limits.have_room(90, 10));
        assert!(!limits.have_room(91, 10));
    }
}
