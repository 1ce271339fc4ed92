//! TLS between a socket's bytes and the frames. Only [`crate::byte_channel`] uses it.
//!
//! Decrypted bytes are moved out of rustls at once: a caller that polls only the socket would miss
//! bytes that wait inside.

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
    fingerprint::Fingerprint,
    wrong_protocol::WrongProtocol,
};

/// The protocol's ALPN name (RFC 7301). TLS refuses a client of another service before a byte of it
/// is read.
pub const ALPN: &[u8] = b"correio";

/// Number of bytes by which TLS is recognised.
const HEAD: usize = 4;

/// Protection of a channel.
#[derive(Clone, Debug)]
pub enum Security {
    /// No protection.
    Plaintext,
    /// TLS, at the server's end.
    Server(Arc<ServerConfig>),
    /// TLS, at the client's end, with the name that the server must have a certificate for.
    Client(Arc<ClientConfig>, ServerName<'static>),
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// One side refused the other, or its certificate.
    #[error("{0}")]
    Refused(#[from] rustls::Error),
    /// The connection ended without `close_notify`: the last bytes may be missing.
    #[error("the connection was cut off: it ended without TLS's close_notify")]
    Truncated,
}

/// The peer's protocol, by its first bytes.
pub(crate) enum Spoken {
    /// TLS, or too few bytes to tell.
    Tls,
    /// Another protocol; `None` if it is unknown.
    NotTls(Option<WrongProtocol>),
}

/// One end of a TLS connection.
#[derive(Debug)]
pub(crate) struct Tls {
    connection: Connection,
    /// The first bytes, until they suffice to recognise TLS; then `None`.
    head: Option<Vec<u8>>,
    closing: Closing,
    peer_closed: bool,
    /// Whether one side has refused the other. Then only the alert still goes out.
    refused: bool,
}

/// Progress of this side's `close_notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    /// `close_notify` is to be sent after all other output.
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
        // Bounds the bytes that are encrypted but not written.
        connection.set_buffer_limit(Some(4 * CHUNK));
        Ok(Some(Self {
            connection,
            head: Some(Vec::new()),
            closing: Closing::No,
            peer_closed: false,
            refused: false,
        }))
    }

    /// Whether the handshake is under way.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Fingerprint of the certificate that the peer has presented; `None` if it has presented none,
    /// or not yet.
    pub(crate) fn peer_fingerprint(&self) -> Option<Fingerprint> {
        let certificate = self.connection.peer_certificates()?.first()?;
        Some(Fingerprint::of(certificate))
    }

    /// Whether the peer has sent `close_notify`.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.peer_closed
    }

    /// Decrypts bytes from the socket and appends all plaintext to `input`.
    ///
    /// # Errors
    ///
    /// The connection is over. An alert with the reason may wait to be written.
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
            // The first two bytes of any length that a frame can have before a login.
            None if head.starts_with(&[0, 0]) => Ok(Spoken::NotTls(Some(WrongProtocol::Plaintext))),
            other => Ok(Spoken::NotTls(other)),
        }
    }

    fn decrypt(&mut self, mut bytes: &[u8], input: &mut InputBuffer) -> Result<(), TlsError> {
        while !bytes.is_empty() && !self.peer_closed {
            // Fails only while plaintext waits, and `drain` has taken all of it.
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
                // No more plaintext, for now or for ever.
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Requests `close_notify` after all pending output.
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

    /// Whether output can be encrypted: after the handshake, and unless TLS has failed.
    fn takes_output(&self) -> bool {
        !self.is_handshaking() && !self.refused
    }

    /// Writes once. Encrypts further output only when no encrypted bytes wait.
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

    /// Pending output in bytes. All encrypted bytes count as one, since rustls does not tell their
    /// number; output that can never be written counts as zero.
    pub(crate) fn pending_output(&self, output: &OutputBuffer) -> usize {
        let goodbye = self.closing == Closing::Wanted && self.takes_output();
        let encrypted = usize::from(self.connection.wants_write() || goodbye);
        if self.refused { encrypted } else { output.bytes().len() + encrypted }
    }
}
