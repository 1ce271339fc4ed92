//! Target `session`: requests of up to four clients to the real server, which runs over pipes in
//! memory with the memory store, an immediate hasher and a clock of its own. Every reply, notice
//! and closed connection is compared with a [`Model`] that shares no code with the server.

mod app_passwords;
mod contents;
mod directory;
mod known_ticket;
mod list_replies;
mod lists;
mod model;
mod rate;
mod refusal;
mod tickets;
mod upload;
mod world;

use correio_proto::{
    app_password::{AppPasswordId, AppPasswordRequest},
    credential::Credential,
    frame::{self, Malformed, MalformedKind},
    limits,
    mail::{
        Body, Content, ContentKind, ContentSize, FullName, LargeContent, MailId, MailRef, Message,
        Recipients, Sha256, Subject, Username,
    },
    message::{
        Account, ClientMessage, Confirm, Fetch, Find, Hello, ListChange, ListRequest, Login,
        Notice, Read, Register, Request, Resume, Role, Send, SendPolicy, Software, Upload,
    },
    resume::ResumeTicket,
};

use self::{
    model::{Model, SessionState},
    world::{CLIENTS, CONTENT_MAX, World},
};
use crate::input::Input;

/// Most actions of one input.
const ACTIONS_MAX: usize = 200;

/// Names of lists. The second is also a username, and belongs to whoever takes it first.
const LISTS: [&str; 3] = ["turma", "nobody", "everybody"];

const USERNAMES: [&str; 4] = ["tony", "Pepper", "steve.rogers", "nobody"];
const FULL_NAMES: [&str; 4] = ["Tony Stark", "Pepper Potts", "Steve \u{202e}Rogers", "É"];

/// The content of a frame that a client sends.
enum SentFrame {
    /// A request.
    Request(ClientMessage),
    /// A malformed value, with the parser's error.
    Nonsense(Malformed),
    /// A length that no frame may have.
    Broken { is_empty: bool },
}

pub(crate) fn run(data: &[u8]) {
    world::watch_log();
    let mut input = Input(data);
    let mut run = Run { world: World::new(input.byte()), model: Model::new() };
    for _ in 0..ACTIONS_MAX {
        if input.is_empty() {
            break;
        }
        run.act(&mut input);
        run.compare();
    }
    run.end();
}

struct Run {
    world: World,
    model: Model,
}

impl Run {
    fn act(&mut self, input: &mut Input<'_>) {
        let action = input.byte();
        // The two high bits choose the client, which connects if it is not connected.
        let index = usize::from(action >> 6);
        if !self.world.is_there(index) {
            self.world.connect(index);
            self.model.connected(index, self.world.inner.now.uptime);
        }
        match action % 32 {
            0 => self.hang_up(index),
            1 => {
                let seconds = match input.byte() {
                    // More than a day, after which uploads are forgotten.
                    255 => 25 * 60 * 60,
                    tens => u64::from(tens) * 10,
                };
                self.world.pass(seconds);
                self.model.passed(self.world.inner.now);
            }
            2 => self.world.note_all_readiness(index),
            // A part of a frame, and then nothing more.
            3 => {
                let mut bytes = Vec::new();
                frame::encode(&self.message(index, input), &mut bytes).unwrap();
                bytes.truncate(usize::from(input.byte()) % bytes.len());
                self.world.write(index, &bytes);
                self.hang_up(index);
            }
            4 => {
                let is_empty = input.byte() & 1 == 0;
                self.world.write(index, &[if is_empty { 0 } else { 255 }; 4]);
                self.check_replies(index, &[SentFrame::Broken { is_empty }]);
            }
            5 | 6 => {
                let value = input.counted();
                if let Some(frame) = self.raw(index, value) {
                    self.world.write(index, &framed(value));
                    self.check_replies(index, &[frame]);
                }
            }
            7..=9 => {
                let count = 2 + input.below(4);
                let messages = (0..count)
                    .map_while(|_| (!input.is_empty()).then(|| self.message(index, input)));
                let messages = messages.collect();
                self.ask(index, messages);
            }
            _ => {
                let message = self.message(index, input);
                self.ask(index, vec![message]);
            }
        }
    }

    /// Classifies a frame with any value. `None` if the model cannot know the result, because the
    /// value uses a mail's number that no page has shown yet.
    fn raw(&self, index: usize, value: &[u8]) -> Option<SentFrame> {
        if value.is_empty() {
            return Some(SentFrame::Broken { is_empty: true });
        }
        match frame::decode::<ClientMessage>(value) {
            Err(malformed) => Some(SentFrame::Nonsense(malformed)),
            Ok(message) => match &message.request {
                Request::Fetch(fetch) if !self.model.knows(index, fetch.after) => None,
                Request::Find(_) => None,
                Request::Read(read) if !self.model.knows(index, read.seq) => None,
                Request::Confirm(confirm)
                    if confirm.mails.iter().any(|mail| !self.model.knows(index, mail.seq)) =>
                {
                    None
                }
                _ => Some(SentFrame::Request(message)),
            },
        }
    }

    /// Sends requests, all at once.
    fn ask(&mut self, index: usize, messages: Vec<ClientMessage>) {
        let mut bytes = Vec::new();
        for message in &messages {
            frame::encode(message, &mut bytes).unwrap();
        }
        self.world.write(index, &bytes);
        let frames: Vec<SentFrame> = messages.into_iter().map(SentFrame::Request).collect();
        self.check_replies(index, &frames);
    }

    /// Checks the replies, one for each frame until the connection is closed.
    fn check_replies(&mut self, index: usize, frames: &[SentFrame]) {
        self.world.settle();
        self.world.receive(index);
        let now = self.world.inner.now;
        for frame in frames {
            if self.model.is_closed(index) {
                break;
            }
            let (number, reply) = self.world.reply(index).expect("every frame is answered");
            let asked = match frame {
                SentFrame::Request(message) => {
                    self.model.answered(index, now, &message.request, &reply);
                    message.number
                }
                SentFrame::Nonsense(malformed) => {
                    let is_invalid = malformed.kind == MalformedKind::Invalid;
                    self.model.refused(index, is_invalid, &malformed.text, &reply);
                    malformed.number.unwrap_or(0)
                }
                SentFrame::Broken { is_empty } => {
                    self.model.broken(index, *is_empty, &reply);
                    0
                }
            };
            assert_eq!(number, asked);
        }
        assert_eq!(self.world.reply(index), None, "nothing is answered that was not asked");
    }

    fn hang_up(&mut self, index: usize) {
        self.world.hang_up(index);
        self.model.hung_up(index);
    }

    /// Compares all notices and closed connections with the model, and drops the closed ones.
    fn compare(&mut self) {
        self.world.settle();
        for index in 0..CLIENTS {
            if !self.world.is_there(index) {
                continue;
            }
            self.world.receive(index);
            assert_eq!(self.world.reply(index), None);
            let notices = self.world.notices(index);
            assert!(self.model.notices(index, &notices), "client {index}: {notices:?}");
            assert_eq!(self.world.is_closed(index), self.model.is_closed(index), "client {index}");
            if self.model.is_closed(index) {
                self.hang_up(index);
            }
        }
    }

    /// Disconnects all clients, compares every mailbox with the model, and stops the server.
    fn end(&mut self) {
        for index in 0..CLIENTS {
            if self.world.is_there(index) {
                self.hang_up(index);
            }
        }
        assert_eq!(self.world.inner.server.len(), 0);
        for (username, credential) in self.model.accounts() {
            self.world.connect(0);
            self.model.connected(0, self.world.inner.now.uptime);
            let requests = [
                hello(1),
                Request::Login(Login { username, credential }),
                Request::Fetch(Fetch::default()),
            ];
            for request in requests {
                self.ask(0, vec![ClientMessage { number: 7, request }]);
            }
            assert_eq!(self.model.state(0), SessionState::LoggedIn);
            for request in self.model.reads(0) {
                self.ask(0, vec![ClientMessage { number: 7, request }]);
            }
            self.hang_up(0);
        }
        self.world.connect(0);
        self.world.inner.server.begin_shutdown(self.world.inner.now);
        self.world.settle();
        self.world.receive(0);
        assert_eq!(self.world.notices(0), [Notice::ShuttingDown {}]);
        assert!(self.world.is_closed(0));
    }

    fn message(&self, index: usize, input: &mut Input<'_>) -> ClientMessage {
        let number = u32::from(input.byte()) + 1;
        ClientMessage { number, request: self.request(index, input) }
    }

    fn request(&self, index: usize, input: &mut Input<'_>) -> Request {
        let choice = input.byte();
        if choice >= 0xfc {
            return Request::List(list_request(input));
        }
        if choice >= 0xf0 {
            return self.content_request(index, choice, input);
        }
        if choice >= 0xee {
            return find(input);
        }
        if choice == 0xcf {
            return Request::AppPassword(app_password_request(input));
        }
        if choice == 0xce {
            return self.ticket_request(input);
        }
        match choice % 16 {
            0 => hello(1 + u32::from(input.byte() == 255)),
            1 => Request::Register(Register {
                id: id(input),
                username: username(input),
                full_name: full_name(input),
                credential: credential(input),
                invite: None,
            }),
            2 | 3 => {
                Request::Login(Login { username: username(input), credential: credential(input) })
            }
            4 => Request::Logout {},
            5..=7 => Request::Send(Send {
                id: id(input),
                to: recipients(input),
                subject: subject(input),
                content: match choice & 0x40 {
                    0 => body(input).into(),
                    _ => message(input).into(),
                },
            }),
            8 | 9 => {
                let after = self.model.seq(index, input.byte());
                Request::Fetch(Fetch { after, max: u32::from(input.byte() % 8) })
            }
            10 | 11 => {
                let count = input.below(4);
                let mails = (0..count).map(|_| self.reference(index, input)).collect();
                Request::Confirm(Confirm { mails })
            }
            12 => Request::Account(Account::FullName { full_name: full_name(input) }),
            13 => Request::Account(Account::Password {
                current: credential(input),
                new: credential(input),
            }),
            14 => Request::Account(Account::Delete { credential: credential(input) }),
            _ => Request::Ping {},
        }
    }

    /// A request for a ticket, or a login with one that was given, as it is or damaged.
    fn ticket_request(&self, input: &mut Input<'_>) -> Request {
        let choice = input.byte();
        if choice & 1 == 0 {
            return Request::Ticket {};
        }
        let username = username(input);
        let given = self.model.ticket(input.byte()).cloned();
        let ticket = match given {
            Some(given) if choice & 2 == 0 => given,
            Some(given) => {
                let mut bytes = given.as_bytes().to_vec();
                let at = input.below(bytes.len());
                bytes[at] ^= input.byte();
                ResumeTicket::try_from(&*bytes).unwrap()
            }
            None => ResumeTicket::try_from(input.counted()).unwrap_or_else(|_| no_ticket()),
        };
        Request::Resume(Resume { username, ticket })
    }

    /// A request about a large content.
    fn content_request(&self, index: usize, choice: u8, input: &mut Input<'_>) -> Request {
        match choice % 4 {
            0 | 1 => Request::Upload(self.upload(index, input)),
            2 => {
                let MailRef { seq, id } = self.reference(index, input);
                Request::Read(Read { seq, id, offset: self.position(0, input) })
            }
            _ => {
                let (id, to) = (id(input), recipients(input));
                let (size, _) = self.model.upload(index, id).unwrap_or((1, 0));
                let size = self.position(size, input).clamp(1, limits::CONTENT_MAX);
                let size = ContentSize::try_from(size).unwrap();
                let kind = match choice & 4 {
                    0 => ContentKind::Text {},
                    _ => ContentKind::Message {},
                };
                let content = Content::Large(LargeContent { kind, size, sha256: Sha256([7; 32]) });
                Request::Send(Send { id, to, subject: "Vídeo".parse().unwrap(), content })
            }
        }
    }

    /// A piece, most often one that goes on with an upload.
    fn upload(&self, index: usize, input: &mut Input<'_>) -> Upload {
        let id = id(input);
        let known = self.model.upload(index, id);
        let (size, staged) = known.unwrap_or_else(|| (1 + u64::from(input.byte()), 0));
        let size = self.position(size, input).clamp(1, limits::CONTENT_MAX);
        let offset = self.position(staged, input);
        let bytes = match input.byte() {
            // The rest. The period of 251 bytes makes a piece at a wrong position differ.
            0 => (offset..size).take(500).map(|at| (at % 251) as u8).collect(),
            count => input.take(count.into()).to_vec(),
        };
        let (size, bytes) = (size.try_into().unwrap(), bytes.as_slice().try_into().unwrap());
        Upload { id, size, offset, bytes }
    }

    /// A position in a content: this one, or another.
    fn position(&self, right: u64, input: &mut Input<'_>) -> u64 {
        match input.byte() {
            0..0xc0 => right,
            0xff => u64::MAX,
            _ => u64::from(input.number()) % (CONTENT_MAX + 50),
        }
    }

    /// A mail of the mailbox, or a reference that matches no mail.
    fn reference(&self, index: usize, input: &mut Input<'_>) -> MailRef {
        let which = input.byte();
        let seq = self.model.seq(index, which);
        let id = self.model.id_of(index, seq).filter(|_| which & 0x80 == 0);
        MailRef { seq, id: id.unwrap_or_else(|| self::id(input)) }
    }
}

/// A question to the directory: a part of a username or a full name that accounts have.
fn find(input: &mut Input<'_>) -> Request {
    let name = match input.byte() % 2 {
        0 => username(input).to_string(),
        _ => full_name(input).as_str().to_owned(),
    };
    let (begin, length) = (input.below(name.chars().count()), 1 + input.below(8));
    let part: String = name.chars().skip(begin).take(length).collect();
    Request::Find(Find { text: part.parse().unwrap_or_else(|_| "t".parse().unwrap()) })
}

fn framed(value: &[u8]) -> Vec<u8> {
    [&u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn no_ticket() -> ResumeTicket {
    b"?"[..].try_into().unwrap()
}

fn hello(version: u32) -> Request {
    Request::Hello(Hello { version, software: Software::named("fuzz") })
}

fn id(input: &mut Input<'_>) -> MailId {
    let mut bytes = [0; 16];
    (bytes[6], bytes[8], bytes[15]) = (0x70, 0x80, input.byte() % 8);
    bytes.try_into().unwrap()
}

fn username(input: &mut Input<'_>) -> Username {
    USERNAMES[input.below(USERNAMES.len())].parse().unwrap()
}

fn full_name(input: &mut Input<'_>) -> FullName {
    FULL_NAMES[input.below(FULL_NAMES.len())].parse().unwrap()
}

fn credential(input: &mut Input<'_>) -> Credential {
    Credential::from([input.byte() % 3; 23])
}

fn list_request(input: &mut Input<'_>) -> ListRequest {
    let name: Username = LISTS[input.below(LISTS.len())].parse().unwrap();
    let policies = [SendPolicy::Owners {}, SendPolicy::Members {}, SendPolicy::Everybody {}];
    let senders = policies[input.below(policies.len())];
    let change = match input.byte() % 8 {
        0 => return ListRequest::Mine {},
        1 => {
            let after = (input.byte() & 1 == 1).then(|| username(input));
            return ListRequest::Members { name, after };
        }
        2 => ListChange::Create { title: full_name(input), senders },
        3 => ListChange::Set { title: full_name(input), senders },
        4 => ListChange::Add { members: recipients(input), role: Role::Member {} },
        5 => ListChange::Add { members: recipients(input), role: Role::Owner {} },
        6 => ListChange::Remove { members: recipients(input) },
        _ => ListChange::Delete {},
    };
    ListRequest::Change { name, change }
}

fn app_password_request(input: &mut Input<'_>) -> AppPasswordRequest {
    match input.byte() {
        0..0x80 => {
            AppPasswordRequest::Create { label: format!("{}", input.byte() % 32).parse().unwrap() }
        }
        0x80..0xa0 => AppPasswordRequest::List {},
        _ => AppPasswordRequest::Revoke { id: AppPasswordId(u64::from(input.byte() % 32)) },
    }
}

/// Four bits choose usernames, one their order, and three choose lists.
fn recipients(input: &mut Input<'_>) -> Recipients {
    let chosen = usize::from(input.byte());
    let lists = LISTS.iter().enumerate().filter(|(bit, _)| chosen >> (bit + 5) & 1 == 1);
    let names = USERNAMES.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
    let mut names: Vec<Username> =
        names.chain(lists).map(|(_, name)| name.parse().unwrap()).collect();
    if chosen & 0x10 != 0 {
        names.reverse();
    }
    names.try_into().unwrap_or_else(|_| USERNAMES[0].parse::<Username>().unwrap().into())
}

fn subject(input: &mut Input<'_>) -> Subject {
    let text = String::from_utf8_lossy(input.take(3));
    text.parse().unwrap_or_else(|_| "Jantar".parse().unwrap())
}

fn body(input: &mut Input<'_>) -> Body {
    let text = String::from_utf8_lossy(input.counted());
    text.parse().unwrap_or_else(|_| "Até já\n".parse().unwrap())
}

fn message(input: &mut Input<'_>) -> Message {
    let bytes = input.counted();
    bytes.try_into().unwrap_or_else(|_| b"Subject: x\r\n\r\n\xff"[..].try_into().unwrap())
}
