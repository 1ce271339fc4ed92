//! A connection in memory between the server and a client of the test.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    rc::Rc,
};

use correio_server::engine::connection::Transport;

/// One direction of a pipe.
#[derive(Debug, Default)]
struct Direction {
    bytes: VecDeque<u8>,
    closed: bool,
}

/// Both directions of a pipe, and what it lets through.
#[derive(Debug)]
struct PipeState {
    to_server: Direction,
    to_client: Direction,
    /// Number of unread bytes at the client's end at which the server's writes block.
    window: usize,
    /// Most bytes that the server reads or writes at a time.
    piece: usize,
}

/// The server's end of a pipe. Its own methods act at the client's end.
#[derive(Clone, Debug)]
pub struct Pipe(Rc<RefCell<PipeState>>);

impl Pipe {
    /// An open pipe at which the server reads or writes at most `piece` bytes at a time.
    #[must_use]
    pub fn new(piece: usize) -> Self {
        let (to_server, to_client) = (Direction::default(), Direction::default());
        Self(Rc::new(RefCell::new(PipeState { to_server, to_client, window: usize::MAX, piece })))
    }

    /// Writes at the client's end.
    pub fn write_at_client(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_server.bytes.extend(bytes);
    }

    /// Takes everything that the server wrote.
    #[must_use]
    pub fn take_at_client(&self) -> Vec<u8> {
        self.0.borrow_mut().to_client.bytes.drain(..).collect()
    }

    /// Closes the client's end: the server reads the end of the stream, and its writes fail.
    pub fn close_at_client(&self) {
        self.0.borrow_mut().to_server.closed = true;
    }

    /// Sets the number of unread bytes at the client's end at which the server's writes block.
    pub fn set_window(&self, bytes: usize) {
        self.0.borrow_mut().window = bytes;
    }

    /// Bytes that the server wrote and the client has not taken.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.0.borrow().to_client.bytes.len()
    }

    /// Bytes that the client wrote and the server has not read.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.0.borrow().to_server.bytes.len()
    }

    /// Whether the server has closed its side.
    #[must_use]
    pub fn is_closed_by_server(&self) -> bool {
        self.0.borrow().to_client.closed
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let PipeState { to_server: direction, piece, .. } = &mut *self.0.borrow_mut();
        match direction.bytes.len().min(buffer.len()).min(*piece) {
            0 if direction.closed || buffer.is_empty() => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                for (to, from) in buffer.iter_mut().zip(direction.bytes.drain(..count)) {
                    *to = from;
                }
                Ok(count)
            }
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wires = &mut *self.0.borrow_mut();
        if wires.to_server.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = wires.window.saturating_sub(wires.to_client.bytes.len());
        match room.min(bytes.len()).min(wires.piece) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                wires.to_client.bytes.extend(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Pipe {
    fn shutdown_write(&mut self) {
        self.0.borrow_mut().to_client.closed = true;
    }
}
