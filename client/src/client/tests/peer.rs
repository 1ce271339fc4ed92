//! A server played by the test: its end of a connection, in memory.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
};

use correio_proto::{
    capability::Capabilities,
    channel::Channel,
    limits,
    message::{
        ClientMessage, Limits, Notice, Realm, RegistrationPolicy, Reply, Request, ServerMessage,
        Software, Welcome,
    },
};

/// The server's end of a connection, and the wire.
pub(super) struct Peer {
    pub(super) to_client: VecDeque<u8>,
    from_client: Vec<u8>,
    channel: Channel,
    pub(super) closed: bool,
    read: usize,
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.to_client.read(buffer)? {
            0 if !self.closed => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.from_client.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Peer {
    pub(super) fn new() -> Self {
        Self {
            to_client: VecDeque::new(),
            from_client: Vec::new(),
            channel: Channel::plaintext(limits::BODY_MAX + limits::FRAME_OVERHEAD_MAX),
            closed: false,
            read: 0,
        }
    }

    pub(super) fn say(&mut self, message: &ServerMessage) {
        self.channel.push(message).unwrap();
        while self.channel.pending_output() > 0 {
            self.channel.write_to(&mut self.to_client).unwrap();
        }
    }

    pub(super) fn reply(&mut self, number: u32, reply: Reply) {
        self.say(&ServerMessage::Reply { number, reply });
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.say(&ServerMessage::Notice(notice));
    }

    /// The requests that have arrived since the last call.
    pub(super) fn heard(&mut self) -> Vec<ClientMessage> {
        let mut heard = Vec::new();
        loop {
            while let Some(message) = self.channel.next_message().unwrap() {
                heard.push(message);
            }
            let mut rest = &self.from_client[self.read..];
            if rest.is_empty() {
                return heard;
            }
            self.read += self.channel.read_from(&mut rest).unwrap();
        }
    }

    pub(super) fn heard_requests(&mut self) -> Vec<Request> {
        self.heard().into_iter().map(|message| message.request).collect()
    }
}

pub(super) fn welcome(realm: u8) -> Welcome {
    Welcome {
        version: correio_proto::VERSION,
        software: Software::named("correiod"),
        realm: Realm([realm; 16]),
        limits: Limits {
            body: 1000,
            recipients: 100,
            page: 200,
            content: 0,
            piece: 0,
            frame: 1_000_000,
        },
        registration: RegistrationPolicy::Open {},
        capabilities: Capabilities::default(),
    }
}
