//! TLS between the bytes of a socket and those of the frames, for [`crate::channel`] alone.
//!
//! What comes out of rustls is moved on at once, so that nothing waits where a caller that looks
//! at the socket only would forget it.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection,
    pki_types::ServerName,
};

use crate::{
    buffer::{CHUNK, InputBuffer, OutputBuffer},
    wrong_protocol::WrongProtocol,
};

/// The protocol's name inside TLS (RFC 7301), so that what is meant for another service is
/// refused before a byte of it is read.
pub const ALPN: &[u8] = b"correio";

/// Bytes that tell TLS from anything else.
const HEAD: usize = 4;

/// How a channel is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all.
    Plaintext,
    /// TLS, at the server's end.
    Server(Arc<ServerConfig>),
    /// TLS, at the client's end, with the name that the server must have a certificate for.
    Client(Arc<ClientConfig>, ServerName<'static>),
}

/// Why there is no TLS with the peer, or not any more.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The peer, or what it presented, is not acceptable to this side or the reverse.
    #[error("{0}")]
    Refused(#[from] rustls::Error),
    /// The connection ended without the peer's saying so: what came last may be cut off.
    #[error("the connection was cut off: it ended without TLS's own goodbye")]
    Truncated,
}

/// What the peer speaks, as far as its first bytes show.
pub(crate) enum Spoken {
    /// TLS, or too few bytes to tell.
    Tls,
    /// Something else, where it is known.
    NotTls(Option<WrongProtocol>),
}

/// One end of a TLS connection.
#[derive(Debug)]
pub(crate) struct Tls {
    connection: Connection,
    /// The first bytes, until there are enough to tell TLS from something else. `None` after.
    head: Option<Vec<u8>>,
    closing: Closing,
    peer_closed: bool,
    /// Whether one side has refused the other. Nothing goes out any more but the alert that says so.
    refused: bool,
}

/// How far this side's goodbye is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    /// As soon as everything else has gone out.
    Wanted,
    Said,
}

impl Tls {
    /// `None` for plaintext.
    pub(crate) fn new(security: &Security) -> Result<Option<Self>, TlsError> {
        let mut connection = match security {
            Security::Plaintext => return Ok(None),
            Security::Server(config) => {
                Connection::Server(ServerConnection::new(Arc::clone(config))?)
            }
            Security::Client(config, name) => {
                Connection::Client(ClientConnection::new(Arc::clone(config), name.clone())?)
            }
        };
        // As much as is encrypted before it is written.
        connection.set_buffer_limit(Some(4 * CHUNK));
        Ok(Some(Self {
            connection,
            head: Some(Vec::new()),
            closing: Closing::No,
            peer_closed: false,
            refused: false,
        }))
    }

    /// Whether the handshake is not over yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer has said that nothing more comes.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.peer_closed
    }

    /// Takes bytes from the socket; what they say goes to `input`, all of it.
    ///
    /// # Errors
    ///
    /// The connection is over. An alert that tells the peer why may wait to be written.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        input: &mut InputBuffer,
    ) -> Result<Spoken, TlsError> {
        let Some(mut head) = self.head.take() else {
            self.decrypt(bytes, input)?;
            return Ok(Spoken::Tls);
        };
        head.extend_from_slice(bytes);
        if head.len() < HEAD {
            self.head = Some(head);
            return Ok(Spoken::Tls);
        }
        match WrongProtocol::detect(&head) {
            Some(WrongProtocol::Tls) => self.decrypt(&head, input).map(|()| Spoken::Tls),
            // The first two bytes of a length that a frame can have at this point.
            None if head.starts_with(&[0, 0]) => Ok(Spoken::NotTls(Some(WrongProtocol::Plaintext))),
            other => Ok(Spoken::NotTls(other)),
        }
    }

    fn decrypt(&mut self, mut bytes: &[u8], input: &mut InputBuffer) -> Result<(), TlsError> {
        while !bytes.is_empty() && !self.peer_closed {
            // It fails only where plaintext waits, and none does.
            if self.connection.read_tls(&mut bytes).unwrap_or(0) == 0 {
                break;
            }
            let state = self.connection.process_new_packets();
            self.drain(input);
            self.refused |= state.is_err();
            self.peer_closed |= state?.peer_has_closed();
        }
        Ok(())
    }

    fn drain(&mut self, input: &mut InputBuffer) {
        loop {
            let room = input.room(input.len() + CHUNK);
            match self.connection.reader().read(room) {
                Ok(count @ 1..) => input.filled(count),
                // There is no more for now, or for ever.
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Asks for the goodbye behind everything that is to go out.
    pub(crate) fn close(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Wanted;
        }
    }

    /// Whether [`Tls::write_to`] has something for the socket.
    pub(crate) fn wants_write(&self, output: &OutputBuffer) -> bool {
        self.connection.wants_write()
            || self.takes_output()
                && (!output.bytes().is_empty() || self.closing == Closing::Wanted)
    }

    /// Whether something can be encrypted: not before TLS is agreed upon, and not once it has failed.
    fn takes_output(&self) -> bool {
        !self.is_handshaking() && !self.refused
    }

    /// Writes once, encrypting what is to go out when nothing encrypted waits.
    pub(crate) fn write_to(
        &mut self,
        output: &mut OutputBuffer,
        sink: &mut impl Write,
    ) -> io::Result<usize> {
        if !self.connection.wants_write() && self.takes_output() {
            if !output.bytes().is_empty() {
                let count = self.connection.writer().write(output.bytes())?;
                output.wrote(count);
            } else if self.closing == Closing::Wanted {
                self.connection.send_close_notify();
                self.closing = Closing::Said;
            }
        }
        if !self.connection.wants_write() {
            return Ok(0);
        }
        match self.connection.write_tls(sink)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => Ok(count),
        }
    }

    /// Bytes that are to go out. What is encrypted already counts as one, as far as that is known;
    /// what can never be written counts as none.
    pub(crate) fn pending_output(&self, output: &OutputBuffer) -> usize {
        let goodbye = self.closing == Closing::Wanted && self.takes_output();
        let encrypted = usize::from(self.connection.wants_write() || goodbye);
        if self.refused { encrypted } else { output.bytes().len() + encrypted }
    }
}
