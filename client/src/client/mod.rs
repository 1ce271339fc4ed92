//! One client of one server: tracks requests under way, interprets their replies, and repeats
//! requests on the next connection. No socket, no clock, no thread.
//!
//! The owner of a [`Client`] connects, calls [`Client::connected`], then [`Client::drive`] whenever
//! the connection may be read or written and after every request, [`Client::handle_timeout`] when
//! [`Client::timeout`] is reached, and takes events with [`Client::poll`]. Time is a duration since
//! a fixed moment of the owner's choice.
//!
//! On a server with the capability `resume` the client has a ticket while it is logged in, and logs
//! in again with it, without bcrypt. After a ticket was refused or has expired, the client logs in
//! with the credential.
//!
//! Every request can be repeated: it carries an id that the server remembers, or it has the same
//! effect however often it is executed. So after a connection breaks, the client logs in again and
//! repeats in order every request that a caller waits for. The exception is a request for which the
//! server closes the connection because it cannot read it: the server would close the next
//! connection, too, so the refusal is the answer.

mod event;
mod queue;
mod resume;
mod session;
mod wire;

use std::{collections::VecDeque, time::Duration};

use correio_proto::{
    SpareBuffers, capability,
    channel::Channel,
    limits,
    mail::{Content, ContentKind, ContentSize, Username},
    message::{
        ErrorCode, ErrorReply, Hello, Notice, Reply, Request, ServerMessage, Software, Welcome,
    },
    tls::Security,
};

pub use event::{Driven, Event, Failure, LinkError, RequestId};

use queue::{Abandoned, Change, Origin, Queue};
use session::{CredentialChoice, Session};

/// Configuration of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Protection of the connections.
    pub security: Security,
    /// The program, as the greeting names it.
    pub software: Software,
    /// Maximum of requests without an answer. A further request fails with [`Failure::Overloaded`].
    pub requests_max: usize,
    /// Maximum of notices of new mail that were not taken; beyond it the oldest is dropped.
    pub notices_max: usize,
    /// Time without traffic after which the client pings, so that it notices a dead connection.
    pub keep_alive: Duration,
    /// Time without traffic, while an answer is due, after which the client gives the connection
    /// up.
    pub silence: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            security: Security::Plaintext,
            software: Software::named("correio"),
            requests_max: 64,
            notices_max: 100,
            // Together they detect a server that is gone well within a minute.
            keep_alive: Duration::from_secs(20),
            silence: Duration::from_secs(20),
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    channel: Channel,
    state: ConnectionState,
    queue: Queue,
    session: Session,
    welcome: Option<Welcome>,
    events: VecDeque<Event>,
    notices: usize,
    next_id: u64,
    next_number: u32,
    /// Time of the last bytes in either direction.
    moved_at: Duration,
    /// Whether a caller's request had a positive answer on the last connection.
    has_served: bool,
}

/// State of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    /// No connection.
    Down,
    /// The greeting was sent.
    Hello,
    /// The session is being logged in again, with this credential.
    Login(CredentialChoice),
    /// The server was too busy for the login; the client repeats it at this time.
    LoginAt(Duration),
    /// Requests are sent.
    Ready,
    /// The server is about to close: replies still arrive, but no further request is sent.
    Closing,
}

impl Client {
    /// A client without a connection.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            channel: Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX),
            config,
            state: ConnectionState::Down,
            queue: Queue::default(),
            session: Session::None,
            welcome: None,
            events: VecDeque::new(),
            notices: 0,
            next_id: 1,
            next_number: 1,
            moved_at: Duration::ZERO,
            has_served: false,
        }
    }

    /// Starts over on a new connection, with the greeting.
    pub fn connected(&mut self, now: Duration) {
        self.disconnected();
        self.has_served = false;
        self.channel = Channel::new(&self.config.security, limits::FRAME_BEFORE_LOGIN_MAX);
        self.moved_at = now;
        self.state = ConnectionState::Hello;
        let hello =
            Hello { version: correio_proto::VERSION, software: self.config.software.clone() };
        self.push(Request::Hello(hello));
    }

    /// Notes that the connection is gone.
    pub fn disconnected(&mut self) {
        if let Some(change) = self.queue.sent_password_change() {
            self.session.note_lost(change);
        }
        self.state = ConnectionState::Down;
        self.channel = Channel::plaintext(limits::FRAME_BEFORE_LOGIN_MAX);
        self.next_number = 1;
        self.queue.disconnected();
        if self.session.has_ended() {
            self.fail_orphans();
        }
    }

    /// Queues a request, to be answered before `deadline`. [`Client::drive`] sends it at once or on
    /// the next connection.
    ///
    /// # Errors
    ///
    /// The request cannot succeed; see [`Failure`].
    pub fn request(&mut self, request: Request, deadline: Duration) -> Result<RequestId, Failure> {
        if self.queue.len() >= self.config.requests_max {
            return Err(Failure::Overloaded);
        }
        let welcome = self.welcome.as_ref();
        if let Some(refusal) = welcome.and_then(|welcome| not_taken(welcome, &request)) {
            return Err(refusal);
        }
        let ended = match self.queue.last_change() {
            Some(Change::Begins) => false,
            // A request after a logout would reach the server without a session.
            Some(Change::Ends) => true,
            None => self.session.has_ended(),
        };
        if ended && queue::needs_session(&request) {
            return Err(Failure::SessionEnded);
        }
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.queue.push(Origin::Caller(id), request, deadline);
        Ok(id)
    }

    /// Gives up waiting for an answer. The server may still execute a request that was sent.
    pub fn abandon(&mut self, id: RequestId) {
        if self.queue.abandon(id) == Some(Abandoned::Logout) {
            self.session = Session::None;
        }
    }

    /// When [`Client::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        let link = match self.state {
            ConnectionState::Down => None,
            ConnectionState::LoginAt(at) => Some(at),
            _ if self.awaits_answer() => Some(self.moved_at + self.config.silence),
            _ => Some(self.moved_at + self.config.keep_alive),
        };
        [link, self.queue.deadline()].into_iter().flatten().min()
    }

    /// Does what is due at `now`. Call [`Client::drive`] afterwards.
    ///
    /// # Errors
    ///
    /// The connection is unusable.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), LinkError> {
        for (id, abandoned) in self.queue.expire(now) {
            if abandoned == Abandoned::Logout {
                self.session = Session::None;
            }
            self.answer(id, Err(Failure::TimedOut), Duration::ZERO);
        }
        match self.state {
            ConnectionState::Down => {}
            ConnectionState::LoginAt(at) if at <= now => {
                self.log_in_again(self.first_choice(now));
            }
            ConnectionState::LoginAt(_) => {}
            _ if self.awaits_answer() => {
                let silent = self.moved_at + self.config.silence <= now;
                return if silent { Err(LinkError::Silent) } else { Ok(()) };
            }
            _ if self.moved_at + self.config.keep_alive <= now => self.ping(),
            _ => {}
        }
        Ok(())
    }

    /// Takes the next event.
    pub fn poll(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.notices -= usize::from(matches!(event, Event::NewMail(_)));
        Some(event)
    }

    /// Whether requests are being sent: the connection is greeted, and the session, if any, is
    /// logged in again.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == ConnectionState::Ready
    }

    /// Whether the greeting was exchanged on the present connection.
    #[must_use]
    pub fn is_greeted(&self) -> bool {
        !matches!(self.state, ConnectionState::Down | ConnectionState::Hello)
    }

    /// Whether a caller's request was answered on this connection, or on the last if it is gone,
    /// and not with an error. A large content makes way on such connections, however short they
    /// are.
    #[must_use]
    pub fn has_served(&self) -> bool {
        self.has_served
    }

    /// Whether the server is about to close the connection.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state == ConnectionState::Closing
    }

    /// Sends TLS's `close_notify` before the connection is closed. Call [`Client::drive`] once
    /// afterwards.
    pub fn close(&mut self) {
        self.channel.close();
    }

    /// Whether there are bytes to write: wait until the connection is writable.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.channel.wants_write()
    }

    /// The username that is logged in, or will be again on the next connection.
    #[must_use]
    pub fn username(&self) -> Option<&Username> {
        self.session.username()
    }

    /// The server's last reply to the greeting.
    #[must_use]
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// Borrows buffers; see [`Channel::attach`]. Only a program with very many clients needs it.
    pub fn attach(&mut self, spare: &mut SpareBuffers) {
        self.channel.attach(spare);
    }

    /// Gives unused buffers back.
    pub fn detach(&mut self, spare: &mut SpareBuffers) {
        self.channel.detach(spare);
    }

    fn handle(&mut self, now: Duration, message: ServerMessage) -> Result<(), LinkError> {
        match message {
            ServerMessage::Notice(notice) => {
                self.handle_notice(notice);
                Ok(())
            }
            // An error about an unreadable frame or about the connection.
            ServerMessage::Reply { number: 0, reply } => Err(match reply {
                Reply::Error(error) => {
                    self.refuse_unreadable(now, &error);
                    rejection(error)
                }
                _ => LinkError::Protocol("a reply without a number".to_owned()),
            }),
            ServerMessage::Reply { number, reply } => match self.state {
                ConnectionState::Hello => self.greeted(now, number, reply),
                ConnectionState::Login(choice) => self.logged_in_again(now, number, choice, reply),
                _ => self.answered(now, number, reply),
            },
        }
    }

    fn handle_notice(&mut self, notice: Notice) {
        match notice {
            Notice::NewMail(mail) => self.notify(Event::NewMail(mail)),
            // Any request answers it, even one that is under way.
            Notice::Ping {} => self.ping(),
            Notice::SessionEnded {} => self.end_session(),
            Notice::ShuttingDown {} => {
                // In other states no requests are sent that could be held back.
                if self.state == ConnectionState::Ready {
                    self.state = ConnectionState::Closing;
                    self.events.push_back(Event::ShuttingDown);
                }
            }
        }
    }

    fn answered(&mut self, now: Duration, number: u32, reply: Reply) -> Result<(), LinkError> {
        let expected = self.queue.oldest_sent();
        if !expected.is_some_and(|e| e.number == number && e.request.is_answered_by(&reply)) {
            return Err(LinkError::Protocol("a reply to nothing that was asked".to_owned()));
        }
        let Some(entry) = self.queue.take_oldest_sent() else {
            return Ok(());
        };
        let took = now.saturating_sub(entry.sent_at);
        match entry.origin {
            Origin::Caller(id) => {
                self.has_served |= !matches!(reply, Reply::Error(_));
                self.learn(entry.request, &reply);
                self.answer(id, Ok(reply), took);
                // The logout of an abandoned login's session ends this login's, too.
                if self.queue.has_own_logout() {
                    self.end_session();
                }
            }
            Origin::Abandoned => match (&entry.request, &reply) {
                // No caller waits for this session, so the client ends it. A session of before is
                // over, too: a server that allows a login in a session has replaced it.
                (Request::Login(_), Reply::LoggedIn(_)) => {
                    self.queue.push_next(Request::Logout {});
                    self.end_session();
                }
                _ => self.learn(entry.request, &reply),
            },
            Origin::Internal if entry.request == Request::Ticket {} => {
                self.ticket_answered(now, reply);
            }
            Origin::Internal => {}
        }
        Ok(())
    }

    /// Answers the request that the server could not read with the server's refusal. The request
    /// is not sent again: each further connection would be closed for the same reason. Replies come
    /// in order, so that the refused request is the oldest one without an answer.
    fn refuse_unreadable(&mut self, now: Duration, error: &ErrorReply) {
        let is_about_a_frame =
            matches!(error.code, ErrorCode::TooLarge | ErrorCode::Protocol | ErrorCode::Invalid);
        if !is_about_a_frame
            || !matches!(self.state, ConnectionState::Ready | ConnectionState::Closing)
        {
            return;
        }
        let Some(entry) = self.queue.take_oldest_sent() else {
            return;
        };
        if let Origin::Caller(id) = entry.origin {
            let took = now.saturating_sub(entry.sent_at);
            self.answer(id, Ok(Reply::Error(error.clone())), took);
        }
    }

    fn learn(&mut self, request: Request, reply: &Reply) {
        if let Some(welcome) = &self.welcome {
            self.session.learn(request, reply, welcome.realm);
        }
    }

    fn ping(&mut self) {
        if self.state == ConnectionState::Ready && !self.queue.has_own_ping() {
            self.queue.push_next(Request::Ping {});
        }
    }

    fn awaits_answer(&self) -> bool {
        match self.state {
            // A closing server still has to end the connection.
            ConnectionState::Hello | ConnectionState::Login(_) | ConnectionState::Closing => true,
            ConnectionState::Down | ConnectionState::LoginAt(_) => false,
            ConnectionState::Ready => self.queue.awaits_answer(),
        }
    }

    fn answer(&mut self, id: RequestId, outcome: Result<Reply, Failure>, took: Duration) {
        self.events.push_back(Event::Answer { id, outcome, took });
    }

    /// Queues a notice of new mail, and drops the oldest notice if there are too many.
    fn notify(&mut self, notice: Event) {
        if self.notices >= self.config.notices_max {
            let oldest = self.events.iter().position(|e| matches!(e, Event::NewMail(_)));
            oldest.and_then(|index| self.events.remove(index));
            self.notices = self.notices.saturating_sub(1);
        }
        self.notices += 1;
        self.events.push_back(notice);
    }
}

/// Why the server does not take the content of a request: the content is above a limit, or of a
/// kind that the server does not know.
fn not_taken(welcome: &Welcome, request: &Request) -> Option<Failure> {
    let content = match request {
        Request::Send(send) => &send.content,
        Request::Upload(upload) => return above_limit_of_contents(welcome, upload.size),
        _ => return None,
    };
    let takes_messages = welcome.capabilities.contains(capability::MESSAGES);
    if content.kind() == (ContentKind::Message {}) && !takes_messages {
        return Some(Failure::NoMessages);
    }
    match content {
        Content::Body(_) | Content::Message(_) => {
            let (size, limit) = (content.size(), u64::from(welcome.limits.body));
            (size > limit).then_some(Failure::TooLarge { size, limit })
        }
        Content::Large(large) => above_limit_of_contents(welcome, large.size),
    }
}

fn above_limit_of_contents(welcome: &Welcome, size: ContentSize) -> Option<Failure> {
    let size = size.get();
    let limit = match welcome.capabilities.contains(capability::CONTENTS) {
        true => welcome.limits.content,
        false => return Some(Failure::TooLarge { size, limit: u64::from(welcome.limits.body) }),
    };
    (size > limit).then_some(Failure::TooLarge { size, limit })
}

fn rejection(error: ErrorReply) -> LinkError {
    match error.code {
        ErrorCode::Version => LinkError::Version(error.versions),
        _ => LinkError::Rejected(error),
    }
}

#[cfg(test)]
mod tests;
