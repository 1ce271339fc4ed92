//! What a connection runs over, and what is known of its readiness.

use std::io::{self, Read, Write};

/// What a connection runs over: a socket, or a pipe in memory.
pub trait Transport: Read + Write {
    /// Says that nothing more will be written. What is on its way still arrives.
    fn shutdown_write(&mut self);

    /// Whether a read of `count` bytes into room for `room` has emptied the transport, so that
    /// whatever comes later, but the end, is reported anew. It saves the read that would find
    /// nothing; `false` is always right.
    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        let _ = (count, room);
        false
    }
}

/// What a transport was reported to be ready for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    /// There is something to read, or the end.
    pub readable: bool,
    /// Something can be written.
    pub writable: bool,
    /// The end is there, behind what can be read. It is reported once.
    pub ended: bool,
}

/// Reads from a transport and notes whether that has emptied it.
pub(super) struct Reader<'a, T> {
    transport: &'a mut T,
    /// Whether the last read has.
    pub(super) emptied: bool,
}

impl<'a, T: Transport> Reader<'a, T> {
    /// A reader that has read nothing yet.
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
