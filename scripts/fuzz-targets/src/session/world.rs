//! The server and the clients' ends of its connections.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Cursor, Read, Write},
    net::SocketAddr,
    rc::Rc,
    sync::Once,
    time::Duration,
};

use correio_proto::{
    channel::Channel,
    credential::Credential,
    limits,
    mail::Timestamp,
    message::{Notice, Realm, Reply, ServerMessage},
    tls::Security,
};
use correio_server::{
    auth::{
        hashing::{Accepted, Bcrypt, HashDone, HashJob, Hasher},
        invite::RegistrationRules,
    },
    clock::Now,
    engine::{
        Server, ServerLimits,
        connection::{Readiness, Transport},
    },
    event::is_obeyed,
    ids::{ConnId, PasswordHash, Ticket},
    limits::{admission::AdmissionSettings, throttle::ThrottleSettings},
    protocol::Protocol,
    session::SessionConfig,
    store::{
        Quota,
        memory::{MemoryLimits, MemoryStore},
    },
};

use super::CLIENTS;

pub(super) const REALM: Realm = Realm([7; 16]);
pub(super) const BODY_MAX: usize = 300;
pub(super) const QUOTA: Quota = Quota { mails: 6, bytes: 1500 };
pub(super) const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Everything that is logged from now on is one line.
pub(super) fn watch_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where somebody else has set one, their log is theirs to watch.
        if log::set_logger(&OneLine).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
    });
}

struct OneLine;

impl log::Log for OneLine {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        assert!(!line.chars().any(is_obeyed), "{line:?}");
    }

    fn flush(&self) {}
}

#[derive(Debug, Default)]
struct Wires {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    closed_by_client: bool,
    closed_by_server: bool,
    /// What the server reads or writes at a time, in bytes.
    piece: usize,
}

/// The server's end of a pipe.
#[derive(Clone, Debug)]
pub(super) struct Pipe(Rc<RefCell<Wires>>);

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let wires = &mut *self.0.borrow_mut();
        match wires.to_server.len().min(room.len()).min(wires.piece) {
            0 if wires.closed_by_client || room.is_empty() => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                for (to, from) in room.iter_mut().zip(wires.to_server.drain(..count)) {
                    *to = from;
                }
                Ok(count)
            }
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wires = &mut *self.0.borrow_mut();
        if wires.closed_by_client {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(wires.piece);
        wires.to_client.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Pipe {
    fn shutdown_write(&mut self) {
        self.0.borrow_mut().closed_by_server = true;
    }
}

/// Answers when it is asked next.
#[derive(Debug, Default)]
struct AtOnce {
    done: Vec<(Ticket, HashDone)>,
    /// How many answers wait, for the world to see.
    waiting: Rc<RefCell<usize>>,
}

impl Hasher for AtOnce {
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted {
        let of = |credential: &Credential| format!("{:?}", credential.as_bytes()).into_boxed_str();
        let done = match &job {
            HashJob::Make { credential } => HashDone::Made(PasswordHash(of(credential))),
            HashJob::Verify { credential, hash } => HashDone::Verified(of(credential) == hash.0),
        };
        self.done.push((ticket, done));
        *self.waiting.borrow_mut() = self.done.len();
        Accepted::Queued
    }

    fn cancel(&mut self, ticket: Ticket) -> bool {
        let before = self.done.len();
        self.done.retain(|(queued, _)| *queued != ticket);
        *self.waiting.borrow_mut() = self.done.len();
        self.done.len() < before
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>) {
        done.append(&mut self.done);
        *self.waiting.borrow_mut() = 0;
    }
}

/// A client's end.
struct Client {
    id: ConnId,
    pipe: Pipe,
    channel: Channel,
    replies: VecDeque<(u32, Reply)>,
    notices: Vec<Notice>,
}

pub(super) struct World {
    pub(super) server: Server<Pipe>,
    pub(super) now: Now,
    hashes: Rc<RefCell<usize>>,
    clients: [Option<Client>; CLIENTS],
    piece: usize,
}

impl World {
    /// A server that reads and writes so many bytes at a time; 0 stands for all there are.
    pub(super) fn new(piece: u8) -> Self {
        let hasher = AtOnce::default();
        let hashes = Rc::clone(&hasher.waiting);
        let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
        let server = Server::new(limits(), settings(), Box::new(store), Box::new(hasher));
        Self {
            server,
            now: Now { uptime: Duration::ZERO, wall: Timestamp(1_790_000_000_000) },
            hashes,
            clients: [const { None }; CLIENTS],
            piece: if piece == 0 { usize::MAX } else { piece.into() },
        }
    }

    fn client(&mut self, who: usize) -> &mut Client {
        self.clients[who].as_mut().expect("it has connected")
    }

    pub(super) fn is_there(&self, who: usize) -> bool {
        self.clients[who].is_some()
    }

    pub(super) fn connect(&mut self, who: usize) {
        let wires = Wires { piece: self.piece, ..Wires::default() };
        let pipe = Pipe(Rc::new(RefCell::new(wires)));
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let id = self
            .server
            .open(self.now, pipe.clone(), peer, Protocol::Correio)
            .expect("there is room");
        let channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
        let (replies, notices) = (VecDeque::new(), Vec::new());
        self.clients[who] = Some(Client { id, pipe, channel, replies, notices });
    }

    pub(super) fn write(&mut self, who: usize, bytes: &[u8]) {
        let client = self.client(who);
        client.pipe.0.borrow_mut().to_server.extend(bytes);
        let id = client.id;
        self.server.note(id, Readiness { readable: true, ..Readiness::default() });
    }

    /// Reports readiness that is not there.
    pub(super) fn note_everything(&mut self, who: usize) {
        let id = self.client(who).id;
        self.server.note(id, Readiness { readable: true, writable: true, ended: false });
        self.settle();
    }

    /// Closes the client's end; the server has let go of the connection behind it.
    pub(super) fn hang_up(&mut self, who: usize) {
        let client = self.clients[who].take().expect("it has connected");
        client.pipe.0.borrow_mut().closed_by_client = true;
        let ended = Readiness { readable: true, writable: false, ended: true };
        self.server.note(client.id, ended);
        self.settle();
        assert!(self.server.transport_mut(client.id).is_none());
    }

    /// Turns until nothing moves.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.server.has_ready() && *self.hashes.borrow() == 0 {
                return;
            }
            self.server.process(self.now).unwrap();
        }
        panic!("the server does not come to rest");
    }

    /// Lets time pass, with a look at every deadline on the way.
    pub(super) fn pass(&mut self, seconds: u64) {
        let until = self.now.uptime + Duration::from_secs(seconds);
        while let Some(next) = self.server.next_deadline().filter(|next| *next <= until) {
            let next = next.max(self.now.uptime);
            self.now.wall.0 += (next - self.now.uptime).as_millis() as u64;
            self.now.uptime = next;
            self.server.process(self.now).unwrap();
            self.settle();
        }
        self.now.wall.0 += (until - self.now.uptime).as_millis() as u64;
        self.now.uptime = until;
    }

    /// Takes in what the server wrote.
    pub(super) fn take(&mut self, who: usize) {
        let client = self.client(who);
        let bytes = std::mem::take(&mut client.pipe.0.borrow_mut().to_client);
        let mut source = Cursor::new(bytes);
        loop {
            while let Some(message) = client.channel.next_message().unwrap() {
                match message {
                    ServerMessage::Reply { number, reply } => {
                        client.replies.push_back((number, reply));
                    }
                    ServerMessage::Notice(notice) => client.notices.push(notice),
                }
            }
            if client.channel.read_from(&mut source).unwrap() == 0 {
                return;
            }
        }
    }

    pub(super) fn reply(&mut self, who: usize) -> Option<(u32, Reply)> {
        self.client(who).replies.pop_front()
    }

    /// The notices since the last call.
    pub(super) fn notices(&mut self, who: usize) -> Vec<Notice> {
        std::mem::take(&mut self.client(who).notices)
    }

    /// Whether the server has ended the connection or dropped it.
    pub(super) fn is_closed(&mut self, who: usize) -> bool {
        let client = self.client(who);
        let (id, said) = (client.id, client.pipe.0.borrow().closed_by_server);
        said || self.server.transport_mut(id).is_none()
    }
}

fn settings() -> SessionConfig {
    SessionConfig {
        security: Security::Plaintext,
        realm: REALM,
        body_max: BODY_MAX,
        registrations: RegistrationRules::Open,
        bcrypt: Bcrypt { cost: 4 },
        login_timeout: LOGIN_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
    }
}

fn limits() -> ServerLimits {
    let admission =
        AdmissionSettings { connections_max: 100, per_prefix_max: 100, anonymous_max: 100 };
    let throttle =
        ThrottleSettings { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 0 };
    ServerLimits { admission, throttle, input_max: 64 << 20, output_max: 128 << 20 }
}
