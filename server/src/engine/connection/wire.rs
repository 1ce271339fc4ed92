//! The byte half of a connection: transport, TLS and frames. It knows nothing of sessions.

use std::io::{self, Read};

use correio_proto::{channel::Channel, limits, tls::Security};

use super::{
    close_reason::CloseReason,
    proxy_header::{Origin, PROXY_HEADER_MAX, ProxyHeader, ProxyHeaderError},
    transport::{Reader, Readiness, Transport},
};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Wire<T> {
    transport: T,
    /// Buffers, TLS and frames.
    pub(super) channel: Channel,
    ready: Readiness,
    /// The header of a trusted proxy, until it is complete.
    header: Option<ProxyHeader>,
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
    /// A wire that has carried nothing yet.
    pub(crate) fn new(transport: T, security: &Security) -> Self {
        Self {
            transport,
            channel: Channel::new(security, limits::FRAME_BEFORE_LOGIN_MAX),
            // A new socket can be written to, and may have input from the first packet.
            ready: Readiness { readable: true, writable: true, ended: false },
            header: None,
        }
    }

    /// Takes a PROXY header before all other bytes.
    pub(crate) fn behind_proxy(mut self) -> Self {
        self.header = Some(ProxyHeader::default());
        self
    }

    /// Whether the header of a proxy is expected and not complete.
    pub(super) fn awaits_header(&self) -> bool {
        self.header.is_some()
    }

    /// The transport.
    pub(super) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
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
            Ok(_) => Ok(Received::Open),
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
                Ok(_) => {}
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
        self.channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
    }
}
