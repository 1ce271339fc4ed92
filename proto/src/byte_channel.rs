//! The byte half of one end of a connection, without the socket: buffers, and TLS below them.
//!
//! Bytes come in from a source and wait in the input until a dialogue consumes them; the dialogue
//! appends bytes to the output, which is written to a sink. The channel does not interpret the
//! bytes: [`crate::frame_channel`] adds correio's messages.

use std::io::{self, Read, Write};

use crate::{
    buffer::{CHUNK, InputBuffer, OutputBuffer, SpareBuffers},
    fingerprint::Fingerprint,
    tls::{Security, Spoken, Tls, TlsError},
    wrong_protocol::WrongProtocol,
};

/// See the module's description.
#[derive(Debug)]
pub struct ByteChannel {
    input: InputBuffer,
    output: OutputBuffer,
    /// Most buffered input, in bytes; at least one chunk.
    input_max: usize,
    state: State,
    tls: Option<Box<Tls>>,
}

/// State of the incoming stream.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Bytes are read.
    Open,
    /// No further bytes can be read, and the dialogue has not taken the error yet. Bytes from
    /// before the error are consumed first.
    Failed(ByteError),
    /// Nothing more can be read.
    Lost,
}

/// Why no further bytes can be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ByteError {
    /// The peer speaks another protocol in place of TLS.
    #[error("the peer speaks {}", .0.name())]
    WrongProtocol(WrongProtocol),
    /// The peer speaks neither TLS nor a known protocol.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why TLS cannot begin on a channel that is in use.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StartTlsError {
    /// The input had bytes: the peer, or an attacker on the network path, sent them without
    /// protection, and they must never be taken for protected input (CVE-2011-0411).
    #[error("{bytes} bytes of plaintext came after the command that begins TLS")]
    LeftOver {
        /// Number of bytes, which were discarded.
        bytes: usize,
    },
    /// The output has bytes that were not written without TLS yet.
    #[error("output is pending")]
    Unwritten,
    /// The channel has TLS, or can read nothing more.
    #[error("the channel is not open without TLS")]
    NotPlaintext,
    /// The configuration cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ByteChannel {
    /// A channel that buffers at most `input_max` bytes of input, or 16 KiB if that is more.
    #[must_use]
    pub fn new(security: &Security, input_max: usize) -> Self {
        // An unusable configuration is reported as any other failure of TLS.
        let (tls, state) = match Tls::new(security) {
            Ok(tls) => (tls, State::Open),
            Err(error) => (None, State::Failed(error.into())),
        };
        Self {
            input: InputBuffer::default(),
            output: OutputBuffer::default(),
            input_max: input_max.max(CHUNK),
            state,
            tls: tls.map(Box::new),
        }
    }

    /// Sets the most buffered input from now on, in bytes; less than 16 KiB counts as 16 KiB.
    pub fn set_input_max(&mut self, bytes: usize) {
        self.input_max = bytes.max(CHUNK);
    }

    /// Begins TLS on a channel that has none, for STARTTLS and STLS. All bytes that are read and
    /// written from now on are TLS's. With [`Security::Plaintext`] nothing changes.
    ///
    /// # Errors
    ///
    /// See [`StartTlsError`]. Input that was left over is discarded and nothing more can be read:
    /// the caller must close the connection. After the other errors the channel is as before.
    pub fn start_tls(&mut self, security: &Security) -> Result<(), StartTlsError> {
        if self.tls.is_some() || self.state != State::Open {
            return Err(StartTlsError::NotPlaintext);
        }
        if !self.output.bytes().is_empty() {
            return Err(StartTlsError::Unwritten);
        }
        match self.input.len() {
            0 => {}
            bytes => {
                self.discard_input();
                return Err(StartTlsError::LeftOver { bytes });
            }
        }
        self.tls = Tls::new(security)?.map(Box::new);
        Ok(())
    }

    /// Received bytes that were not consumed yet.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        self.input.bytes()
    }

    /// Removes this many bytes, or all if there are fewer, from the start of the input.
    pub fn consume(&mut self, count: usize) {
        self.input.consume(count);
    }

    /// The vector at whose end output is appended. Its present bytes may be partly written already:
    /// they must stay as they are.
    pub fn output(&mut self) -> &mut Vec<u8> {
        self.output.tail()
    }

    /// The input and [`ByteChannel::output`] at once, for a dialogue that reads one and appends to
    /// the other.
    pub fn halves(&mut self) -> (&[u8], &mut Vec<u8>) {
        (self.input.bytes(), self.output.tail())
    }

    /// Takes the pending error of an unreadable stream, once. Call it after the input was consumed
    /// as far as possible.
    pub fn take_failure(&mut self) -> Option<ByteError> {
        match std::mem::replace(&mut self.state, State::Lost) {
            State::Failed(error) => Some(error),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Whether [`ByteChannel::take_failure`] has an error.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Whether nothing more can be read, and there is no error to take.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Ends the reading: the dialogue cannot interpret further input.
    pub fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// Discards the buffered input. Nothing more can be read.
    pub fn discard_input(&mut self) {
        self.input.consume(usize::MAX);
        self.lose();
    }

    /// Reads once from `source`. `Ok(0)` means the end of the stream, or that the input is full;
    /// see [`ByteChannel::has_room`]. With TLS the count is of encrypted bytes.
    ///
    /// # Errors
    ///
    /// The errors of `source`, including `WouldBlock` and `Interrupted`.
    pub fn read_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        if self.tls.is_some() {
            return self.read_tls(source);
        }
        let count = source.read(self.input.room(self.input_max))?;
        self.input.filled(count);
        Ok(count)
    }

    fn read_tls(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let is_over = self.state != State::Open;
        let has_room = self.has_room();
        let Some(tls) = self.tls.as_mut().filter(|tls| has_room && !tls.peer_has_closed()) else {
            return Ok(0);
        };
        let mut encrypted = [0; CHUNK];
        let count = source.read(&mut encrypted)?;
        if is_over {
            // Discard the input up to its end: closing with unread input would reset the
            // connection, and the peer would lose the last bytes sent to it.
            return Ok(count);
        }
        let taken = match encrypted.get(..count) {
            None | Some([]) => Err(TlsError::Truncated),
            Some(encrypted) => tls.take(encrypted, &mut self.input),
        };
        match taken {
            Ok(Spoken::Tls) => {}
            Ok(Spoken::NotTls(protocol)) => {
                let error = protocol.map_or(ByteError::NotTls, ByteError::WrongProtocol);
                self.state = State::Failed(error);
                // The answer to such a peer goes out without TLS, which it could not read.
                self.tls = None;
            }
            Err(error) => self.state = State::Failed(error.into()),
        }
        Ok(count)
    }

    /// Fingerprint of the certificate with which the peer has identified itself. `None` without
    /// TLS, before the handshake, and for a peer without a certificate.
    #[must_use]
    pub fn peer_fingerprint(&self) -> Option<Fingerprint> {
        self.tls.as_ref()?.peer_fingerprint()
    }

    /// Whether the TLS handshake is under way; always false without TLS.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether [`ByteChannel::read_from`] has room to read into.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.input.len() < self.input_max
    }

    /// Whether the peer has sent TLS's `close_notify`: [`ByteChannel::read_from`] finds the end,
    /// although the socket may stay open.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::Open && self.tls.as_ref().is_some_and(|tls| tls.peer_has_closed())
    }

    /// Whether the stream ended without TLS's `close_notify`.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        matches!(self.state, State::Failed(ByteError::Tls(TlsError::Truncated)))
    }

    /// Sends TLS's `close_notify` after the pending output. Without TLS it does nothing; the caller
    /// shuts the socket down.
    pub fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close();
        }
    }

    /// Writes pending output to `sink`, once.
    ///
    /// # Errors
    ///
    /// The errors of `sink`, including `WouldBlock` and `Interrupted`; `WriteZero` if it takes
    /// nothing.
    pub fn write_to(&mut self, sink: &mut impl Write) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            return tls.write_to(&mut self.output, sink);
        }
        if self.output.bytes().is_empty() {
            return Ok(0);
        }
        match sink.write(self.output.bytes())? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => {
                self.output.wrote(count);
                Ok(count)
            }
        }
    }

    /// Whether [`ByteChannel::write_to`] can write something now. During the TLS handshake output
    /// waits.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        match &self.tls {
            Some(tls) => tls.wants_write(&self.output),
            None => !self.output.bytes().is_empty(),
        }
    }

    /// Pending output in bytes. Bytes that TLS has encrypted but not written, at most 64 KiB, count
    /// as one byte. Once TLS has failed, only its alert is pending.
    #[must_use]
    pub fn pending_output(&self) -> usize {
        match &self.tls {
            Some(tls) => tls.pending_output(&self.output),
            None => self.output.bytes().len(),
        }
    }

    /// Buffered input in bytes that was not consumed yet.
    #[must_use]
    pub fn pending_input(&self) -> usize {
        self.input.len()
    }

    /// Borrows missing buffers. Call it before using the channel.
    pub fn attach(&mut self, spare: &mut SpareBuffers) {
        self.input.attach(spare);
        self.output.attach(spare);
    }

    /// Returns empty buffers, after the channel was used. Each remaining buffer takes at most 16
    /// KiB, or twice its content.
    pub fn detach(&mut self, spare: &mut SpareBuffers) {
        // In reverse order of borrowing, so that each buffer gets its own kind again and the room
        // to read into is not cleared again.
        self.output.detach(spare);
        self.input.detach(spare);
    }

    /// Capacities of the input's and the output's buffer, in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.input.held(), self.output.held())
    }

    /// The room for a read into an input of at most `max` bytes, in bytes.
    #[cfg(test)]
    pub(crate) fn room(&mut self, max: usize) -> usize {
        self.input.room(max).len()
    }
}
