//! Wakes a prompt that polls the terminal.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

/// A pair of sockets: the prompt polls the first, signals write to the second.
pub(super) struct Waker {
    polled: UnixStream,
    written: UnixStream,
}

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        let (polled, written) = UnixStream::pair()?;
        polled.set_nonblocking(true)?;
        written.set_nonblocking(true)?;
        Ok(Self { polled, written })
    }

    /// The end to poll: readable after [`Self::wake`], until [`Self::drain`].
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.polled.as_fd()
    }

    pub(super) fn wake(&self) {
        // A full buffer wakes as well.
        let _ = (&self.written).write(&[0]);
    }

    pub(super) fn drain(&self) {
        let mut bytes = [0; 64];
        while (&self.polled).read(&mut bytes).is_ok_and(|read| read > 0) {}
    }
}
