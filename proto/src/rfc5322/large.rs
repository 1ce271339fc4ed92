//! A large content in the file of its mail: encoded and decoded piece by piece.
//!
//! A text is in base64: the encoding must be chosen before the text is known, and base64 also holds
//! the bytes of a text that is not UTF-8. A message is in the file as it is, or with exchanged line
//! ends; the start of the message decides which.

use std::io::{self, BufRead, Read};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    encoding::LINE_MAX,
    line_ends::{LineEndCopier, LineEnds},
    message_fields::write_message_fields,
};
use crate::mail::{ContentHasher, ContentKind, LargeContent};

/// Bytes of a content in one line of its file.
const LINE_BYTES: usize = LINE_MAX / 4 * 3;

/// Bytes of a message that decide about its line ends: more than the head of any usual message.
const START_MAX: usize = 64 * 1024;

/// A large content as the head of a file states it, for [`ContentReader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeInFile {
    /// The content's kind, size and digest.
    pub content: LargeContent,
    pub(super) line_ends: LineEnds,
}

/// Encodes a large content for the file of its mail, after what [`super::write`] has written.
#[derive(Debug)]
pub struct ContentEncoder {
    state: Encoding,
}

#[derive(Debug)]
enum Encoding {
    /// A text, with the bytes of the line that is not complete: fewer than [`LINE_BYTES`].
    Text { line: Vec<u8> },
    /// A message of this size, of which only the start has come: at most [`START_MAX`] bytes. The
    /// last fields before the message are not written.
    Start { size: u64, start: Vec<u8> },
    /// A message whose start is written.
    Message(LineEndCopier),
}

impl ContentEncoder {
    /// An encoder at the start of this content.
    #[must_use]
    pub fn new(content: LargeContent) -> Self {
        let state = match content.kind {
            ContentKind::Text {} => Encoding::Text { line: Vec::new() },
            ContentKind::Message {} => {
                Encoding::Start { size: content.size.get(), start: Vec::new() }
            }
        };
        Self { state }
    }

    /// Appends what this piece completes: of a text, whole lines; of a message, nothing until its
    /// line ends are known, and then all bytes but a CR at the piece's end.
    pub fn encode(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        match &mut self.state {
            Encoding::Text { line } => encode_lines(line, piece, output),
            Encoding::Message(copier) => copier.copy(piece, output),
            Encoding::Start { size, start } => {
                let missing = START_MAX - start.len();
                let (first, rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
                start.extend_from_slice(first);
                if start.len() == START_MAX {
                    let mut copier = begin_message(*size, start, output);
                    copier.copy(rest, output);
                    self.state = Encoding::Message(copier);
                }
            }
        }
    }

    /// Appends the rest after the content's last piece.
    pub fn finish(self, output: &mut Vec<u8>) {
        match self.state {
            Encoding::Text { line } if line.is_empty() => {}
            Encoding::Text { line } => encode_line(&line, output),
            Encoding::Message(mut copier) => copier.finish(output),
            Encoding::Start { size, start } => {
                begin_message(size, &start, output).finish(output);
            }
        }
    }
}

/// Appends the last fields before a message, and its start.
fn begin_message(size: u64, start: &[u8], output: &mut Vec<u8>) -> LineEndCopier {
    let line_ends = LineEnds::of(start);
    write_message_fields(line_ends, size, output);
    let mut copier = LineEndCopier::new(line_ends);
    copier.copy(start, output);
    copier
}

/// Appends the whole lines that a piece completes. `line` holds the bytes of the incomplete line.
fn encode_lines(line: &mut Vec<u8>, piece: &[u8], output: &mut Vec<u8>) {
    output.reserve(piece.len() / LINE_BYTES * (LINE_MAX + 1) + LINE_MAX + 1);
    let missing = if line.is_empty() { 0 } else { LINE_BYTES - line.len() };
    let (first, rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
    line.extend_from_slice(first);
    if line.len() == LINE_BYTES {
        encode_line(line, output);
        line.clear();
    }
    let lines = rest.chunks_exact(LINE_BYTES);
    line.extend_from_slice(lines.remainder());
    lines.for_each(|whole| encode_line(whole, output));
}

fn encode_line(line: &[u8], output: &mut Vec<u8>) {
    let mut encoded = [0; LINE_MAX];
    let length = STANDARD.encode_slice(line, &mut encoded).unwrap_or_default();
    output.extend_from_slice(encoded.get(..length).unwrap_or_default());
    output.push(b'\n');
}

/// Reads a large content from the file of its mail, after [`super::read_head`].
///
/// At the content's end, the reader compares size and digest with the stated ones: reading a
/// content that was changed fails with [`io::ErrorKind::InvalidData`].
#[derive(Debug)]
pub struct ContentReader<R> {
    file: R,
    stated: LargeContent,
    hasher: ContentHasher,
    /// Bytes that were decoded so far.
    size: u64,
    /// Characters of base64 that do not make bytes yet: at most three.
    encoded: Vec<u8>,
    copier: LineEndCopier,
    decoded: Vec<u8>,
    /// Bytes of `decoded` that were read.
    read: usize,
    is_over: bool,
}

impl<R: BufRead> ContentReader<R> {
    /// Reads the content that a head states from the rest of the file.
    pub fn new(file: R, large: LargeInFile) -> Self {
        let LargeInFile { content: stated, line_ends } = large;
        let (encoded, decoded) = Default::default();
        let (hasher, copier) = (ContentHasher::new(), LineEndCopier::new(line_ends));
        Self { file, stated, hasher, size: 0, encoded, copier, decoded, read: 0, is_over: false }
    }

    /// Decodes the bytes in the file's buffer. Must not be called after the file's end.
    fn decode_next(&mut self) -> io::Result<()> {
        let buffer = self.file.fill_buf()?;
        let length = buffer.len();
        self.is_over = length == 0;
        self.decoded.clear();
        self.read = 0;
        match self.stated.kind {
            ContentKind::Message {} if self.is_over => self.copier.finish(&mut self.decoded),
            ContentKind::Message {} => self.copier.copy(buffer, &mut self.decoded),
            ContentKind::Text {} => {
                self.encoded.extend(buffer.iter().filter(|byte| !byte.is_ascii_whitespace()));
                let whole = self.encoded.len() / 4 * 4;
                let decodable = self.encoded.get(..whole).unwrap_or_default();
                STANDARD.decode_vec(decodable, &mut self.decoded).map_err(|_| damaged())?;
                self.encoded.drain(..whole);
            }
        }
        self.file.consume(length);
        self.hasher.update(&self.decoded);
        self.size += self.decoded.len() as u64;
        let is_whole = || {
            self.encoded.is_empty()
                && self.size == self.stated.size.get()
                && self.hasher.clone().finish() == self.stated.sha256
        };
        if self.size > self.stated.size.get() || (self.is_over && !is_whole()) {
            return Err(damaged());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ContentReader<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.read == self.decoded.len() {
            if self.is_over || room.is_empty() {
                return Ok(0);
            }
            self.decode_next()?;
        }
        let mut left = self.decoded.get(self.read..).unwrap_or_default();
        let count = left.read(room)?;
        self.read += count;
        Ok(count)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its content is not what the sender sent")
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn stated(content: &[u8]) -> LargeContent {
        let kind = ContentKind::Text {};
        let mut hasher = ContentHasher::new();
        hasher.update(content);
        let size = u64::try_from(content.len()).unwrap().try_into().unwrap();
        LargeContent { kind, size, sha256: hasher.finish() }
    }

    fn read(file: &[u8], stated: LargeContent, buffer: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let file = BufReader::with_capacity(buffer, file);
        let large = LargeInFile { content: stated, line_ends: LineEnds::Kept };
        ContentReader::new(file, large).read_to_end(&mut content).map(|_| content)
    }

    proptest! {
        #[test]
        fn contents_come_back_whatever_the_pieces(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..9),
            buffer in 1..100_usize,
        ) {
            let content = pieces.concat();
            prop_assume!(!content.is_empty());
            let (mut encoder, mut file) = (ContentEncoder::new(stated(&content)), Vec::new());
            pieces.iter().for_each(|piece| encoder.encode(piece, &mut file));
            encoder.finish(&mut file);
            prop_assert!(file.is_ascii());
            prop_assert!(file.split(|byte| *byte == b'\n').all(|line| line.len() <= LINE_MAX));
            let stated = stated(&content);
            prop_assert_eq!(read(&file, stated, buffer).unwrap(), content.clone());

            // Another program may end lines with CR LF; any other change is an error.
            let text = String::from_utf8(file.clone()).unwrap();
            let foreign = text.replace('\n', "\r\n");
            prop_assert_eq!(read(foreign.as_bytes(), stated, buffer).unwrap(), content);
            for damaged in [
                text.replacen(|c: char| c.is_ascii_alphanumeric(), "-", 1),
                format!("{text}AAAA\n"),
                text.chars().skip(1).collect(),
                String::new(),
            ] {
                let error = read(damaged.as_bytes(), stated, buffer).unwrap_err();
                prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            }
        }
    }
}
