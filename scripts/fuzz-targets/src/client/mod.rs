//! Target `client`: the client's core and a server that may answer anything, on connections that
//! break at any moment.
//!
//! In every case: each request has one answer, of its own kind and within its deadline, unless it
//! was abandoned; requests are written in order after a greeting; neither a login's credential nor
//! a ticket is ever sent to another realm automatically, and a ticket to no server that takes none;
//! and a timeout never fires without a reason.

mod peer;

use std::{collections::BTreeMap, mem::discriminant, time::Duration};

use correio_client::client::{Client, ClientConfig, Event, Failure, RequestId};
use correio_proto::{
    capability::{self, Capabilities, Capability},
    credential::Credential,
    mail::{
        Content, ContentKind, ContentSize, LargeContent, MailId, Seq, Sha256, Timestamp, Username,
    },
    message::{
        Account, ClientMessage, Confirm, ErrorCode, ErrorReply, Fetch, Found, GivenTicket, Limits,
        LoggedIn, Login, NewMail, Notice, Page, Read, Realm, Register, RegistrationPolicy, Reply,
        Request, Resume, Send, ServerMessage, Software, Upload, Welcome,
    },
    resume::ResumeTicket,
};

use self::peer::Peer;
use crate::input::Input;

/// Most actions of one input.
const ACTIONS_MAX: usize = 200;

const REQUESTS_MAX: usize = 8;
const NOTICES_MAX: usize = 4;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let mut run = Run::new();
    for _ in 0..ACTIONS_MAX {
        if input.is_empty() {
            break;
        }
        let action = input.byte();
        run.act(action.into(), &mut input);
        // With the high bit set, more happens before the client is driven.
        if action & 0x80 == 0 {
            run.drive();
        }
    }
    run.end();
}

/// A request that was handed to the client.
struct PendingRequest {
    request: Request,
    deadline: Duration,
    /// The request's end, once nobody waits for its answer.
    over: Option<Over>,
}

impl PendingRequest {
    fn is_waiting(&self) -> bool {
        self.over.is_none()
    }

    /// Whether nobody waits for the answer, although the request may be on its way.
    fn was_given_up_on(&self, connection: u32) -> bool {
        self.over == Some(Over { on: connection, end: End::GivenUp })
    }

    /// Whether the request may have been on its way on this connection.
    fn may_be_on(&self, connection: u32) -> bool {
        self.over.is_none_or(|over| over.on == connection)
    }
}

/// The end of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Over {
    /// Number of the connection during which the request ended.
    on: u32,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    /// Abandoned, or not answered before its deadline.
    GivenUp,
}

struct Run {
    client: Client,
    now: Duration,
    peer: Option<Peer>,
    /// Number of earlier connections.
    connection: u32,
    asked: BTreeMap<RequestId, PendingRequest>,
    /// Credentials that may be sent to a realm, because the user asked for that.
    known: Vec<(Realm, Credential)>,
    /// The tickets that the servers have given.
    tickets: Vec<(Realm, ResumeTicket)>,
}

impl Run {
    fn new() -> Self {
        let settings = ClientConfig {
            requests_max: REQUESTS_MAX,
            notices_max: NOTICES_MAX,
            ..ClientConfig::default()
        };
        Self {
            client: Client::new(settings),
            now: Duration::ZERO,
            peer: None,
            connection: 0,
            asked: BTreeMap::new(),
            known: Vec::new(),
            tickets: Vec::new(),
        }
    }

    fn act(&mut self, action: usize, input: &mut Input<'_>) {
        match action % 16 {
            0..=3 => self.ask(input),
            4 => self.connect(input),
            5 => {
                self.now += Duration::from_secs(input.byte().into());
                self.wake();
            }
            6 => {
                self.poll();
                let which = input.below(self.asked.len().max(1));
                if let Some((id, asked)) = self.asked.iter_mut().nth(which) {
                    self.client.abandon(*id);
                    asked.over.get_or_insert(Over { on: self.connection, end: End::GivenUp });
                }
            }
            other => self.act_as_server(other, input),
        }
    }

    fn ask(&mut self, input: &mut Input<'_>) {
        // Events first, so that finished requests are known.
        self.poll();
        let request = request(input);
        let deadline = self.now + Duration::from_secs(u64::from(input.byte()) + 1);
        if let (Request::Account(Account::Password { new, .. }), Some(welcome)) =
            (&request, self.client.welcome())
        {
            // The new password may be tried at the next login, whether or not the change arrived.
            self.known.push((welcome.realm, new.clone()));
        }
        let waiting = self.asked.values().filter(|asked| asked.is_waiting()).count();
        match self.client.request(request.clone(), deadline) {
            Ok(id) => {
                assert!(waiting < REQUESTS_MAX);
                let asked = PendingRequest { request, deadline, over: None };
                assert!(self.asked.insert(id, asked).is_none(), "each has an id of its own");
            }
            Err(Failure::TooLarge { limit, .. }) => self.check_limit(&request, limit),
            Err(Failure::NoMessages) => {
                assert!(has_message(&request) && !self.offers(capability::MESSAGES));
            }
            // Abandoned requests that are on the wire count, too.
            Err(Failure::Overloaded) => {}
            Err(Failure::SessionEnded) => {
                assert!(self.client.username().is_none() || self.is_logging_out());
            }
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// Whether the server has this capability.
    fn offers(&self, name: &str) -> bool {
        let welcome = self.client.welcome().expect("a greeting lists them");
        welcome.capabilities.contains(name)
    }

    /// A request may be refused only if its content is above the server's limit, or if it needs a
    /// capability that the server does not have.
    fn check_limit(&self, request: &Request, limit: u64) {
        let welcome = self.client.welcome().expect("limits are those of a greeting");
        let takes_contents = self.offers(capability::CONTENTS);
        assert!(!has_message(request) || self.offers(capability::MESSAGES));
        let size = match request {
            Request::Send(send) => send.content.size(),
            Request::Upload(upload) => upload.size.get(),
            _ => panic!("{request:?}"),
        };
        let is_inline =
            matches!(request, Request::Send(send) if !matches!(send.content, Content::Large(_)));
        match is_inline || !takes_contents {
            true => assert_eq!(limit, u64::from(welcome.limits.body)),
            false => assert_eq!(limit, welcome.limits.content),
        }
        assert!(size > limit || !(is_inline || takes_contents));
    }

    /// Whether the last login or logout, under way or abandoned on this connection, is a logout: a
    /// request after it would reach the server without a session. A login that was given up does
    /// not count: it is not sent, or the session that it makes is ended.
    fn is_logging_out(&self) -> bool {
        let is_here = |asked: &&PendingRequest| asked.may_be_on(self.connection);
        let is_change = |asked: &&PendingRequest| match asked.request {
            Request::Login(_) => !asked.was_given_up_on(self.connection),
            Request::Logout {} => true,
            _ => false,
        };
        let last = self.asked.values().filter(is_here).rfind(is_change);
        last.is_some_and(|asked| matches!(asked.request, Request::Logout {}))
    }

    fn connect(&mut self, input: &mut Input<'_>) {
        if self.peer.is_none() {
            self.peer = Some(Peer::new(Realm([input.byte() % 2; 16])));
            self.client.connected(self.now);
        }
    }

    /// The server sends something.
    fn act_as_server(&mut self, action: usize, input: &mut Input<'_>) {
        let Some(peer) = &mut self.peer else {
            return;
        };
        match action {
            // The next reply that is due, or an error instead.
            7..=10 => {
                if let Some(message) = peer.unanswered.pop_front() {
                    let reply = match input.byte() {
                        variant if variant < 0xc0 => answer(&message.request, peer.realm, variant),
                        variant => error(variant),
                    };
                    if let Reply::Ticket(given) = &reply {
                        self.tickets.push((peer.realm, given.ticket.clone()));
                    }
                    peer.say(&ServerMessage::Reply { number: message.number, reply });
                }
            }
            11 => peer.say(&ServerMessage::Notice(notice(input))),
            12 => {
                let number = input.byte().into();
                let reply = answer(&request(input), peer.realm, input.byte());
                peer.say(&ServerMessage::Reply { number, reply });
            }
            13 => peer.garble(input.counted()),
            14 => peer.is_blocked = !peer.is_blocked,
            _ => peer.is_closed = true,
        }
    }

    /// Handles all timeouts that are due.
    fn wake(&mut self) {
        for _ in 0..10 {
            if self.client.timeout().is_none_or(|at| at > self.now) {
                return;
            }
            match self.client.handle_timeout(self.now) {
                Ok(()) => self.drive(),
                Err(_) => self.disconnect(),
            }
        }
        panic!("it wants to be woken at {:?}, which is over", self.client.timeout());
    }

    fn disconnect(&mut self) {
        self.client.disconnected();
        self.peer = None;
        self.connection += 1;
    }

    /// Drives the client and checks what it has written.
    fn drive(&mut self) {
        if let Some(peer) = &mut self.peer {
            let driven = self.client.drive(self.now, peer);
            for message in peer.heard() {
                self.wrote(&message);
            }
            match driven {
                Ok(_) => self.sent_everything(),
                Err(_) => self.disconnect(),
            }
        }
        self.poll();
        assert!(self.peer.is_some() || !self.client.is_greeted());
    }

    /// If the client is ready and the link takes bytes, all pending requests must be on their way.
    /// They may wait only for the answer to a login that was given up: it tells whether there is a
    /// session, which must be ended first.
    fn sent_everything(&mut self) {
        self.poll();
        let Some(peer) = self.peer.as_ref().filter(|peer| !peer.is_blocked) else {
            return;
        };
        let given_up = |asked: &&PendingRequest| {
            matches!(asked.request, Request::Login(_)) && asked.was_given_up_on(self.connection)
        };
        let mut given_up = self.asked.values().filter(given_up);
        if !self.client.is_ready() || given_up.any(|asked| peer.may_owe_answer(&asked.request)) {
            return;
        }
        let mut waiting = self.asked.values().filter(|asked| asked.is_waiting());
        assert!(waiting.all(|asked| peer.has_heard(&asked.request)));
    }

    fn poll(&mut self) {
        let mut notices = 0;
        while let Some(event) = self.client.poll() {
            match event {
                Event::Answer { id, outcome, .. } => self.answered(id, outcome),
                Event::NewMail(_) => notices += 1,
                Event::Greeted(welcome) => {
                    assert_eq!(self.client.welcome(), Some(&welcome));
                }
                Event::ShuttingDown | Event::SessionEnded => {}
            }
        }
        assert!(notices <= NOTICES_MAX);
    }

    fn answered(&mut self, id: RequestId, outcome: Result<Reply, Failure>) {
        let asked = self.asked.get_mut(&id).expect("it was asked for");
        let end = match outcome {
            Err(Failure::TimedOut) => End::GivenUp,
            _ => End::Answered,
        };
        let before = asked.over.replace(Over { on: self.connection, end });
        assert!(before.is_none(), "one answer each");
        if let (Request::Login(login), Ok(Reply::LoggedIn(_)), Some(welcome)) =
            (&asked.request, &outcome, self.client.welcome())
        {
            // A server may say so unasked; it has chosen the realm itself.
            self.known.push((welcome.realm, login.credential.clone()));
        }
        match outcome {
            Ok(reply) => assert!(belongs(&asked.request, &reply), "{reply:?}"),
            Err(Failure::TimedOut) => assert!(asked.deadline <= self.now),
            Err(Failure::SessionEnded) => {}
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// A request has reached the server.
    fn wrote(&mut self, message: &ClientMessage) {
        let realm = self.peer.as_ref().expect("it was written there").realm;
        if let Request::Account(Account::Password { new, .. }) = &message.request {
            self.known.push((realm, new.clone()));
        }
        if let Request::Resume(Resume { ticket, .. }) = &message.request {
            let is_from = |from: Realm| self.tickets.contains(&(from, ticket.clone()));
            let mut others = [Realm([0; 16]), Realm([1; 16])].into_iter().filter(|it| *it != realm);
            // A garbled reply may name any ticket, so that some are of no realm.
            assert!(is_from(realm) || !others.any(is_from), "another realm's ticket");
            assert!(self.offers(capability::RESUME));
        }
        let Request::Login(Login { credential, .. }) = &message.request else {
            return;
        };
        let mut here = self.asked.values().filter(|asked| asked.may_be_on(self.connection));
        let is_asked = here.any(|asked| asked.request == message.request);
        let known = (realm, credential.clone());
        assert!(is_asked || self.known.contains(&known), "a credential for another realm");
        self.known.push(known);
    }

    /// Every request is answered in the end.
    fn end(&mut self) {
        self.disconnect();
        self.now += Duration::from_secs(1000);
        self.wake();
        self.poll();
        assert!(!self.asked.values().any(PendingRequest::is_waiting));
        assert_eq!(self.client.timeout(), None);
    }
}

fn credential(input: &mut Input<'_>) -> Credential {
    // Different for each byte, so that its origin is known.
    Credential::from([input.byte(); 23])
}

fn username(input: &mut Input<'_>) -> Username {
    ["tony", "pepper"][input.below(2)].parse().unwrap()
}

fn id(input: &mut Input<'_>) -> MailId {
    let mut bytes = [0; 16];
    (bytes[6], bytes[8], bytes[15]) = (0x70, 0x80, input.byte());
    bytes.try_into().unwrap()
}

fn request(input: &mut Input<'_>) -> Request {
    match input.below(15) {
        0..=2 => Request::Login(Login { username: username(input), credential: credential(input) }),
        3 => Request::Logout {},
        choice @ (4 | 5) => {
            let (id, to, subject) = (id(input), username(input).into(), "Oi".parse().unwrap());
            let text = "x".repeat(1 + usize::from(input.byte()));
            let content = match choice {
                4 => text.parse().unwrap(),
                _ => Content::Message(text.as_bytes().try_into().unwrap()),
            };
            Request::Send(Send { id, to, subject, content })
        }
        6 => Request::Fetch(Fetch::default()),
        7 => Request::Confirm(Confirm { mails: vec![] }),
        8 => Request::Account(Account::Password {
            current: credential(input),
            new: credential(input),
        }),
        9 => Request::Account(Account::Delete { credential: credential(input) }),
        10 => Request::Register(Register {
            id: id(input),
            username: username(input),
            full_name: "Tony Stark".parse().unwrap(),
            credential: credential(input),
            invite: None,
        }),
        11 => Request::Ping {},
        12 => Request::Upload(Upload {
            id: id(input),
            size: size(input),
            offset: u64::from(input.byte()) * 16,
            bytes: vec![b'x'; input.byte().into()].as_slice().try_into().unwrap(),
        }),
        13 => {
            let (size, byte) = (size(input), input.byte());
            let kind = match byte & 1 {
                0 => ContentKind::Text {},
                _ => ContentKind::Message {},
            };
            let content = LargeContent { kind, size, sha256: Sha256([byte; 32]) };
            Request::Send(Send {
                id: id(input),
                to: username(input).into(),
                subject: "Oi".parse().unwrap(),
                content: Content::Large(content),
            })
        }
        _ => Request::Read(Read {
            seq: Seq(input.byte().into()),
            id: id(input),
            offset: input.byte().into(),
        }),
    }
}

/// A size around the limits of the servers of [`answer`].
fn size(input: &mut Input<'_>) -> ContentSize {
    (1 + u64::from(input.byte()) * 16).try_into().unwrap()
}

/// A number of app passwords that older servers leave out.
fn revoked(variant: u8) -> Option<u32> {
    (variant & 1 == 1).then(|| variant.into())
}

/// A reply of the request's kind.
fn answer(request: &Request, realm: Realm, variant: u8) -> Reply {
    match request {
        Request::Hello(_) => Reply::Hello(Welcome {
            version: 1 + u32::from(variant == 7),
            software: Software::named("fuzz"),
            realm,
            limits: Limits {
                body: 128,
                recipients: 100,
                page: 200,
                content: u64::from(variant) * 16,
                piece: u32::from(variant),
                frame: u32::from(variant) * 64,
            },
            registration: RegistrationPolicy::Open {},
            capabilities: capabilities(variant),
        }),
        Request::Register(_) => Reply::Registered {},
        Request::Recover(_) => Reply::Recovered { app_passwords_revoked: revoked(variant) },
        Request::Ticket {} => {
            let ticket = [realm.0[0], variant].as_slice().try_into().unwrap();
            Reply::Ticket(GivenTicket { ticket, expires_in: u32::from(variant) * 4 })
        }
        Request::Resume(Resume { username, .. }) | Request::Login(Login { username, .. }) => {
            Reply::LoggedIn(LoggedIn {
                username: username.clone(),
                full_name: "Tony Stark".parse().unwrap(),
                waiting: variant.into(),
                usage: None,
            })
        }
        Request::Find(_) => Reply::Found(Found { people: vec![], more: variant & 1 == 1 }),
        Request::List(_) => Reply::ListChanged {},
        Request::AppPassword(_) => Reply::AppPasswordRevoked {},
        Request::Logout {} => Reply::LoggedOut {},
        Request::Send(_) => Reply::Sent { sent_at: Timestamp(variant.into()) },
        Request::Fetch(Fetch { after: Seq(_), .. }) => {
            Reply::Page(Page { mails: vec![], more: variant & 1 == 1 })
        }
        Request::Upload(upload) => {
            Reply::Uploaded { staged: upload.offset + upload.bytes.as_bytes().len() as u64 }
        }
        Request::Read(_) => Reply::Piece { bytes: [].as_slice().try_into().unwrap() },
        Request::Confirm(_) => Reply::Confirmed { deleted: variant.into() },
        Request::Account(_) => Reply::AccountChanged { app_passwords_revoked: revoked(variant) },
        Request::Ping {} => Reply::Pong {},
    }
}

/// Whether the content of a mail is a message.
fn has_message(request: &Request) -> bool {
    let kind = ContentKind::Message {};
    matches!(request, Request::Send(send) if send.content.kind() == kind)
}

/// Capabilities that the client does not know, whose number the lower bits give, and in every other
/// case those for large contents, for messages and for tickets.
fn capabilities(variant: u8) -> Capabilities {
    let names = (0..variant & 3).map(|n| format!("later_{n}").parse().unwrap());
    let contents = (variant & 4 != 0).then(Capability::contents);
    let messages = (variant & 8 != 0).then(Capability::messages);
    let resume = (variant & 16 != 0).then(Capability::resume);
    names
        .chain(contents)
        .chain(messages)
        .chain(resume)
        .collect::<Vec<Capability>>()
        .try_into()
        .unwrap()
}

fn error(variant: u8) -> Reply {
    let code = ErrorCode::ALL[usize::from(variant) % ErrorCode::ALL.len()];
    let retry_after = (variant & 0x20 != 0).then_some(u32::from(variant & 0x1f));
    Reply::Error(ErrorReply { retry_after, ..ErrorReply::new(code, "no") })
}

fn notice(input: &mut Input<'_>) -> Notice {
    match input.below(6) {
        0 => Notice::Ping {},
        1 => Notice::SessionEnded {},
        2 => Notice::ShuttingDown {},
        _ => Notice::NewMail(NewMail {
            from: username(input),
            from_name: "Tony Stark".parse().unwrap(),
            subject: "Oi".parse().unwrap(),
        }),
    }
}

/// Whether a request may have such a reply (PROTOCOL.md).
fn belongs(request: &Request, reply: &Reply) -> bool {
    let right = answer(request, Realm([0; 16]), 0);
    discriminant(reply) == discriminant(&right) || matches!(reply, Reply::Error(_))
}
