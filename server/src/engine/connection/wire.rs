//! The byte half of a connection: transport, buffers and TLS. It knows nothing of what the bytes
//! mean.

use std::io::{self, Read};

use correio_proto::{byte_channel::ByteChannel, tls::Security};

use super::{
    close_reason::CloseReason,
    proxy_header::{Origin, PROXY_HEADER_MAX, ProxyHeader, ProxyHeaderError},
    transport::{Reader, Readiness, Transport},
};

/// See the module's description.
#[derive(Debug)]
pub(super) struct Wire<T> {
    transport: T,
    /// Buffers and TLS.
    pub(super) channel: ByteChannel,
    ready: Readiness,
    /// The header of a trusted proxy, until it is complete.
    header: Option<ProxyHeader>,
    moved: Moved,
}

/// Bytes that a transport has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// From the client.
    pub(super) received: u64,
    /// To the client.
    pub(super) sent: u64,
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// There may be more input, now or later.
    Open,
    /// The header of the proxy is complete.
    Origin(Origin),
    /// The client has closed its side.
    End,
}

impl<T: Transport> Wire<T> {
    /// A wire that has carried nothing yet, and buffers at most `input_max` bytes of input.
    pub(super) fn new(transport: T, security: &Security, input_max: usize) -> Self {
        Self {
            transport,
            channel: ByteChannel::new(security, input_max),
            // A new socket can be written to, and may have input from the first packet.
            ready: Readiness { readable: true, writable: true, ended: false },
            header: None,
            moved: Moved::default(),
        }
    }

    /// Takes a PROXY header before all other bytes.
    pub(super) fn owe_proxy_header(&mut self) {
        self.header = Some(ProxyHeader::default());
    }

    /// Whether the header of a proxy is expected and not complete.
    pub(super) fn awaits_header(&self) -> bool {
        self.header.is_some()
    }

    /// The transport.
    pub(super) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Bytes sent since [`Wire::take_moved`].
    pub(super) fn sent(&self) -> u64 {
        self.moved.sent
    }

    /// Takes the number of bytes since the last call.
    pub(super) fn take_moved(&mut self) -> Moved {
        std::mem::take(&mut self.moved)
    }

    /// Records reported readiness of the transport.
    pub(super) fn note(&mut self, ready: Readiness) {
        self.ready.readable |= ready.readable;
        self.ready.writable |= ready.writable;
        self.ready.ended |= ready.ended;
    }

    /// Whether a read may find something.
    pub(super) fn is_readable(&self) -> bool {
        self.ready.readable
    }

    /// Reads once: into the header of a proxy until that is complete, then into the channel.
    pub(super) fn receive(&mut self) -> Result<Received, CloseReason> {
        if self.header.is_some() {
            return self.receive_header();
        }
        let mut reader = Reader::new(&mut self.transport);
        let read = self.channel.read_from(&mut reader);
        let is_emptied = reader.emptied;
        self.received(read, is_emptied)
    }

    /// Reads no byte after the header: those are the channel's.
    fn receive_header(&mut self) -> Result<Received, CloseReason> {
        let mut buffer = [0; PROXY_HEADER_MAX];
        let missing = self.header.as_ref().map_or(0, ProxyHeader::missing);
        let mut reader = Reader::new(&mut self.transport);
        let read = reader.read(buffer.get_mut(..missing).unwrap_or_default());
        let is_emptied = reader.emptied;
        let count = read.as_ref().copied().unwrap_or(0);
        let refused = CloseReason::ProxyHeader;
        match self.received(read, is_emptied)? {
            Received::End => return Err(refused(ProxyHeaderError::Cut)),
            Received::Open | Received::Origin(_) => {}
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        let Some(origin) = self.header.as_mut().map(|header| header.handle_bytes(bytes)) else {
            return Ok(Received::Open);
        };
        match origin.map_err(refused)? {
            None => Ok(Received::Open),
            Some(origin) => {
                self.header = None;
                Ok(Received::Origin(origin))
            }
        }
    }

    /// Reads once and drops the input.
    pub(super) fn skip(&mut self) -> Result<Received, CloseReason> {
        let mut reader = Reader::new(&mut self.transport);
        let read = reader.read(&mut [0; 4096]);
        let is_emptied = reader.emptied;
        self.received(read, is_emptied)
    }

    fn received(
        &mut self,
        read: io::Result<usize>,
        is_emptied: bool,
    ) -> Result<Received, CloseReason> {
        if is_emptied && !self.ready.ended {
            self.ready.readable = false;
        }
        match read {
            Ok(0) => Ok(Received::End),
            Ok(count) => {
                self.moved.received += count as u64;
                Ok(Received::Open)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready.readable = false;
                Ok(Received::Open)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Received::Open),
            Err(_) => Err(CloseReason::Broken),
        }
    }

    /// Writes pending output, as much as the transport takes.
    pub(super) fn flush(&mut self) -> Result<(), CloseReason> {
        while self.ready.writable && self.channel.wants_write() {
            match self.channel.write_to(&mut self.transport) {
                Ok(count) => self.moved.sent += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready.writable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(CloseReason::Broken),
            }
        }
        Ok(())
    }

    /// Tells the client that no more output follows.
    pub(super) fn shut_down(&mut self) {
        self.transport.shutdown_write();
    }

    /// Frees the channel's buffers. The wire must not be used for input or output any more.
    pub(super) fn empty(&mut self) {
        self.channel = ByteChannel::new(&Security::Plaintext, 0);
    }
}
