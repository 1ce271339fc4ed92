//! Standard input and output as a command's source and sink. A signal ends the wait for a slow
//! other end.

use std::{
    io::{self, Read, Stdin, Stdout, Write},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::cancel::Cancel;

/// How long a wait lasts until the next look at [`Cancel`], in nanoseconds.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes that a pipe takes at once if it is ready at all (`PIPE_BUF` of Linux).
const PIPE_BYTES: usize = 4096;

/// Standard input.
#[derive(Debug)]
pub(super) struct Input<'a> {
    stdin: Stdin,
    cancel: &'a Cancel,
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Output<'a> {
    stdout: Stdout,
    cancel: &'a Cancel,
}

impl<'a> Input<'a> {
    /// Reads from standard input.
    pub(super) fn new(cancel: &'a Cancel) -> Self {
        Self { stdin: io::stdin(), cancel }
    }
}

impl<'a> Output<'a> {
    /// Writes to standard output.
    pub(super) fn new(cancel: &'a Cancel) -> Self {
        Self { stdout: io::stdout(), cancel }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait_for(&self.stdin, PollFlags::IN, self.cancel)?;
        self.stdin.read(buffer)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        wait_for(&self.stdout, PollFlags::OUT, self.cancel)?;
        // Not through std's buffer, which would keep bytes that the pipe did not take.
        let first = bytes.get(..bytes.len().min(PIPE_BYTES)).unwrap_or_default();
        Ok(rustix::io::write(&self.stdout, first)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until a file is ready, or its other end is closed.
fn wait_for(file: &impl AsFd, ready: PollFlags, cancel: &Cancel) -> io::Result<()> {
    loop {
        if cancel.is_asked() {
            return Err(io::Error::other("stopped by a signal"));
        }
        match poll(&mut [PollFd::new(file, ready)], Some(&WAIT)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
