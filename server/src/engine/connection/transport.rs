//! The transport of a connection, and its readiness.

use std::io::{self, Read, Write};

/// A non-blocking byte stream: a socket, or a pipe in memory.
pub trait Transport: Read + Write {
    /// Closes the sending side. Output already written still arrives.
    fn shutdown_write(&mut self);

    /// Whether a read of `count` bytes into a buffer of `room` bytes has emptied the transport, so
    /// that later input (except the end) is reported as new readiness. Saves a read that would find
    /// nothing; `false` is always correct.
    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        let _ = (count, room);
        false
    }
}

/// The readiness that was reported for a transport.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    /// There is input, or the end of it.
    pub readable: bool,
    /// Output can be written.
    pub writable: bool,
    /// The client has closed its side; the end follows after the input. Reported once.
    pub ended: bool,
}

/// Reads from a transport and records whether the read has emptied it.
pub(super) struct Reader<'a, T> {
    transport: &'a mut T,
    /// Whether the last read has emptied the transport.
    pub(super) emptied: bool,
}

impl<'a, T: Transport> Reader<'a, T> {
    /// A reader of this transport.
    pub(super) fn new(transport: &'a mut T) -> Self {
        Self { transport, emptied: false }
    }
}

impl<T: Transport> Read for Reader<'_, T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.transport.read(room)?;
        self.emptied = count > 0 && self.transport.is_emptied_by(count, room.len());
        Ok(count)
    }
}
