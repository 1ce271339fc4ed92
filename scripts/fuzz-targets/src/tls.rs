//! Target `tls`: messages of two ends, how their bytes are moved, and changes by an attacker in
//! between. In every case: no end receives a message that was not sent, or messages in another
//! order; and without changes, all messages arrive.

use std::{
    io::Cursor,
    sync::{Arc, OnceLock},
};

use correio_proto::{
    SpareBuffers,
    channel::{Channel, ChannelError},
    frame::HEADER,
    message::{ClientMessage, ErrorCode, ErrorReply, Fetch, Notice, Reply, Request, ServerMessage},
    tls::{ALPN, Security},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::input::Input;

/// Largest frame, in bytes.
const FRAME_LIMIT: usize = 64 * 1024;

/// Most bytes that a TLS channel holds besides its largest frame: one read.
const READ: usize = 32 * 1024;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() & 1 {
        0 => alone(input),
        _ => pair(input),
    }
}

/// Both ends' security, with one certificate for all runs.
fn ends() -> &'static (Security, Security) {
    static ENDS: OnceLock<(Security, Security)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["correio".to_owned()]).unwrap();
        let certificate = CertificateDer::from(made.cert);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        server.alpn_protocols = vec![ALPN.to_vec()];
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![ALPN.to_vec()];
        let name = ServerName::try_from("correio").unwrap();
        (Security::Client(Arc::new(client), name), Security::Server(Arc::new(server)))
    })
}

/// Feeds one end with any bytes.
fn alone(mut input: Input<'_>) {
    let is_client = input.byte() & 1 == 0;
    let length = usize::from(input.byte()).max(1);
    let bytes = input.rest();
    match is_client {
        true => receive_all::<ServerMessage>(&ends().0, length, bytes),
        false => receive_all::<ClientMessage>(&ends().1, length, bytes),
    }
}

fn receive_all<M: DeserializeOwned>(security: &Security, length: usize, bytes: &[u8]) {
    let mut end = End::<M>::new(security);
    for piece in bytes.chunks(length) {
        end.receive(piece);
        end.output();
    }
    // Without a key, no message can have arrived.
    assert_eq!(end.received.len(), 0);
    end.read_end();
    let is_silent = bytes.is_empty() || end.error.is_some();
    assert!(is_silent || end.channel.is_cut_off() || bytes.len() < 4, "{bytes:?}");
}

fn pair(mut input: Input<'_>) {
    let mut client = End::<ServerMessage>::new(&ends().0);
    let mut server = End::<ClientMessage>::new(&ends().1);
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut is_changed = false;
    for _ in 0..64 {
        if input.is_empty() {
            break;
        }
        let action = input.byte();
        // The high bit chooses the end or the direction.
        let way = if action & 0x80 == 0 { &mut there } else { &mut back };
        match action % 8 {
            0 | 1 if action & 0x80 == 0 => sent.extend(client.send(question(input.byte()))),
            0 | 1 => answered.extend(server.send(answer(input.byte()))),
            2 | 3 => {
                let count = usize::from(input.number()).min(way.len());
                let piece: Vec<u8> = way.drain(..count).collect();
                match action & 0x80 {
                    0 => server.receive(&piece),
                    _ => client.receive(&piece),
                }
            }
            4 if action & 0x80 == 0 => client.close(),
            4 => server.close(),
            _ => is_changed |= change(action, &mut input, way),
        }
        // No end reads changed bytes after its own goodbye: rustls, built with debug assertions,
        // panics when it must send an alert then.
        client.is_deaf = is_changed && client.is_closed;
        server.is_deaf = is_changed && server.is_closed;
        there.extend(client.output());
        back.extend(server.output());
    }
    while !there.is_empty() || !back.is_empty() {
        server.receive(&std::mem::take(&mut there));
        client.receive(&std::mem::take(&mut back));
        there.extend(client.output());
        back.extend(server.output());
    }
    let is_whole = |received: usize, sent: usize| is_changed || received == sent;
    assert!(sent.starts_with(&server.received) && is_whole(server.received.len(), sent.len()));
    assert!(
        answered.starts_with(&client.received) && is_whole(client.received.len(), answered.len())
    );
    for (error, cut_off, other_closed) in [
        (server.error.clone(), server.end_cut_off(), client.is_closed),
        (client.error.clone(), client.end_cut_off(), server.is_closed),
    ] {
        assert!(is_changed || error.is_none(), "{error:?}");
        assert!(is_changed || cut_off != other_closed, "an end without a goodbye is noticed");
    }
}

/// Changes, inserts or removes bytes on their way. Returns whether it did.
fn change(action: u8, input: &mut Input<'_>, way: &mut Vec<u8>) -> bool {
    let at = usize::from(input.number()).min(way.len());
    match action % 8 {
        5 => {
            let Some(byte) = way.get_mut(at) else {
                return false;
            };
            *byte ^= input.byte().max(1);
            true
        }
        6 => {
            let more = input.counted();
            way.splice(at..at, more.iter().copied());
            !more.is_empty()
        }
        _ => {
            let count = usize::from(input.byte()).min(way.len() - at);
            way.drain(at..at + count);
            count > 0
        }
    }
}

fn question(size: u8) -> ClientMessage {
    let number = u32::from(size) + 1;
    let request = match size % 2 {
        0 => Request::Ping {},
        _ => Request::Fetch(Fetch { max: number, ..Fetch::default() }),
    };
    ClientMessage { number, request }
}

/// Up to 32 KiB, which take several TLS records.
fn answer(size: u8) -> ServerMessage {
    let text = "x".repeat(usize::from(size) * 128);
    match size {
        0 => ServerMessage::Notice(Notice::Ping {}),
        _ => ServerMessage::Reply {
            number: size.into(),
            reply: Reply::Error(ErrorReply::new(ErrorCode::Busy, text)),
        },
    }
}

/// One end and the messages that it has received.
struct End<M> {
    channel: Channel,
    spare: SpareBuffers,
    received: Vec<M>,
    error: Option<ChannelError>,
    /// Whether the end sends nothing more, and whether it reads nothing more.
    is_closed: bool,
    is_deaf: bool,
}

impl<M: DeserializeOwned> End<M> {
    fn new(security: &Security) -> Self {
        let channel = Channel::new(security, FRAME_LIMIT);
        let spare = SpareBuffers::new(2);
        Self { channel, spare, received: Vec::new(), error: None, is_closed: false, is_deaf: false }
    }

    /// Feeds bytes into the channel, unless the end is deaf, and takes all messages out.
    fn receive(&mut self, bytes: &[u8]) {
        let mut source = Cursor::new(if self.is_deaf { &[] } else { bytes });
        let bytes = *source.get_ref();
        while (source.position() as usize) < bytes.len() {
            self.channel.attach(&mut self.spare);
            let count = self.channel.read_from(&mut source).unwrap();
            assert!(self.channel.pending_input() <= FRAME_LIMIT + HEADER + READ);
            self.take();
            self.channel.detach(&mut self.spare);
            // The other side has said goodbye: later bytes are ignored.
            if count == 0 {
                return;
            }
        }
    }

    fn take(&mut self) {
        loop {
            let announced = self.channel.has_message();
            match self.channel.next_message::<M>() {
                Ok(Some(message)) => {
                    assert!(self.error.is_none(), "nothing comes after an error");
                    self.received.push(message);
                }
                Ok(None) => return assert!(!announced),
                Err(error) => {
                    assert!(announced && self.error.replace(error).is_none(), "it is told once");
                }
            }
        }
    }

    fn read_end(&mut self) {
        while self.channel.read_from(&mut std::io::empty()).unwrap() > 0 {}
    }

    /// Whether the stream would end without a goodbye if it ended now.
    fn end_cut_off(&mut self) -> bool {
        self.read_end();
        self.channel.is_cut_off()
    }

    /// Sends a message, unless the end has said goodbye.
    fn send<S: Serialize>(&mut self, message: S) -> Option<S> {
        if self.is_closed {
            return None;
        }
        self.channel.push(&message).unwrap();
        Some(message)
    }

    fn close(&mut self) {
        self.channel.close();
        self.is_closed = true;
    }

    /// All bytes that the end has to write now.
    fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.channel.attach(&mut self.spare);
        while self.channel.wants_write() {
            assert!(self.channel.write_to(&mut bytes).unwrap() > 0);
        }
        self.channel.detach(&mut self.spare);
        bytes
    }
}
