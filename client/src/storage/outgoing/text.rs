//! A content as text that is written piece by piece.

use std::{cell::Cell, fmt, io};

use correio_proto::limits;

use super::{content::OutgoingContent, error::ContentError, pieces::ContentPieces};

/// Shows a content, of which a piece at a time is in memory. If the content cannot be read or was
/// changed, the text is not whole, and [`ContentText::finish`] returns the error: a `Display` must
/// not fail.
pub(crate) struct ContentText<'a> {
    content: &'a OutgoingContent,
    failed: Cell<Option<ContentError>>,
}

impl<'a> ContentText<'a> {
    pub(crate) fn new(content: &'a OutgoingContent) -> Self {
        Self { content, failed: Cell::new(None) }
    }

    /// Returns an error unless the whole content was shown.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.failed.into_inner() {
            None => Ok(()),
            Some(ContentError::Io { source, .. }) => Err(source),
            Some(error) => Err(io::Error::other(error)),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> Result<fmt::Result, ContentError> {
        let mut pieces = ContentPieces::open(self.content)?;
        let mut bytes = Vec::new();
        let mut left = self.content.size();
        while left > 0 {
            let piece = pieces.next(limits::PIECE_MAX)?;
            left = left.saturating_sub(piece.as_bytes().len() as u64);
            bytes.extend_from_slice(piece.as_bytes());
            let end = match std::str::from_utf8(&bytes) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default());
            if f.write_str(text.unwrap_or_default()).is_err() {
                return Ok(Err(fmt::Error));
            }
            bytes.drain(..end);
        }
        pieces.compare()?;
        Ok(Ok(()))
    }
}

impl fmt::Display for ContentText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f).unwrap_or_else(|error| {
            self.failed.set(Some(error));
            Ok(())
        })
    }
}
