//! The bytes of a connection, with TLS or without, and their deadlines.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    sync::Arc,
};

use bytes::BytesMut;
use rustls::ClientConnection;

use super::socket::{Awaited, Breaker, Socket};
use crate::store::postgres::{deadline::Deadline, error::QueryError};

/// A socket with what was read from it.
#[derive(Debug)]
pub(super) struct Transport {
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    /// Bytes that have arrived and are not taken.
    pub(super) input: BytesMut,
    /// Room for one read.
    scratch: Box<[u8]>,
}

/// Why bytes do not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TransportError {
    /// The deadline has passed.
    Deadline,
    /// The connection has ended.
    Ended(Arc<str>),
    /// The server's certificate is not trusted.
    Certificate(Arc<str>),
}

/// Bytes of one read.
const READ: usize = 64 << 10;

/// Bytes that may arrive while statements are sent, at most: more than the results of an exchange
/// may have.
const INPUT_MAX: usize = 320 << 20;

impl Transport {
    pub(super) fn new(socket: Socket) -> Self {
        let scratch = vec![0; READ].into_boxed_slice();
        Self { socket, tls: None, input: BytesMut::new(), scratch }
    }

    /// Puts TLS on the connection. The handshake happens with the first bytes.
    pub(super) fn begin_tls(&mut self, tls: ClientConnection) {
        self.tls = Some(Box::new(tls));
    }

    pub(super) fn tls(&self) -> Option<&ClientConnection> {
        self.tls.as_deref()
    }

    /// Finishes the TLS handshake.
    pub(super) fn shake_hands(&mut self, deadline: Deadline) -> Result<(), TransportError> {
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            self.flush_tls(deadline)?;
            if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
                self.await_and_read(deadline)?;
            }
        }
        self.flush_tls(deadline)
    }

    /// Sends bytes. Bytes that arrive meanwhile are read, since a server that cannot send its
    /// answers stops reading.
    pub(super) fn send(
        &mut self,
        mut bytes: &[u8],
        deadline: Deadline,
    ) -> Result<(), TransportError> {
        while !bytes.is_empty() {
            let sent = match &mut self.tls {
                Some(tls) => tls.writer().write(bytes),
                None => self.socket.write(bytes),
            };
            match sent {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) => self.await_room(&error, deadline)?,
            }
            self.flush_tls(deadline)?;
        }
        Ok(())
    }

    fn flush_tls(&mut self, deadline: Deadline) -> Result<(), TransportError> {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            if let Err(error) = tls.write_tls(&mut self.socket) {
                self.await_room(&error, deadline)?;
            }
        }
        Ok(())
    }

    /// Waits after a write that failed with this error, if it was for lack of room.
    fn await_room(&mut self, error: &io::Error, deadline: Deadline) -> Result<(), TransportError> {
        match error.kind() {
            ErrorKind::Interrupted => return Ok(()),
            ErrorKind::WouldBlock => {}
            _ => {
                self.read_rest();
                return Err(ended(error));
            }
        }
        if self.input.len() > INPUT_MAX {
            return Err(ended("it answers with more than 320 MiB"));
        }
        self.wait(Awaited::ReadableOrWritable, deadline)?;
        self.read_available()
    }

    fn wait(&self, awaited: Awaited, deadline: Deadline) -> Result<(), TransportError> {
        match self.socket.wait(awaited, deadline) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TransportError::Deadline),
            Err(error) => Err(ended(&error)),
        }
    }

    /// Reads until there are more bytes in `input`. Nothing is lost if the deadline passes.
    pub(super) fn receive(&mut self, deadline: Deadline) -> Result<(), TransportError> {
        let before = self.input.len();
        loop {
            self.read_available()?;
            if self.input.len() > before {
                return Ok(());
            }
            self.wait(Awaited::Readable, deadline)?;
        }
    }

    fn await_and_read(&mut self, deadline: Deadline) -> Result<(), TransportError> {
        self.wait(Awaited::Readable, deadline)?;
        self.read_available()
    }

    /// Reads what arrived before the end: the server may have said why.
    fn read_rest(&mut self) {
        let mut before = self.input.len();
        while self.read_available().is_ok() && self.input.len() > before {
            before = self.input.len();
        }
    }

    /// Reads at most one buffer of the bytes that are there. The end is an error, after all bytes
    /// before it were read.
    fn read_available(&mut self) -> Result<(), TransportError> {
        let Some(tls) = &mut self.tls else {
            return match self.socket.read(&mut self.scratch) {
                Ok(0) => Err(closed()),
                Ok(read) => {
                    self.input.extend_from_slice(self.scratch.get(..read).unwrap_or_default());
                    Ok(())
                }
                Err(error) if is_passing(&error) => Ok(()),
                Err(error) => Err(ended(&error)),
            };
        };
        match tls.read_tls(&mut self.socket) {
            Ok(_) => {}
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(ended(&error)),
        }
        if let Err(error) = tls.process_new_packets() {
            // The server is told why, if it still listens.
            let _ = tls.write_tls(&mut self.socket);
            return Err(match error {
                rustls::Error::InvalidCertificate(_) => {
                    TransportError::Certificate(error.to_string().into())
                }
                _ => ended(&error),
            });
        }
        let before = self.input.len();
        loop {
            match tls.reader().read(&mut self.scratch) {
                Ok(0) if self.input.len() == before => return Err(closed()),
                Ok(0) => return Ok(()),
                Ok(read) => {
                    self.input.extend_from_slice(self.scratch.get(..read).unwrap_or_default());
                }
                Err(error) if is_passing(&error) => return Ok(()),
                Err(_) if self.input.len() > before => return Ok(()),
                Err(error) => return Err(ended(&error)),
            }
        }
    }

    /// A handle with which another thread ends the connection.
    ///
    /// # Errors
    ///
    /// There is no file descriptor for it.
    pub(super) fn breaker(&self) -> io::Result<Breaker> {
        self.socket.breaker()
    }

    /// Ends the connection at once.
    pub(super) fn shut_down(&self) {
        self.socket.shut_down();
    }

    /// Sends bytes if there is room for them at once: a farewell.
    pub(super) fn send_at_once(&mut self, bytes: &[u8]) {
        let _ = match &mut self.tls {
            Some(tls) => {
                let written = tls.writer().write(bytes).map(drop);
                tls.send_close_notify();
                written.and_then(|()| tls.write_tls(&mut self.socket).map(drop))
            }
            None => self.socket.write(bytes).map(drop),
        };
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn ended(error: &(impl std::fmt::Display + ?Sized)) -> TransportError {
    TransportError::Ended(error.to_string().into())
}

fn closed() -> TransportError {
    TransportError::Ended("the database closed it".into())
}

impl From<TransportError> for QueryError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Deadline => {
                Self::Reconnect("the database did not answer in time".into())
            }
            TransportError::Ended(reason) | TransportError::Certificate(reason) => {
                Self::Reconnect(format!("the connection to the database broke: {reason}").into())
            }
        }
    }
}
