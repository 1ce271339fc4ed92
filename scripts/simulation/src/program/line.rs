//! A mail program's end of a connection: writes in bursts, and reads lines.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
};

use crate::{pipe::ClientEnd, rng::Rng};

/// Choices for the most bytes that a program writes at once.
const BURSTS: [usize; 4] = [usize::MAX, usize::MAX, 1_000, 200];

/// See the module's description.
#[derive(Debug)]
pub(super) struct ProgramLine {
    end: ClientEnd,
    outgoing: VecDeque<u8>,
    incoming: Vec<u8>,
    burst: usize,
    write_at: u64,
    /// Bytes left to write at which the program breaks the connection.
    break_at: Option<usize>,
}

/// The connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl ProgramLine {
    pub(super) fn new(end: ClientEnd, rng: &mut Rng) -> Self {
        Self {
            end,
            outgoing: VecDeque::new(),
            incoming: Vec::new(),
            burst: rng.pick(&BURSTS).unwrap_or(usize::MAX),
            write_at: 0,
            break_at: None,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
    }

    /// Breaks the connection when only this many bytes are left to write.
    pub(super) fn break_at(&mut self, left: usize) {
        self.break_at = Some(left);
    }

    /// Time of the next write or read, if one is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        if self.end.0.borrow().client_edge {
            return Some(0);
        }
        (!self.outgoing.is_empty() || self.break_at.is_some()).then_some(self.write_at)
    }

    /// Writes and reads as much as the connection permits now.
    pub(super) fn pump(&mut self, now: u64, rng: &mut Rng) -> Result<(), Lost> {
        self.end.0.borrow_mut().client_edge = false;
        if now >= self.write_at {
            self.write_at = now + rng.within(1..=20);
            self.write()?;
        }
        let mut room = [0; 4096];
        loop {
            match self.end.read(&mut room) {
                Ok(0) => return Err(Lost),
                Ok(count) => {
                    self.incoming.extend_from_slice(room.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Lost),
            }
        }
    }

    fn write(&mut self) -> Result<(), Lost> {
        let mut left = self.burst;
        while left > 0 && !self.outgoing.is_empty() {
            let (bytes, _) = self.outgoing.as_slices();
            let bytes = bytes.get(..left.min(bytes.len())).unwrap_or_default();
            match self.end.write(bytes) {
                Ok(count) => {
                    self.outgoing.drain(..count);
                    left -= count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(Lost),
            }
        }
        match self.break_at {
            Some(left) if self.outgoing.len() <= left => Err(Lost),
            _ => Ok(()),
        }
    }

    /// The next line without its end, if it has arrived.
    pub(super) fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.incoming.windows(2).position(|pair| pair == b"\r\n")?;
        let mut line: Vec<u8> = self.incoming.drain(..end + 2).collect();
        line.truncate(end);
        Some(line)
    }
}
