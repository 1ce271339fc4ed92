//! A mail program on a pipe in memory: lines of SMTP or POP3, with TLS or without.

use std::io::Cursor;

use correio_proto::{byte_channel::ByteChannel, tls::Security};
use correio_server::{engine::connection::Readiness, ids::ConnId, protocol::Service};

use crate::{pipe::Pipe, world::World};

/// The program's end of a connection.
pub struct Program {
    /// The connection.
    pub id: ConnId,
    /// Its pipe.
    pub pipe: Pipe,
    /// Bytes and TLS.
    pub channel: ByteChannel,
}

impl Program {
    /// Connects from an address that is reserved for documentation, with `security` from the first
    /// byte, and runs the loop.
    pub fn connect(world: &mut World, service: Service, security: &Security) -> Self {
        Self::connect_from(world, service, security, "192.0.2.9:4000")
            .expect("there is a place for it")
    }

    /// As [`Program::connect`], from this address; `None` if the server drops the connection at
    /// once.
    pub fn connect_from(
        world: &mut World,
        service: Service,
        security: &Security,
        peer: &str,
    ) -> Option<Self> {
        let pipe = Pipe::new(usize::MAX);
        let id = world.server.open(world.now, pipe.clone(), peer.parse().unwrap(), service)?;
        let channel = ByteChannel::new(security, 1 << 20);
        let mut program = Self { id, pipe, channel };
        program.run(world);
        Some(program)
    }

    /// Begins TLS after the server has agreed.
    pub fn start_tls(&mut self, world: &mut World, security: &Security) {
        self.channel.start_tls(security).unwrap();
        self.run(world);
    }

    /// Carries bytes both ways until both ends rest.
    pub fn run(&mut self, world: &mut World) {
        loop {
            let mut bytes = Vec::new();
            while self.channel.wants_write() {
                self.channel.write_to(&mut bytes).unwrap();
            }
            self.pipe.write_at_client(&bytes);
            let ready = Readiness { readable: true, writable: true, ended: false };
            world.server.note(self.id, ready);
            world.settle();
            let received = self.pipe.take_at_client();
            let mut source = Cursor::new(&received);
            while source.position() < received.len() as u64 {
                assert!(self.channel.read_from(&mut source).unwrap() > 0, "bytes after the end");
            }
            if bytes.is_empty() && received.is_empty() {
                return;
            }
        }
    }

    /// Sends text, and returns what the server says then.
    pub fn say(&mut self, world: &mut World, text: &str) -> String {
        self.channel.output().extend_from_slice(text.as_bytes());
        self.run(world);
        self.said()
    }

    /// Takes what the server has said.
    pub fn said(&mut self) -> String {
        let said = String::from_utf8_lossy(self.channel.input()).into_owned();
        self.channel.consume(usize::MAX);
        said
    }

    /// Whether the server has closed its side.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.pipe.is_closed_by_server()
    }
}
