//! Measures a content in one pass: its size, its digest, and whether it is text.

use correio_proto::{
    limits,
    mail::{ContentHasher, ContentKind, ContentSize, Field, Invalid, LargeContent, Problem},
};

use super::error::ContentError;

/// A content that is being measured.
#[derive(Debug)]
pub(super) struct Measure {
    kind: ContentKind,
    hasher: ContentHasher,
    size: u64,
    /// The line that is being read, from 1.
    line: usize,
    is_blank: bool,
    /// The beginning of a character that has not ended: at most three bytes.
    pending: Vec<u8>,
}

impl Measure {
    /// A measurement at the start of a content of this kind. A message may have any bytes.
    pub(super) fn new(kind: ContentKind) -> Self {
        let (hasher, pending) = Default::default();
        Self { kind, hasher, size: 0, line: 1, is_blank: true, pending }
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        self.size += bytes.len() as u64;
        if self.size > limits::CONTENT_MAX {
            return Err(too_long().into());
        }
        self.hasher.update(bytes);
        if let ContentKind::Message {} = self.kind {
            return Ok(());
        }
        let mut rest = bytes;
        while let (false, Some((byte, after))) = (self.pending.is_empty(), rest.split_first()) {
            self.pending.push(*byte);
            rest = after;
            let pending = std::mem::take(&mut self.pending);
            self.pending = self.read(&pending)?.to_vec();
        }
        let begun = self.read(rest)?;
        self.pending.extend_from_slice(begun);
        Ok(())
    }

    /// Reads text, and returns the beginning of the character that has not ended.
    fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ContentError> {
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (text, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                let text = std::str::from_utf8(text).unwrap_or_default();
                if error.error_len().is_some() {
                    self.count(text);
                    return Err(ContentError::NotText { line: self.line });
                }
                (text, rest)
            }
        };
        self.count(text);
        Ok(rest)
    }

    fn count(&mut self, text: &str) {
        self.line += text.bytes().filter(|byte| *byte == b'\n').count();
        self.is_blank = self.is_blank && text.trim().is_empty();
    }

    /// Ends the measurement, and returns what a mail states of the content.
    pub(super) fn finish(self) -> Result<LargeContent, ContentError> {
        if !self.pending.is_empty() {
            return Err(ContentError::NotText { line: self.line });
        }
        if self.is_blank && self.kind == (ContentKind::Text {}) {
            return Err(invalid(Problem::Empty).into());
        }
        let (kind, size) = (self.kind, size(self.size)?);
        Ok(LargeContent { kind, size, sha256: self.hasher.finish() })
    }
}

/// The error of a content.
pub(super) fn invalid(problem: Problem) -> Invalid {
    Invalid { field: Field::Body, problem }
}

/// The error of a content that is too long.
pub(super) fn too_long() -> Invalid {
    // The largest content is far below 4 GiB.
    invalid(Problem::TooLong(usize::try_from(limits::CONTENT_MAX).unwrap_or(usize::MAX)))
}

/// The size of a content that has at least one byte and is within the limits.
fn size(bytes: u64) -> Result<ContentSize, Invalid> {
    bytes.try_into().map_err(|error: Invalid| Invalid { field: Field::Body, ..error })
}
