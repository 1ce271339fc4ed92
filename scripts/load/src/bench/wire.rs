//! A non-blocking connection that sends and receives frames, with TLS or without.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use anyhow::{Context, Result, bail};
use correio_proto::{frame, limits, tls::Security};
use mio::{Interest, Registry, Token, net::TcpStream};
use rustls::ClientConnection;
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes read at a time.
pub const SCRATCH: usize = 64 * 1024;

/// Connections per source address: far fewer than an address has ports, most of which may still be
/// in TIME_WAIT after an earlier run.
const PER_ADDRESS: usize = 2_000;

/// See the module's description.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    input: Vec<u8>,
    taken: usize,
    output: Vec<u8>,
    written: usize,
}

impl Wire {
    /// Starts to connect; `index` is the connection's number, which decides its source address.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn connect(server: SocketAddr, security: &Security, index: usize) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        let block = index / PER_ADDRESS;
        if block > 0 && server.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            let last = u8::try_from(block + 1).context("too many connections")?;
            socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into())?;
        }
        match socket.connect(&server.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error).context("connecting"),
        }
        let tls = match security {
            Security::Client(config, name) => {
                Some(Box::new(ClientConnection::new(config.clone(), name.clone())?))
            }
            _ => None,
        };
        let stream = TcpStream::from_std(socket.into());
        Ok(Self { stream, tls, input: vec![], taken: 0, output: vec![], written: 0 })
    }

    /// Registers the connection with a poll, under this number.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn register(&mut self, registry: &Registry, number: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.stream, Token(number), interest)
    }

    /// Removes the connection from a poll.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.stream)
    }

    /// The output buffer; [`Wire::flush`] sends it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Writes as much as the socket takes.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn flush(&mut self) -> Result<()> {
        if let Some(tls) = &mut self.tls {
            if !tls.is_handshaking() && !self.output.is_empty() {
                let count = tls.writer().write(&self.output)?;
                self.output.drain(..count);
            }
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Ok(_) => {}
                    Err(error) if waits(&error) => break,
                    Err(error) => return Err(error).context("writing"),
                }
            }
            return Ok(());
        }
        while let Some(rest @ [_, ..]) = self.output.get(self.written..) {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if waits(&error) => return Ok(()),
                Err(error) => return Err(error).context("writing"),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads until the socket is empty. A read that leaves room in `scratch` has emptied it: later
    /// input is reported anew.
    ///
    /// # Errors
    ///
    /// The connection broke, or the server closed it.
    pub fn fill(&mut self, scratch: &mut [u8]) -> Result<()> {
        if self.taken > 0 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => count,
                Err(error) if waits(&error) => return Ok(()),
                Err(error) => return Err(error).context("reading"),
            };
            let bytes = scratch.get(..count).unwrap_or_default();
            match &mut self.tls {
                None => self.input.extend_from_slice(bytes),
                Some(tls) => decrypt(tls, bytes, &mut self.input)?,
            }
            if count < scratch.len() {
                break;
            }
        }
        if self.tls.is_some() {
            // Handshake messages, and output that waited for the end of the handshake.
            self.flush()?;
        }
        Ok(())
    }

    /// The value of the next complete frame.
    ///
    /// # Errors
    ///
    /// A length that no frame may have.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        let rest = self.input.get(self.taken..).unwrap_or_default();
        let Some(length) = frame::value_length(rest, limits::REPLY_FRAME_MAX)? else {
            return Ok(None);
        };
        let whole = frame::HEADER + length;
        if rest.len() < whole {
            return Ok(None);
        }
        let start = self.taken + frame::HEADER;
        self.taken += whole;
        Ok(self.input.get(start..self.taken))
    }

    /// Frees empty buffers of an idle connection.
    pub fn rest(&mut self) {
        self.input = Vec::new();
        self.taken = 0;
        self.output.shrink_to_fit();
    }
}

fn decrypt(tls: &mut ClientConnection, mut bytes: &[u8], input: &mut Vec<u8>) -> Result<()> {
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        let plain = tls.process_new_packets()?.plaintext_bytes_to_read();
        let before = input.len();
        input.resize(before + plain, 0);
        if let Some(room) = input.get_mut(before..) {
            tls.reader().read_exact(room)?;
        }
    }
    Ok(())
}

fn waits(error: &io::Error) -> bool {
    // A socket that is still connecting reports `NotConnected`.
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}
