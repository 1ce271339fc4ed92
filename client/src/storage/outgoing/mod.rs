//! A mail that is to be sent, and its content: a text in memory or in a file on this computer.
//!
//! A content is read as often as needed: once to measure it, and once or more to send it. A file is
//! in memory a piece at a time.

mod error;
mod measure;
mod pieces;
mod text;

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use correio_proto::{
    limits,
    mail::{Body, ContentSize, Field, Invalid, LargeContent, MailId, Problem, Recipients, Subject},
};

use crate::files::durable;
use measure::{Measure, Measured};

pub use error::ContentError;
pub(crate) use pieces::ContentPieces;
pub(crate) use text::ContentText;

/// A mail that is to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// Made once and kept with the mail: sending the same mail again with the same id gives the
    /// same answer, and goes on with an upload that was interrupted.
    pub id: MailId,
    /// The recipients.
    pub to: Recipients,
    /// The subject.
    pub subject: Subject,
    /// The content.
    pub content: OutgoingContent,
}

/// The content of a mail that is to be sent: Unicode text that is not blank, of at most
/// [`limits::CONTENT_MAX`] bytes (a server may allow less). Clones are cheap.
#[derive(Clone, Debug)]
pub struct OutgoingContent {
    source: Source,
    measured: Measured,
}

/// Where the bytes of a content are.
#[derive(Clone, Debug)]
enum Source {
    Memory(Arc<str>),
    File(Arc<Path>),
}

impl OutgoingContent {
    /// A text in memory.
    ///
    /// # Errors
    ///
    /// The text is blank or too long.
    pub fn text(text: &str) -> Result<Self, Invalid> {
        Self::check(text)?;
        let mut measure = Measure::default();
        // It is text, and within the limits, so that nothing is refused.
        let _ = measure.take(text.as_bytes());
        let measured = measure.finish().map_err(|_| invalid(Problem::Empty))?;
        Ok(Self { source: Source::Memory(text.into()), measured })
    }

    /// The text of a file, which is read to its end now and again when it is sent. It must not be
    /// changed until then.
    ///
    /// # Errors
    ///
    /// See [`ContentError`].
    pub fn file(path: &Path) -> Result<Self, ContentError> {
        let failed = |source| ContentError::Io { path: path.to_owned(), source };
        let mut file = durable::open_file(path).map_err(failed)?;
        let mut measure = Measure::default();
        let mut buffer = vec![0; limits::PIECE_MAX];
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            let read = buffer.get(..count).unwrap_or_default();
            if read.is_empty() {
                break;
            }
            measure.take(read)?;
        }
        Ok(Self { source: Source::File(path.into()), measured: measure.finish()? })
    }

    /// The error for a content above [`limits::CONTENT_MAX`].
    #[must_use]
    pub fn too_long() -> Invalid {
        // The largest content is far below 4 GiB.
        invalid(Problem::TooLong(usize::try_from(limits::CONTENT_MAX).unwrap_or(usize::MAX)))
    }

    /// Whether a text can be a content, without taking it.
    ///
    /// # Errors
    ///
    /// The text is blank or too long.
    pub fn check(text: &str) -> Result<(), Invalid> {
        if text.len() as u64 > limits::CONTENT_MAX {
            return Err(Self::too_long());
        }
        if text.trim().is_empty() {
            return Err(invalid(Problem::Empty));
        }
        Ok(())
    }

    /// Bytes of the content.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.measured.size.get()
    }

    /// The file that has the content.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Memory(_) => None,
            Source::File(path) => Some(path.to_path_buf()),
        }
    }

    /// The whole text, in memory.
    ///
    /// # Errors
    ///
    /// [`ContentError::Io`], and [`ContentError::Changed`] if the file is not what it was.
    pub fn read(&self) -> Result<String, ContentError> {
        let path = match &self.source {
            Source::Memory(text) => return Ok(text.as_ref().to_owned()),
            Source::File(path) => path,
        };
        let changed = || ContentError::Changed { path: path.to_path_buf() };
        let mut pieces = ContentPieces::open(self)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.size()).unwrap_or_default());
        while (bytes.len() as u64) < self.size() {
            bytes.extend_from_slice(pieces.next(limits::PIECE_MAX)?.as_bytes());
        }
        pieces.compare()?;
        String::from_utf8(bytes).map_err(|_| changed())
    }

    /// The content as a body of a message.
    ///
    /// # Errors
    ///
    /// As [`OutgoingContent::read`]; [`ContentError::Invalid`] above [`limits::BODY_MAX`].
    pub(crate) fn body(&self) -> Result<Body, ContentError> {
        match &self.source {
            Source::Memory(text) => text.parse().map_err(ContentError::Invalid),
            Source::File(_) => self.read()?.parse().map_err(ContentError::Invalid),
        }
    }

    /// The content as a mail states it.
    pub(crate) fn stated(&self) -> LargeContent {
        LargeContent { size: self.measured.size, sha256: self.measured.sha256 }
    }
}

fn invalid(problem: Problem) -> Invalid {
    Invalid { field: Field::Body, problem }
}

/// The size of a content that has at least one byte and is within the limits.
fn size(bytes: u64) -> Result<ContentSize, Invalid> {
    bytes.try_into().map_err(|error: Invalid| Invalid { field: Field::Body, ..error })
}

#[cfg(test)]
mod tests;
