//! Replies of many short lines, which are sent in chunks.

use std::io::Write;

use super::maildrop::Maildrop;

/// Bytes after which a chunk ends.
const CHUNK_MAX: usize = 64 * 1024 - 128;

/// What the lines say of each mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListingKind {
    /// Its octets.
    Octets,
    /// Its id.
    UniqueIds,
}

/// A listing that is being sent.
#[derive(Debug)]
pub(super) struct Listing {
    kind: ListingKind,
    /// Place of the next mail.
    place: u32,
}

/// Whether a reply goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to send.
    Partial,
    /// The reply is complete.
    Complete,
}

impl Listing {
    /// A listing of which no mail was sent.
    pub(super) fn new(kind: ListingKind) -> Self {
        Self { kind, place: 0 }
    }

    /// Appends the next chunk: at most 64 KiB.
    pub(super) fn send(&mut self, maildrop: &Maildrop, output: &mut Vec<u8>) -> Progress {
        let start = output.len();
        for (number, listed) in maildrop.iter_from(self.place) {
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
        output.extend_from_slice(b".\r\n");
        Progress::Complete
    }
}
