//! Reads a content in pieces, and compares it with the size and digest that were measured before.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use correio_proto::{
    limits,
    mail::{Content, ContentHasher, ContentKind, Message, Piece},
};

use super::{
    content::{OutgoingContent, Source},
    error::ContentError,
};
use crate::files::durable;

/// A content that is being read from its start. All of it is digested, so that a file that was
/// changed since it was measured is noticed, whatever the change is.
#[derive(Debug)]
pub(crate) struct ContentPieces<'a> {
    content: &'a OutgoingContent,
    opened: Opened<'a>,
    hasher: ContentHasher,
    position: u64,
}

#[derive(Debug)]
enum Opened<'a> {
    Memory(&'a str),
    File(&'a Path, File),
}

impl<'a> ContentPieces<'a> {
    /// Opens a content at its start.
    pub(crate) fn open(content: &'a OutgoingContent) -> Result<Self, ContentError> {
        let opened = match &content.source {
            Source::Memory(text) => Opened::Memory(text),
            Source::File(path) => {
                let file = durable::open_file(path);
                Opened::File(path, file.map_err(|source| failed(path, source))?)
            }
        };
        Ok(Self { content, opened, hasher: ContentHasher::new(), position: 0 })
    }

    /// Moves to a position within the content.
    pub(crate) fn seek(&mut self, position: u64) -> Result<(), ContentError> {
        if position < self.position {
            if let Opened::File(path, file) = &mut self.opened {
                file.rewind().map_err(|source| failed(path, source))?;
            }
            (self.hasher, self.position) = (ContentHasher::new(), 0);
        }
        while self.position < position {
            let skipped = usize::try_from(position - self.position).unwrap_or(usize::MAX);
            self.next(skipped.min(limits::PIECE_MAX))?;
        }
        Ok(())
    }

    /// Reads the next piece, of `max` bytes unless the content ends before.
    pub(crate) fn next(&mut self, max: usize) -> Result<Piece, ContentError> {
        let left = usize::try_from(self.content.size() - self.position).unwrap_or(usize::MAX);
        let length = left.min(max).min(limits::PIECE_MAX);
        let piece = match &mut self.opened {
            Opened::Memory(text) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                let rest = text.as_bytes().get(start..).unwrap_or_default();
                rest.get(..length).unwrap_or_default().to_vec()
            }
            Opened::File(path, file) => {
                let mut piece = vec![0; length];
                file.read_exact(&mut piece).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => changed(path),
                    _ => failed(path, error),
                })?;
                piece
            }
        };
        self.hasher.update(&piece);
        self.position += piece.len() as u64;
        Ok(Piece::try_from(piece.as_slice())?)
    }

    /// Reads the rest of the content, and compares size and digest of the whole with those that
    /// were measured.
    pub(crate) fn compare(&mut self) -> Result<(), ContentError> {
        self.seek(self.content.size())?;
        let Opened::File(path, file) = &mut self.opened else {
            return Ok(());
        };
        let more = file.read(&mut [0]).map_err(|source| failed(path, source))?;
        let is_same = self.hasher.clone().finish() == self.content.measured.sha256;
        if more == 0 && is_same { Ok(()) } else { Err(changed(path)) }
    }
}

impl OutgoingContent {
    /// The whole text, in memory.
    ///
    /// # Errors
    ///
    /// [`ContentError::Io`], and [`ContentError::Changed`] if the file is not what it was, or is
    /// not a text.
    pub fn read(&self) -> Result<String, ContentError> {
        let path = match &self.source {
            Source::Memory(text) => return Ok(text.as_ref().to_owned()),
            Source::File(path) => path,
        };
        String::from_utf8(self.bytes()?).map_err(|_| changed(path))
    }

    /// All bytes, in memory.
    fn bytes(&self) -> Result<Vec<u8>, ContentError> {
        let mut pieces = ContentPieces::open(self)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.size()).unwrap_or_default());
        while (bytes.len() as u64) < self.size() {
            bytes.extend_from_slice(pieces.next(limits::PIECE_MAX)?.as_bytes());
        }
        pieces.compare()?;
        Ok(bytes)
    }

    /// The content as one of a request, which has all of it.
    ///
    /// # Errors
    ///
    /// As [`OutgoingContent::read`]; [`ContentError::Invalid`] above [`limits::BODY_MAX`].
    pub(crate) fn inline(&self) -> Result<Content, ContentError> {
        match (self.kind(), &self.source) {
            (ContentKind::Message {}, _) => {
                let message: Message = self.bytes()?.as_slice().try_into()?;
                Ok(message.into())
            }
            (ContentKind::Text {}, Source::Memory(text)) => Ok(text.parse()?),
            (ContentKind::Text {}, Source::File(_)) => Ok(self.read()?.parse()?),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> ContentError {
    ContentError::Io { path: path.to_owned(), source }
}

fn changed(path: &Path) -> ContentError {
    ContentError::Changed { path: path.to_owned() }
}
