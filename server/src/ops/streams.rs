//! Standard input and output, and files, as a command's source and sink. A signal ends the wait for
//! a slow other end.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Stdin, Stdout, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
};

use crate::cancel::Cancel;

/// How long a wait lasts until the next look at [`Cancel`], in nanoseconds.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes that a pipe takes at once if it is ready at all (`PIPE_BUF` of Linux).
const PIPE_BYTES: usize = 4096;

/// Standard input, or a file.
#[derive(Debug)]
pub(super) struct Input<'a, F = Stdin> {
    file: F,
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
        Self { file: io::stdin(), cancel }
    }
}

impl<'a> Input<'a, File> {
    /// Opens a file to read from. A pipe without a writer is waited for when it is read.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub(super) fn open(path: &Path, cancel: &'a Cancel) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK.bits().try_into().map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        Ok(Self { file, cancel })
    }
}

impl<'a> Output<'a> {
    /// Writes to standard output.
    pub(super) fn new(cancel: &'a Cancel) -> Self {
        Self { stdout: io::stdout(), cancel }
    }
}

impl<F: AsFd> Read for Input<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            wait_for(&self.file, PollFlags::IN, self.cancel)?;
            // Not through std's buffer, which may have bytes while the wait sees none.
            match rustix::io::read(&self.file, &mut *buffer) {
                Err(Errno::INTR | Errno::AGAIN) => {}
                read => return Ok(read?),
            }
        }
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

/// Says something beside a result, which standard output has alone.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "correiod: {text}");
}

/// Writes all bytes to standard output. A signal ends the wait for an other end that takes none,
/// and nothing else: what a command has to say after a signal is said.
pub(super) fn print(bytes: &[u8], cancel: &Cancel) -> io::Result<()> {
    let stdout = io::stdout();
    let mut rest = bytes;
    while !rest.is_empty() {
        match poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&WAIT)) {
            Ok(0) | Err(Errno::INTR) if cancel.is_asked() => return Err(stopped()),
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let first = rest.get(..rest.len().min(PIPE_BYTES)).unwrap_or_default();
        match rustix::io::write(&stdout, first) {
            Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn stopped() -> io::Error {
    io::Error::other("stopped by a signal")
}

/// Waits until a file is ready, or its other end is closed.
fn wait_for(file: &impl AsFd, ready: PollFlags, cancel: &Cancel) -> io::Result<()> {
    loop {
        if cancel.is_asked() {
            return Err(stopped());
        }
        match poll(&mut [PollFd::new(file, ready)], Some(&WAIT)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
