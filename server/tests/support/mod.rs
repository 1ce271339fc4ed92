//! The server without sockets and without waiting: pipes in memory, a clock that the test moves,
//! a hasher that answers when it is told to.

#![allow(dead_code, missing_docs, unreachable_pub)] // Each test file uses a part of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Read, Write},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use correio_proto::{
    channel::Channel,
    credential::Credential,
    limits,
    mail::{MailId, Timestamp},
    message::{
        ClientMessage, ErrorCode, Fetch, Hello, LoggedIn, Login, Notice, Page, Realm, Register,
        Reply, Request, Send, ServerMessage, Software,
    },
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
    ids::{ConnId, PasswordHash, Ticket},
    limits::{admission::AdmissionSettings, throttle::ThrottleSettings},
    protocol::Protocol,
    session::SessionConfig,
    store::{
        Quota, Store,
        memory::{MemoryLimits, MemoryStore},
    },
};

pub const REALM: Realm = Realm([7; 16]);
pub const QUOTA: Quota = Quota { mails: 1000, bytes: 64 << 20 };
pub const QUEUE_RETRY: Duration = Duration::from_secs(3);

/// One direction of a pipe.
#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    closed: bool,
}

#[derive(Debug)]
struct Wires {
    to_server: Flow,
    to_client: Flow,
    /// What the client takes before the server's writes block.
    window: usize,
}

/// The server's end of a pipe.
#[derive(Clone, Debug)]
pub struct Pipe(Rc<RefCell<Wires>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let flow = &mut self.0.borrow_mut().to_server;
        match flow.bytes.len().min(buffer.len()) {
            0 if flow.closed || buffer.is_empty() => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                for (to, from) in buffer.iter_mut().zip(flow.bytes.drain(..count)) {
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
        if wires.to_server.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = wires.window.saturating_sub(wires.to_client.bytes.len());
        match room.min(bytes.len()) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                wires.to_client.bytes.extend(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Pipe {
    fn shutdown_write(&mut self) {
        self.0.borrow_mut().to_client.closed = true;
    }
}

/// Answers when it is told to, and has room for `room` jobs.
#[derive(Debug, Default)]
pub struct Hashing {
    pub jobs: VecDeque<(Ticket, HashJob)>,
    pub cancelled: usize,
    pub held: bool,
    pub room: Option<usize>,
    pub done: Vec<(Ticket, HashDone)>,
}

#[derive(Clone, Debug, Default)]
pub struct TestHasher(pub Rc<RefCell<Hashing>>);

impl Hasher for TestHasher {
    fn submit(&mut self, ticket: Ticket, job: HashJob) -> Accepted {
        let hashing = &mut *self.0.borrow_mut();
        if hashing.room.is_some_and(|room| hashing.jobs.len() >= room) {
            return Accepted::Full { retry_after: QUEUE_RETRY };
        }
        hashing.jobs.push_back((ticket, job));
        Accepted::Queued
    }

    fn cancel(&mut self, ticket: Ticket) -> bool {
        let hashing = &mut *self.0.borrow_mut();
        let before = hashing.jobs.len();
        hashing.jobs.retain(|(queued, _)| *queued != ticket);
        let cancelled = before - hashing.jobs.len();
        hashing.cancelled += cancelled;
        cancelled > 0
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, HashDone)>) {
        let hashing = &mut *self.0.borrow_mut();
        if !hashing.held {
            while let Some((ticket, job)) = hashing.jobs.pop_front() {
                hashing.done.push((ticket, hashed(&job)));
            }
        }
        done.append(&mut hashing.done);
    }
}

fn hashed(job: &HashJob) -> HashDone {
    let of = |credential: &Credential| format!("{:?}", credential.as_bytes()).into_boxed_str();
    match job {
        HashJob::Make { credential } => HashDone::Made(PasswordHash(of(credential))),
        HashJob::Verify { credential, hash } => HashDone::Verified(of(credential) == hash.0),
    }
}

pub struct World {
    pub server: Server<Pipe>,
    pub now: Now,
    pub hashing: Rc<RefCell<Hashing>>,
}

pub fn settings() -> SessionConfig {
    SessionConfig {
        security: Security::Plaintext,
        realm: REALM,
        body_max: limits::BODY_DEFAULT_MAX,
        registrations: RegistrationRules::Open,
        bcrypt: Bcrypt { cost: 4 },
        login_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(300),
    }
}

/// So many connections, and no limit to what they try.
pub fn limits_of(connections: usize) -> ServerLimits {
    let admission = AdmissionSettings {
        connections_max: connections,
        per_prefix_max: connections,
        anonymous_max: connections,
    };
    let throttle =
        ThrottleSettings { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 0 };
    ServerLimits { admission, throttle, input_max: 64 << 20, output_max: 128 << 20 }
}

impl World {
    pub fn new() -> Self {
        Self::with(settings(), 100)
    }

    pub fn with(settings: SessionConfig, connections_max: usize) -> Self {
        let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
        Self::with_store(settings, connections_max, Box::new(store))
    }

    pub fn with_store(settings: SessionConfig, max: usize, store: Box<dyn Store>) -> Self {
        Self::limited(limits_of(max), settings, store)
    }

    pub fn limited(limits: ServerLimits, settings: SessionConfig, store: Box<dyn Store>) -> Self {
        let hasher = TestHasher::default();
        let hashing = hasher.0.clone();
        let server = Server::new(limits, settings, store, Box::new(hasher));
        let now = Now { uptime: Duration::ZERO, wall: Timestamp(1_790_000_000_000) };
        Self { server, now, hashing }
    }

    /// Turns until nothing moves.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            self.server.process(self.now).unwrap();
            let hashing = self.hashing.borrow();
            let hashed = hashing.done.is_empty() && (hashing.held || hashing.jobs.is_empty());
            if !self.server.has_ready() && hashed {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    /// Lets time pass, with a look at every deadline on the way.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.uptime + time;
        for _ in 0..10_000 {
            match self.server.next_deadline().filter(|next| *next <= until) {
                Some(next) => self.now.uptime = self.now.uptime.max(next),
                None => break,
            }
            self.settle();
        }
        self.now.uptime = until;
        self.settle();
    }

    pub fn connect(&mut self) -> Client {
        self.connect_from("192.0.2.1:4000".parse().unwrap())
    }

    pub fn connect_from(&mut self, peer: SocketAddr) -> Client {
        self.try_connect_from(peer).expect("it is at least told why not")
    }

    /// `None` where the connection is dropped at once.
    pub fn try_connect_from(&mut self, peer: SocketAddr) -> Option<Client> {
        let wires =
            Wires { to_server: Flow::default(), to_client: Flow::default(), window: usize::MAX };
        let pipe = Pipe(Rc::new(RefCell::new(wires)));
        let id = self.server.open(self.now, pipe.clone(), peer, Protocol::Correio)?;
        let channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
        let (notices, replies) = (vec![], VecDeque::new());
        Some(Client { id, pipe, channel, number: 0, notices, replies })
    }

    pub fn connect_and_greet(&mut self) -> Client {
        let mut client = self.connect();
        let reply = client.ask(self, hello());
        assert!(matches!(reply, Reply::Hello(_)), "{reply:?}");
        client
    }

    pub fn register(&mut self, username: &str, full_name: &str) {
        let mut client = self.connect_and_greet();
        let reply = client.ask(self, register(username, full_name, 1));
        assert_eq!(reply, Reply::Registered {});
        client.hang_up(self);
    }

    /// A client that is logged in, for an account that exists.
    pub fn log_in(&mut self, username: &str) -> Client {
        let mut client = self.connect_and_greet();
        let reply = client.ask(self, login(username, 1));
        assert!(matches!(reply, Reply::LoggedIn(LoggedIn { .. })), "{reply:?}");
        client
    }

    /// Tony Stark and Pepper Potts, both logged in.
    pub fn tony_and_pepper(&mut self) -> (Client, Client) {
        self.register("tony", "Tony Stark");
        self.register("pepper", "Pepper Potts");
        (self.log_in("tony"), self.log_in("pepper"))
    }
}

/// A client's end of a connection.
pub struct Client {
    pub id: ConnId,
    pub pipe: Pipe,
    pub channel: Channel,
    pub number: u32,
    pub notices: Vec<Notice>,
    pub replies: VecDeque<(u32, Reply)>,
}

impl Client {
    /// Writes bytes and tells the server that they are there.
    pub fn write(&mut self, world: &mut World, bytes: &[u8]) {
        self.pipe.0.borrow_mut().to_server.bytes.extend(bytes);
        world.server.note(self.id, Readiness { readable: true, ..Readiness::default() });
    }

    /// Writes a request without waiting for anything.
    pub fn begin(&mut self, world: &mut World, request: Request) -> u32 {
        self.number += 1;
        let message = ClientMessage { number: self.number, request };
        self.channel.push(&message).unwrap();
        let mut bytes = Vec::new();
        while self.channel.pending_output() > 0 {
            self.channel.write_to(&mut bytes).unwrap();
        }
        self.write(world, &bytes);
        self.number
    }

    /// Writes a request and takes its reply.
    pub fn ask(&mut self, world: &mut World, request: Request) -> Reply {
        let asked = self.begin(world, request);
        world.settle();
        self.take();
        let (number, reply) = self.replies.pop_front().expect("there is a reply");
        assert_eq!(number, asked);
        reply
    }

    pub fn code(&mut self, world: &mut World, request: Request) -> ErrorCode {
        match self.ask(world, request) {
            Reply::Error(error) => error.code,
            reply => panic!("an error was expected, not {reply:?}"),
        }
    }

    /// As [`Client::code`], for a refusal that carries no number.
    pub fn code_of_raw(&mut self, world: &mut World, request: Request) -> ErrorCode {
        self.begin(world, request);
        world.settle();
        self.take();
        match self.replies.pop_front() {
            Some((0, Reply::Error(error))) => error.code,
            other => panic!("an error without a number was expected, not {other:?}"),
        }
    }

    /// Takes in what the server wrote.
    pub fn take(&mut self) {
        let bytes: Vec<u8> = self.pipe.0.borrow_mut().to_client.bytes.drain(..).collect();
        let mut source = io::Cursor::new(bytes);
        loop {
            while let Some(message) = self.channel.next_message().unwrap() {
                match message {
                    ServerMessage::Reply { number, reply } => {
                        self.replies.push_back((number, reply));
                    }
                    ServerMessage::Notice(notice) => self.notices.push(notice),
                }
            }
            if self.channel.read_from(&mut source).unwrap() == 0 {
                return;
            }
        }
    }

    /// Takes in what the server wrote, as it came.
    pub fn raw(&mut self) -> Vec<u8> {
        self.pipe.0.borrow_mut().to_client.bytes.drain(..).collect()
    }

    /// What the client takes before the server's writes block, in bytes.
    pub fn set_window(&mut self, world: &mut World, bytes: usize) {
        self.pipe.0.borrow_mut().window = bytes;
        world.server.note(self.id, Readiness { writable: true, ..Readiness::default() });
    }

    pub fn unread(&self) -> usize {
        self.pipe.0.borrow().to_client.bytes.len()
    }

    pub fn unwritten(&self) -> usize {
        self.pipe.0.borrow().to_server.bytes.len()
    }

    /// Whether the server has closed its side.
    pub fn is_closed(&self) -> bool {
        self.pipe.0.borrow().to_client.closed
    }

    pub fn hang_up(&mut self, world: &mut World) {
        self.pipe.0.borrow_mut().to_server.closed = true;
        let readable = Readiness { readable: true, ..Readiness::default() };
        world.server.note(self.id, readable);
        world.settle();
    }

    pub fn fetch(&mut self, world: &mut World) -> Page {
        match self.ask(world, Request::Fetch(Fetch::default())) {
            Reply::Page(page) => page,
            reply => panic!("a page was expected, not {reply:?}"),
        }
    }
}

pub fn credential(byte: u8) -> Credential {
    Credential::from([byte; 23])
}

/// The n-th id of a test: UUIDs of version 7 that differ in their number only.
pub fn id(number: u64) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[8] |= 0x80;
    MailId::try_from(bytes).unwrap()
}

pub fn hello() -> Request {
    Request::Hello(Hello { version: 1, software: Software::named("test") })
}

pub fn register(username: &str, full_name: &str, password: u8) -> Request {
    let number =
        username.bytes().fold(0, |sum: u64, byte| sum * 31 % 0xffff_ffff + u64::from(byte));
    Request::Register(Register {
        id: id(number),
        username: username.parse().unwrap(),
        full_name: full_name.parse().unwrap(),
        invite: None,
        credential: credential(password),
    })
}

pub fn login(username: &str, password: u8) -> Request {
    let username = username.parse().unwrap();
    Request::Login(Login { username, credential: credential(password) })
}

pub fn mail(number: u64, to: &str, subject: &str) -> Request {
    Request::Send(Send {
        id: id(number),
        to: to.parse().unwrap(),
        subject: subject.parse().unwrap(),
        body: format!("{subject}\n").parse().unwrap(),
    })
}
