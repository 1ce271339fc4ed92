//! The server without sockets and without waiting: pipes in memory, a clock that the test moves,
//! a hasher that answers when it is told to.

use std::{cell::RefCell, collections::VecDeque, io, net::SocketAddr, rc::Rc, time::Duration};

use correio_proto::{
    channel::Channel,
    limits,
    mail::Timestamp,
    message::{
        ClientMessage, ErrorCode, Fetch, LoggedIn, Notice, Page, Realm, Reply, Request,
        ServerMessage,
    },
    resume::ResumeTicket,
    tls::Security,
};
use correio_server::{
    auth::{
        hashing::Bcrypt,
        invite::RegistrationRules,
        resume_ticket::{TicketKey, TicketPolicy, TicketTimes, Tickets},
    },
    clock::Now,
    engine::{Server, ServerLimits, connection::Readiness},
    ids::ConnId,
    limits::{admission::AdmissionConfig, throttle::ThrottleConfig},
    protocol::Service,
    session::{DirectoryPolicy, ListCreation, SessionConfig},
    store::{
        Quota, Store,
        memory::{MemoryLimits, MemoryStore},
    },
};

use crate::{
    hasher::{HashQueue, TestHasher},
    pipe::Pipe,
    request::{hello, login, register},
};

/// The realm of the server.
pub const REALM: Realm = Realm([7; 16]);

/// The quota of each mailbox.
pub const QUOTA: Quota = Quota { mails: 1000, bytes: 64 << 20 };

/// A server in memory, with its clock and its hasher.
pub struct World {
    /// The server.
    pub server: Server<Pipe>,
    /// The time, which only the test moves.
    pub now: Now,
    /// The jobs of its hasher.
    pub hashing: Rc<RefCell<HashQueue>>,
}

/// A [`SessionConfig`] without TLS, with open registration, and with pieces as short as a test
/// wants.
#[must_use]
pub fn session_config() -> SessionConfig {
    SessionConfig {
        security: Security::Plaintext,
        realm: REALM,
        body_max: limits::BODY_DEFAULT_MAX,
        content_max: limits::CONTENT_DEFAULT_MAX,
        piece_min: 0,
        registrations: RegistrationRules::Open,
        directory: DirectoryPolicy::Members,
        lists: ListCreation::Members,
        bcrypt: Bcrypt { cost: 4 },
        tickets: TicketPolicy::Off,
        login_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(300),
    }
}

/// As [`session_config`], with resume tickets of the key of this byte that are valid for so long.
#[must_use]
pub fn with_tickets(key: u8, times: TicketTimes) -> SessionConfig {
    let tickets = Tickets::new(TicketKey::of(&[key; 32]), REALM, times);
    SessionConfig { tickets: TicketPolicy::Given(tickets), ..session_config() }
}

/// Limits that admit this many connections and throttle nothing.
#[must_use]
pub fn limits_of(connections: usize) -> ServerLimits {
    let admission = AdmissionConfig {
        connections_max: connections,
        per_prefix_max: connections,
        anonymous_max: connections,
    };
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 0 };
    ServerLimits { admission, throttle, input_max: 64 << 20, output_max: 128 << 20 }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A server for a hundred connections, with a memory store.
    #[must_use]
    pub fn new() -> Self {
        Self::with(session_config(), 100)
    }

    /// As [`World::new`], with a configuration of sessions and a number of connections.
    #[must_use]
    pub fn with(session: SessionConfig, connections_max: usize) -> Self {
        let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
        Self::with_store(session, connections_max, Box::new(store))
    }

    /// As [`World::with`], with a store.
    #[must_use]
    pub fn with_store(session: SessionConfig, max: usize, store: Box<dyn Store>) -> Self {
        Self::limited(limits_of(max), session, store)
    }

    /// As [`World::with_store`], with limits.
    #[must_use]
    pub fn limited(limits: ServerLimits, session: SessionConfig, store: Box<dyn Store>) -> Self {
        let hasher = TestHasher::default();
        let hashing = hasher.0.clone();
        let server = Server::new(limits, session, store, Box::new(hasher));
        let now = Now { uptime: Duration::ZERO, wall: Timestamp(1_790_000_000_000) };
        Self { server, now, hashing }
    }

    /// Runs the loop until nothing moves.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            self.server.process(self.now).unwrap();
            let hashing = self.hashing.borrow();
            let hashed = hashing.done.is_empty() && (hashing.is_held || hashing.jobs.is_empty());
            if !self.server.has_ready() && hashed {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    /// Advances the clock, and stops at every deadline to run the loop.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.uptime + time;
        for _ in 0..10_000 {
            match self.server.next_deadline().filter(|next| *next <= until) {
                Some(next) => self.set_uptime(next),
                None => break,
            }
            self.settle();
        }
        self.set_uptime(until);
        self.settle();
    }

    /// Advances the uptime to this one, and the wall clock by as much. Does nothing if it is over.
    fn set_uptime(&mut self, uptime: Duration) {
        let passed = uptime.saturating_sub(self.now.uptime);
        self.now.wall.0 += u64::try_from(passed.as_millis()).unwrap();
        self.now.uptime += passed;
    }

    /// Connects from an address that is reserved for documentation.
    pub fn connect(&mut self) -> PipeClient {
        self.connect_from("192.0.2.1:4000".parse().unwrap())
    }

    /// Connects from this address.
    pub fn connect_from(&mut self, peer: SocketAddr) -> PipeClient {
        self.try_connect_from(peer).expect("it is at least told why not")
    }

    /// As [`World::connect_from`]; `None` if the server drops the connection at once.
    pub fn try_connect_from(&mut self, peer: SocketAddr) -> Option<PipeClient> {
        self.try_connect_over(Pipe::new(usize::MAX), peer)
    }

    /// As [`World::try_connect_from`], over the test's own pipe.
    pub fn try_connect_over(&mut self, pipe: Pipe, peer: SocketAddr) -> Option<PipeClient> {
        let id = self.server.open(self.now, pipe.clone(), peer, Service::CORREIO)?;
        let channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
        let (notices, replies) = (vec![], VecDeque::new());
        Some(PipeClient { id, pipe, channel, number: 0, notices, replies })
    }

    /// Connects and greets.
    pub fn connect_and_greet(&mut self) -> PipeClient {
        let mut client = self.connect();
        let reply = client.ask(self, hello());
        assert!(matches!(reply, Reply::Hello(_)), "{reply:?}");
        client
    }

    /// Makes an account with the first password.
    pub fn register(&mut self, username: &str, full_name: &str) {
        let mut client = self.connect_and_greet();
        let reply = client.ask(self, register(username, full_name, 1));
        assert_eq!(reply, Reply::Registered {});
        client.hang_up(self);
    }

    /// A client that is logged in, for an account that exists.
    pub fn log_in(&mut self, username: &str) -> PipeClient {
        let mut client = self.connect_and_greet();
        let reply = client.ask(self, login(username, 1));
        assert!(matches!(reply, Reply::LoggedIn(LoggedIn { .. })), "{reply:?}");
        client
    }

    /// As [`World::log_in`], with a resume ticket.
    pub fn log_in_for_ticket(&mut self, username: &str) -> (PipeClient, ResumeTicket) {
        let mut client = self.log_in(username);
        match client.ask(self, Request::Ticket {}) {
            Reply::Ticket(given) => (client, given.ticket),
            reply => panic!("a ticket was expected, not {reply:?}"),
        }
    }

    /// Tony Stark and Pepper Potts, both logged in.
    pub fn tony_and_pepper(&mut self) -> (PipeClient, PipeClient) {
        self.register("tony", "Tony Stark");
        self.register("pepper", "Pepper Potts");
        (self.log_in("tony"), self.log_in("pepper"))
    }
}

/// A client's end of a connection.
pub struct PipeClient {
    /// The connection.
    pub id: ConnId,
    /// Its pipe.
    pub pipe: Pipe,
    /// Frames and messages.
    pub channel: Channel,
    /// The number of the last request.
    pub number: u32,
    /// Notices that were received and not examined yet.
    pub notices: Vec<Notice>,
    /// Replies that were received and not examined yet, with their numbers.
    pub replies: VecDeque<(u32, Reply)>,
}

impl PipeClient {
    /// Writes bytes and reports them to the server as readiness.
    pub fn write(&mut self, world: &mut World, bytes: &[u8]) {
        self.pipe.write_at_client(bytes);
        world.server.note(self.id, Readiness { readable: true, ..Readiness::default() });
    }

    /// Writes a request and returns its number, without running the loop.
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
        self.receive();
        let (number, reply) = self.replies.pop_front().expect("there is a reply");
        assert_eq!(number, asked);
        reply
    }

    /// Writes a request, which must be refused, and returns the error code.
    pub fn ask_refused(&mut self, world: &mut World, request: Request) -> ErrorCode {
        match self.ask(world, request) {
            Reply::Error(error) => error.code,
            reply => panic!("an error was expected, not {reply:?}"),
        }
    }

    /// As [`PipeClient::ask_refused`], for a refusal that carries no number.
    pub fn ask_refused_unnumbered(&mut self, world: &mut World, request: Request) -> ErrorCode {
        self.begin(world, request);
        world.settle();
        self.receive();
        match self.replies.pop_front() {
            Some((0, Reply::Error(error))) => error.code,
            other => panic!("an error without a number was expected, not {other:?}"),
        }
    }

    /// Decodes what the server has written.
    pub fn receive(&mut self) {
        let mut source = io::Cursor::new(self.pipe.take_at_client());
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

    /// Takes the bytes that the server has written.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        self.pipe.take_at_client()
    }

    /// Sets the number of unread bytes at which the server's writes block.
    pub fn set_window(&mut self, world: &mut World, bytes: usize) {
        self.pipe.set_window(bytes);
        world.server.note(self.id, Readiness { writable: true, ..Readiness::default() });
    }

    /// Number of bytes that the client has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.pipe.unread()
    }

    /// Number of bytes that the server has not read.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.pipe.unwritten()
    }

    /// Whether the server has closed its side.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.pipe.is_closed_by_server()
    }

    /// Closes the client's end and reports that to the server.
    pub fn hang_up(&mut self, world: &mut World) {
        self.pipe.close_at_client();
        let readable = Readiness { readable: true, ..Readiness::default() };
        world.server.note(self.id, readable);
        world.settle();
    }

    /// Fetches the first page.
    pub fn fetch(&mut self, world: &mut World) -> Page {
        match self.ask(world, Request::Fetch(Fetch::default())) {
            Reply::Page(page) => page,
            reply => panic!("a page was expected, not {reply:?}"),
        }
    }
}
