//! The content of a mail that is to be sent.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use correio_proto::{
    limits,
    mail::{ContentKind, Invalid, LargeContent, MailId, Problem, Recipients, Subject},
};

use super::{
    error::ContentError,
    measure::{self, Measure, invalid},
};
use crate::files::durable;

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

/// The content of a mail that is to be sent: Unicode text that is not blank, or an RFC 5322
/// message, of at most [`limits::CONTENT_MAX`] bytes (a server may allow less). Clones are cheap.
#[derive(Clone, Debug)]
pub struct OutgoingContent {
    pub(super) source: Source,
    pub(super) measured: LargeContent,
}

/// Where the bytes of a content are.
#[derive(Clone, Debug)]
pub(super) enum Source {
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
        let mut measure = Measure::new(ContentKind::Text {});
        // A `str` within the limit is never refused.
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
        Self::measure(path, ContentKind::Text {})
    }

    /// The RFC 5322 message of a file ([`crate::MessageDraft::write`]), which is read as
    /// [`OutgoingContent::file`] reads a text. Its bytes are sent as they are. The server needs the
    /// capability `messages`.
    ///
    /// # Errors
    ///
    /// See [`ContentError`].
    pub fn message(path: &Path) -> Result<Self, ContentError> {
        Self::measure(path, ContentKind::Message {})
    }

    fn measure(path: &Path, kind: ContentKind) -> Result<Self, ContentError> {
        let failed = |source| ContentError::Io { path: path.to_owned(), source };
        let mut file = durable::open_file(path).map_err(failed)?;
        let mut measure = Measure::new(kind);
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
        measure::too_long()
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

    /// The file that has the content, unless the content is in memory.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Memory(_) => None,
            Source::File(path) => Some(path.to_path_buf()),
        }
    }

    /// Whether the content is a text or a message.
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        self.measured.kind
    }

    /// The content as a mail states it.
    pub(crate) fn stated(&self) -> LargeContent {
        self.measured
    }
}
