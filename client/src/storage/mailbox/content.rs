//! The content of a mail in the mailbox: as bytes, and as the text that is shown.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
};

use correio_proto::{
    limits,
    mail::{Body, ContentKind, Message},
    rfc5322::ContentReader,
};

/// Bytes that are read of a file at once.
pub(super) const BUFFER: usize = 64 * 1024;

/// Most bytes of memory that are reserved before a content is read.
const RESERVED_MAX: usize = limits::CONTENT_MAX as usize;

/// Reads the bytes of a mail's content. A body or message is in memory, of a large content only a
/// buffer. A large content whose file was changed ends with [`io::ErrorKind::InvalidData`].
#[derive(Debug)]
pub struct MailContent {
    pub(super) source: Source,
    /// Bytes of the content, as the file states them.
    pub(super) size: u64,
    pub(super) kind: ContentKind,
}

impl MailContent {
    /// What the bytes are.
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        self.kind
    }

    /// Number of the bytes, as the file states it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

#[derive(Debug)]
pub(super) enum Source {
    Body(Cursor<Body>),
    Message(Cursor<Message>),
    Large(Box<ContentReader<BufReader<File>>>),
}

impl Read for MailContent {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Body(body) => read_on(body, |body| body.as_str().as_bytes(), room),
            Source::Message(message) => read_on(message, Message::as_bytes, room),
            Source::Large(reader) => reader.read(room),
        }
    }
}

/// Reads from bytes in memory, which `of` gives.
fn read_on<T>(
    source: &mut Cursor<T>,
    of: impl Fn(&T) -> &[u8],
    room: &mut [u8],
) -> io::Result<usize> {
    let at = usize::try_from(source.position()).unwrap_or(usize::MAX);
    let count = of(source.get_ref()).get(at..).unwrap_or_default().read(room)?;
    source.set_position(source.position() + count as u64);
    Ok(count)
}

/// The text of a mail, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// What the text is: that of the mail, or the source of a message, its head included.
    pub kind: ContentKind,
    /// The text. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub text: String,
    /// Whether bytes were replaced.
    pub is_replaced: bool,
}

impl MailText {
    /// Reads a content to its end.
    pub(super) fn read(content: &mut MailContent) -> io::Result<Self> {
        // The file may state a size that it does not have.
        let expected = usize::try_from(content.size).unwrap_or(0).min(RESERVED_MAX);
        let (kind, text) = (content.kind, String::with_capacity(expected));
        let mut text = Self { kind, text, is_replaced: false };
        let mut pending = Vec::new();
        while content.take(BUFFER as u64).read_to_end(&mut pending)? > 0 {
            text.decode(&mut pending);
        }
        text.finish(&pending);
        Ok(text)
    }

    /// Appends bytes as text, and keeps the beginning of a character that has not ended.
    fn decode(&mut self, bytes: &mut Vec<u8>) {
        let mut kept = 0;
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text.push_str(chunk.valid());
            if chunks.peek().is_none() {
                kept = chunk.invalid().len();
            } else {
                self.replace();
            }
        }
        bytes.drain(..bytes.len() - kept);
    }

    /// Ends the text. A character that has not ended is replaced.
    fn finish(&mut self, pending: &[u8]) {
        if !pending.is_empty() {
            self.replace();
        }
    }

    fn replace(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.is_replaced = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_the_same_whatever_the_pieces(
            bytes in proptest::collection::vec(
                prop_oneof![
                    Just("é".as_bytes().to_vec()),
                    Just("\u{1f600}".as_bytes().to_vec()),
                    proptest::collection::vec(any::<u8>(), 1..4),
                ],
                0..20,
            ),
            length in 1..5_usize,
        ) {
            let bytes = bytes.concat();
            let (kind, text) = (ContentKind::Text {}, String::new());
            let mut text = MailText { kind, text, is_replaced: false };
            let mut pending = Vec::new();
            for piece in bytes.chunks(length) {
                pending.extend_from_slice(piece);
                text.decode(&mut pending);
                prop_assert!(pending.len() < 4);
            }
            text.finish(&pending);
            prop_assert_eq!(&text.text, &*String::from_utf8_lossy(&bytes));
            prop_assert_eq!(text.is_replaced, std::str::from_utf8(&bytes).is_err());
        }
    }
}
