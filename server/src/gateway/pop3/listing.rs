//! Replies of many short lines, which are sent in chunks.

use std::io::Write;

use super::maildrop::Maildrop;

/// Bytes after which a chunk ends.
const CHUNK_MAX: usize = 64 * 1024 - 128;

/// Places of the mailbox after which a part ends. Mails that are marked as deleted have no line,
/// and a part that passes over all of a large mailbox would hold up other connections.
const PLACES_MAX: u32 = 2048;

/// What a line has after the mail's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListingKind {
    /// The mail's octets.
    Octets,
    /// The mail's unique id.
    UniqueIds,
}

/// A listing that is being sent.
#[derive(Debug)]
pub(super) struct Listing {
    kind: ListingKind,
    /// Place of the next mail to send.
    place: u32,
}

/// Whether a reply is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to send.
    Partial,
    /// The reply is complete.
    Complete,
}

impl Listing {
    /// A listing of which no line was sent.
    pub(super) fn new(kind: ListingKind) -> Self {
        Self { kind, place: 0 }
    }

    /// Appends the next chunk: at most 64 KiB.
    pub(super) fn send(&mut self, maildrop: &Maildrop, output: &mut Vec<u8>) -> Progress {
        let start = output.len();
        let end = self.place.saturating_add(PLACES_MAX).min(maildrop.len());
        for (number, listed) in maildrop.iter(self.place..end) {
            if output.len().saturating_sub(start) > CHUNK_MAX {
                return Progress::Partial;
            }
            // Writing to a vector cannot fail.
            let _ = match self.kind {
                ListingKind::Octets => write!(output, "{} {}\r\n", number.0, listed.octets),
                ListingKind::UniqueIds => write!(output, "{} {}\r\n", number.0, listed.unique_id()),
            };
            self.place = number.0;
        }
        self.place = end;
        if end < maildrop.len() {
            return Progress::Partial;
        }
        output.extend_from_slice(b".\r\n");
        Progress::Complete
    }
}
