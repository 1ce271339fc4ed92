//! Reads a message line by line. A line that is longer than the buffer comes in pieces.

use std::io::{self, BufRead, Read};

/// Most bytes of a line that are read at once. RFC 5322 allows lines of 998 bytes.
const PIECE_MAX: usize = 16 * 1024;

/// The lines of a message.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// Whether the next piece starts a line.
    starts: bool,
}

/// A line with its end, or a piece of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The bytes, line end included.
    pub(super) bytes: &'a [u8],
    /// Whether the line starts here.
    pub(super) starts: bool,
}

impl<'a> Line<'a> {
    /// Whether the first line of a message is of its head: empty, a name and a colon, or an mbox's
    /// `From `.
    pub(super) fn starts_head(self) -> bool {
        let (line, _) = self.split_end();
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_name = name.len() < line.len() && name.iter().all(u8::is_ascii_graphic);
        line.is_empty() || is_name || line.starts_with(b"From ")
    }

    /// The bytes before the line's end, and the end: LF, CR LF, or nothing.
    pub(super) fn split_end(self) -> (&'a [u8], &'a [u8]) {
        let end = match self.bytes {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        self.bytes.split_at_checked(self.bytes.len() - end).unwrap_or((self.bytes, &[]))
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), starts: true }
    }

    /// Reads the next line, or the next piece of a long one. False at the message's end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.starts = self.buffer.is_empty() || self.buffer.ends_with(b"\n");
        self.buffer.clear();
        let mut limited = (&mut self.source).take(PIECE_MAX as u64);
        limited.read_until(b'\n', &mut self.buffer)?;
        if self.buffer.len() == PIECE_MAX && self.buffer.ends_with(b"\r") {
            // A line end stays in one piece.
            (&mut self.source).take(1).read_until(b'\n', &mut self.buffer)?;
        }
        Ok(!self.buffer.is_empty())
    }

    /// The line that was read last.
    pub(super) fn line(&self) -> Line<'_> {
        Line { bytes: &self.buffer, starts: self.starts }
    }
}
