//! Target `session`: what up to four clients ask the real server, which runs over pipes in memory
//! with the memory store, a hasher that answers at once and a clock of its own. Every reply, every
//! notice and every end of a connection is held against a [`Model`] that knows none of its code.

mod model;
mod world;

use correio_proto::{
    credential::Credential,
    frame::{self, Malformed, MalformedKind},
    mail::{Body, FullName, MailId, MailRef, Recipients, Seq, Subject, Username},
    message::{
        Account, ClientMessage, Confirm, Fetch, Hello, Login, Notice, Register, Request, Send,
        Software,
    },
};

use self::{
    model::{Model, Standing},
    world::World,
};
use crate::script::Script;

/// Clients at a time.
const CLIENTS: usize = 4;

/// Actions in one input.
const ACTIONS_MAX: usize = 200;

const USERNAMES: [&str; 4] = ["tony", "Pepper", "steve.rogers", "nobody"];
const FULL_NAMES: [&str; 4] = ["Tony Stark", "Pepper Potts", "Steve \u{202e}Rogers", "É"];

/// What a client puts into a frame.
enum Said {
    /// A request.
    Request(ClientMessage),
    /// A value that is none, with what the parser says of it.
    Nonsense(Malformed),
    /// A length that no frame has.
    Broken { is_empty: bool },
}

pub(crate) fn run(data: &[u8]) {
    world::watch_log();
    let mut script = Script(data);
    let mut play = Play { world: World::new(script.byte()), model: Model::new() };
    for _ in 0..ACTIONS_MAX {
        if script.is_empty() {
            break;
        }
        play.act(&mut script);
        play.compare();
    }
    play.end();
}

struct Play {
    world: World,
    model: Model,
}

impl Play {
    fn act(&mut self, script: &mut Script<'_>) {
        let action = script.byte();
        // The two high bits choose the client, which connects where it is not there yet.
        let who = usize::from(action >> 6);
        if !self.world.is_there(who) {
            self.world.connect(who);
            self.model.connected(who, self.world.inner.now.uptime);
        }
        match action % 32 {
            0 => self.hang_up(who),
            1 => {
                let seconds = u64::from(script.byte()) * 10;
                self.world.pass(seconds);
                self.model.passed(self.world.inner.now.uptime);
            }
            2 => self.world.note_everything(who),
            // Half a frame, and then nothing more.
            3 => {
                let mut bytes = Vec::new();
                frame::encode(&self.message(who, script), &mut bytes).unwrap();
                bytes.truncate(usize::from(script.byte()) % bytes.len());
                self.world.write(who, &bytes);
                self.hang_up(who);
            }
            4 => {
                let is_empty = script.byte() & 1 == 0;
                self.world.write(who, &[if is_empty { 0 } else { 255 }; 4]);
                self.hear(who, &[Said::Broken { is_empty }]);
            }
            5 | 6 => {
                let value = script.counted();
                if let Some(said) = self.raw(who, value) {
                    self.world.write(who, &framed(value));
                    self.hear(who, &[said]);
                }
            }
            7..=9 => {
                let count = 2 + script.below(4);
                let messages = (0..count)
                    .map_while(|_| (!script.is_empty()).then(|| self.message(who, script)));
                let messages = messages.collect();
                self.ask(who, messages);
            }
            _ => {
                let message = self.message(who, script);
                self.ask(who, vec![message]);
            }
        }
    }

    /// What a frame says whose value is any bytes. `None` for what the model cannot know: what
    /// number a mail has that no page has shown yet.
    fn raw(&self, who: usize, value: &[u8]) -> Option<Said> {
        if value.is_empty() {
            return Some(Said::Broken { is_empty: true });
        }
        match frame::decode::<ClientMessage>(value) {
            Err(malformed) => Some(Said::Nonsense(malformed)),
            Ok(message) => match &message.request {
                Request::Fetch(fetch) if !self.model.knows(who, fetch.after) => None,
                Request::Confirm(confirm)
                    if confirm.mails.iter().any(|mail| !self.model.knows(who, mail.seq)) =>
                {
                    None
                }
                _ => Some(Said::Request(message)),
            },
        }
    }

    /// Sends requests, all at once.
    fn ask(&mut self, who: usize, messages: Vec<ClientMessage>) {
        let mut bytes = Vec::new();
        for message in &messages {
            frame::encode(message, &mut bytes).unwrap();
        }
        self.world.write(who, &bytes);
        let said: Vec<Said> = messages.into_iter().map(Said::Request).collect();
        self.hear(who, &said);
    }

    /// Takes the replies, one for each thing said until the connection is closed.
    fn hear(&mut self, who: usize, said: &[Said]) {
        self.world.settle();
        self.world.take(who);
        let now = self.world.inner.now;
        for said in said {
            if self.model.is_closed(who) {
                break;
            }
            let (number, reply) = self.world.reply(who).expect("everything said is answered");
            let asked = match said {
                Said::Request(message) => {
                    self.model.answered(who, now, &message.request, &reply);
                    message.number
                }
                Said::Nonsense(malformed) => {
                    let is_invalid = malformed.kind == MalformedKind::Invalid;
                    self.model.refused(who, is_invalid, &malformed.text, &reply);
                    malformed.number.unwrap_or(0)
                }
                Said::Broken { is_empty } => {
                    self.model.broken(who, *is_empty, &reply);
                    0
                }
            };
            assert_eq!(number, asked);
        }
        assert_eq!(self.world.reply(who), None, "nothing is answered that was not asked");
    }

    fn hang_up(&mut self, who: usize) {
        self.world.hang_up(who);
        self.model.hung_up(who);
    }

    /// Holds what everybody else noticed against the model, and lets those go that are closed.
    fn compare(&mut self) {
        self.world.settle();
        for who in 0..CLIENTS {
            if !self.world.is_there(who) {
                continue;
            }
            self.world.take(who);
            assert_eq!(self.world.reply(who), None);
            assert_eq!(self.world.notices(who), self.model.notices(who), "client {who}");
            assert_eq!(self.world.is_closed(who), self.model.is_closed(who), "client {who}");
            if self.model.is_closed(who) {
                self.hang_up(who);
            }
        }
    }

    /// Nobody is left, every mailbox holds what the model says, and the server stops.
    fn end(&mut self) {
        for who in 0..CLIENTS {
            if self.world.is_there(who) {
                self.hang_up(who);
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
            assert_eq!(self.model.standing(0), Standing::LoggedIn);
            self.hang_up(0);
        }
        self.world.connect(0);
        self.world.inner.server.stop(self.world.inner.now);
        self.world.settle();
        self.world.take(0);
        assert_eq!(self.world.notices(0), [Notice::ShuttingDown {}]);
        assert!(self.world.is_closed(0));
    }

    fn message(&self, who: usize, script: &mut Script<'_>) -> ClientMessage {
        let number = u32::from(script.byte()) + 1;
        ClientMessage { number, request: self.request(who, script) }
    }

    fn request(&self, who: usize, script: &mut Script<'_>) -> Request {
        match script.below(16) {
            0 => hello(1 + u32::from(script.byte() == 255)),
            1 => Request::Register(Register {
                id: id(script),
                username: username(script),
                full_name: full_name(script),
                credential: credential(script),
                invite: None,
            }),
            2 | 3 => {
                Request::Login(Login { username: username(script), credential: credential(script) })
            }
            4 => Request::Logout {},
            5..=7 => Request::Send(Send {
                id: id(script),
                to: recipients(script),
                subject: subject(script),
                body: body(script),
            }),
            8 | 9 => {
                let after = self.model.seq(who, script.byte());
                Request::Fetch(Fetch { after, max: u32::from(script.byte() % 8) })
            }
            10 | 11 => {
                let count = script.below(4);
                let mails = (0..count).map(|_| self.reference(who, script)).collect();
                Request::Confirm(Confirm { mails })
            }
            12 => Request::Account(Account::FullName { full_name: full_name(script) }),
            13 => Request::Account(Account::Password {
                current: credential(script),
                new: credential(script),
            }),
            14 => Request::Account(Account::Delete { credential: credential(script) }),
            _ => Request::Ping {},
        }
    }

    /// A mail of the mailbox, or one that is not quite one.
    fn reference(&self, who: usize, script: &mut Script<'_>) -> MailRef {
        let which = script.byte();
        let seq = self.model.seq(who, which);
        let id = self.model.id_of(who, seq).filter(|_| which & 0x80 == 0);
        MailRef { seq, id: id.unwrap_or_else(|| self::id(script)) }
    }
}

fn framed(value: &[u8]) -> Vec<u8> {
    [&u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn hello(version: u32) -> Request {
    Request::Hello(Hello { version, software: Software::named("fuzz") })
}

fn id(script: &mut Script<'_>) -> MailId {
    let mut bytes = [0; 16];
    (bytes[6], bytes[8], bytes[15]) = (0x70, 0x80, script.byte() % 8);
    bytes.try_into().unwrap()
}

fn username(script: &mut Script<'_>) -> Username {
    USERNAMES[script.below(USERNAMES.len())].parse().unwrap()
}

fn full_name(script: &mut Script<'_>) -> FullName {
    FULL_NAMES[script.below(FULL_NAMES.len())].parse().unwrap()
}

fn credential(script: &mut Script<'_>) -> Credential {
    Credential::from([script.byte() % 3; 23])
}

fn recipients(script: &mut Script<'_>) -> Recipients {
    let chosen = usize::from(script.byte());
    let names = USERNAMES.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
    let mut names: Vec<Username> = names.map(|(_, name)| name.parse().unwrap()).collect();
    if chosen & 0x10 != 0 {
        names.reverse();
    }
    names.try_into().unwrap_or_else(|_| USERNAMES[0].parse::<Username>().unwrap().into())
}

fn subject(script: &mut Script<'_>) -> Subject {
    let text = String::from_utf8_lossy(script.take(3));
    text.parse().unwrap_or_else(|_| "Jantar".parse().unwrap())
}

fn body(script: &mut Script<'_>) -> Body {
    let text = String::from_utf8_lossy(script.counted());
    text.parse().unwrap_or_else(|_| "Até já\n".parse().unwrap())
}

/// The number that no mail has.
const NO_SEQ: Seq = Seq(u64::MAX);
