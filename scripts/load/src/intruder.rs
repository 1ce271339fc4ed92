//! Hostile clients: they hold connections, leave frames unfinished, read nothing, and guess
//! passwords. They may be refused at any point, but must not harm the other clients.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use correio_proto::{
    channel::Channel,
    credential::Credential,
    limits,
    mail::Username,
    message::{
        ClientMessage, Fetch, Hello, Login, Register, Reply, Request, Send, ServerMessage, Software,
    },
    tls::Security,
};

use crate::{dial::LinkAction, scenario::Behaviour};

/// How long an intruder waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// Pages that a slow reader asks for and does not read.
const PAGES: u32 = 500;

/// Number of mails that a slow reader sends to itself, and bytes of each.
const OWN_MAILS: u32 = 20;
const OWN_BODY: usize = 50_000;

/// The beginning of a TLS record, and of a frame without TLS; neither is ever completed.
const HALF_RECORD: [u8; 8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01];
const HALF_FRAME: [u8; 8] = [0x00, 0x00, 0x0f, 0xff, 0x83, 0xa6, b'n', b'u'];

/// See the module's description.
#[derive(Debug)]
pub struct Intruder {
    behaviour: Behaviour,
    username: Username,
    credential: Credential,
    security: Security,
    channel: Channel,
    sent: usize,
    number: u32,
    state: DialogueState,
    /// When the intruder next acts by itself.
    wake_at: Duration,
}

/// The state of a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DialogueState {
    Greeting,
    Registering,
    LoggingIn,
    Filling,
    /// Sends requests and reads nothing.
    Deaf,
}

impl Intruder {
    /// An intruder that first connects at `arrival`.
    #[must_use]
    pub fn new(
        behaviour: Behaviour,
        username: Username,
        credential: Credential,
        security: Security,
        arrival: Duration,
    ) -> Self {
        let channel = Channel::new(&security, limits::REPLY_FRAME_MAX);
        Self {
            behaviour,
            username,
            credential,
            security,
            channel,
            sent: 0,
            number: 0,
            state: DialogueState::Greeting,
            wake_at: arrival,
        }
    }

    /// When the intruder next acts by itself.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        self.wake_at
    }

    /// Starts over on a new connection.
    pub fn connected(&mut self, now: Duration) {
        self.channel = Channel::new(&self.security, limits::REPLY_FRAME_MAX);
        self.sent = 0;
        self.number = 0;
        self.wake_at = now;
        if matches!(self.behaviour, Behaviour::SlowReader | Behaviour::LoginFlood) {
            self.state = DialogueState::Greeting;
            let software = Software::named("intruder");
            self.ask(Request::Hello(Hello { version: correio_proto::VERSION, software }));
        }
    }

    /// Notes that the connection is gone.
    pub fn disconnected(&mut self, now: Duration) {
        self.wake_at = now + PAUSE;
    }

    /// Acts as far as the connection allows.
    pub fn drive(&mut self, now: Duration, stream: &mut (impl Read + Write)) -> LinkAction {
        match self.act(now, stream) {
            Ok(next) => next,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => LinkAction::Keep,
            Err(_) => LinkAction::Close,
        }
    }

    fn act(&mut self, now: Duration, stream: &mut (impl Read + Write)) -> io::Result<LinkAction> {
        match self.behaviour {
            Behaviour::User
            | Behaviour::Vanishing
            | Behaviour::Silent
            | Behaviour::Smtp
            | Behaviour::Pop3 => {
                self.wake_at = Duration::MAX;
                self.listen(stream)
            }
            Behaviour::Dribble | Behaviour::HalfFrame => {
                let half = match self.security {
                    Security::Plaintext => HALF_FRAME,
                    Security::Client(..) | Security::Server(_) => HALF_RECORD,
                };
                let count = if self.behaviour == Behaviour::Dribble { 1 } else { half.len() };
                if now >= self.wake_at {
                    let bytes = half.iter().cycle().skip(self.sent).take(count).copied();
                    stream.write_all(&bytes.collect::<Vec<u8>>())?;
                    self.sent += count;
                    self.wake_at = match self.behaviour {
                        Behaviour::Dribble => now + PAUSE,
                        _ => Duration::MAX,
                    };
                }
                self.listen(stream)
            }
            Behaviour::SlowReader | Behaviour::LoginFlood => {
                self.wake_at = Duration::MAX;
                self.converse(stream)
            }
        }
    }

    /// Reads until the server closes the connection.
    fn listen(&self, stream: &mut impl Read) -> io::Result<LinkAction> {
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes)? > 0 {}
        Ok(LinkAction::Close)
    }

    fn converse(&mut self, stream: &mut (impl Read + Write)) -> io::Result<LinkAction> {
        loop {
            while self.channel.wants_write() {
                self.channel.write_to(stream)?;
            }
            if self.state == DialogueState::Deaf {
                return Ok(LinkAction::Keep);
            }
            match self.channel.next_message::<ServerMessage>() {
                Ok(Some(ServerMessage::Reply { reply, .. })) => {
                    if self.answered(&reply) == LinkAction::Close {
                        return Ok(LinkAction::Close);
                    }
                }
                Ok(Some(ServerMessage::Notice(_))) => {}
                Ok(None) if self.channel.read_from(stream)? == 0 => return Ok(LinkAction::Close),
                Ok(None) => {}
                Err(_) => return Ok(LinkAction::Close),
            }
        }
    }

    fn answered(&mut self, reply: &Reply) -> LinkAction {
        self.state = match (self.behaviour, self.state) {
            (Behaviour::LoginFlood, DialogueState::Greeting) => {
                let (username, credential) = (self.username.clone(), Credential::from([9; 23]));
                self.ask(Request::Login(Login { username, credential }));
                DialogueState::LoggingIn
            }
            (Behaviour::LoginFlood, _) => return LinkAction::Close,
            (_, DialogueState::Greeting) => {
                let full_name = self.username.as_str().parse();
                self.ask(Request::Register(Register {
                    id: correio_client::new_mail_id(),
                    username: self.username.clone(),
                    full_name: full_name.expect("a username is a full name"),
                    credential: self.credential.clone(),
                    invite: None,
                }));
                DialogueState::Registering
            }
            (_, DialogueState::Registering) => {
                let (username, credential) = (self.username.clone(), self.credential.clone());
                self.ask(Request::Login(Login { username, credential }));
                DialogueState::LoggingIn
            }
            (_, DialogueState::LoggingIn) if !matches!(reply, Reply::LoggedIn(_)) => {
                return LinkAction::Close;
            }
            (_, DialogueState::LoggingIn) => {
                for _ in 0..OWN_MAILS {
                    self.ask(Request::Send(Send {
                        id: correio_client::new_mail_id(),
                        to: vec![self.username.clone()].try_into().expect("one recipient"),
                        subject: "x".parse().expect("a subject"),
                        content: "x".repeat(OWN_BODY).parse().expect("a body"),
                    }));
                }
                DialogueState::Filling
            }
            (_, DialogueState::Filling) if self.number > OWN_MAILS => {
                for _ in 0..PAGES {
                    self.ask(Request::Fetch(Fetch::default()));
                }
                DialogueState::Deaf
            }
            (_, state) => state,
        };
        LinkAction::Keep
    }

    fn ask(&mut self, request: Request) {
        self.number += 1;
        let pushed = self.channel.push(&ClientMessage { number: self.number, request });
        pushed.expect("no request comes near 4 GiB");
    }
}
