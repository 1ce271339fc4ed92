//! A transport that gives and takes a few bytes at a time.

use std::io::{self, Read, Write};

/// Cuts bytes into pieces of given lengths, used in rotation.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    lengths: Vec<usize>,
    next: usize,
}

impl Pieces {
    pub(crate) fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let lengths: Vec<usize> = lengths.into_iter().filter(|length| *length > 0).collect();
        Self { lengths, next: 0 }
    }

    /// The length of the next piece of `left` bytes.
    pub(crate) fn length(&mut self, of: usize) -> usize {
        let length = self.lengths.get(self.next).copied().unwrap_or(of);
        self.next = (self.next + 1) % self.lengths.len().max(1);
        length.min(of)
    }
}

/// A source that gives one piece a read.
pub(crate) struct Source<'a, 'b> {
    pub(crate) bytes: &'a [u8],
    pub(crate) pieces: &'b mut Pieces,
}

impl Read for Source<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.pieces.length(self.bytes.len().min(room.len()));
        let (given, rest) = self.bytes.split_at(count);
        room[..count].copy_from_slice(given);
        self.bytes = rest;
        Ok(count)
    }
}

/// A sink that takes one piece every other write, and is full in between.
pub(crate) struct Sink<'a> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: &'a mut Pieces,
    pub(crate) is_full: bool,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full = !self.is_full;
        if self.is_full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.pieces.length(bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
