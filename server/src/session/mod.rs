//! The state machine of one connection: which request may do what in which state.
//!
//! It does no I/O and asks no clock. A request is answered at once or deferred to a job; while a
//! job is out, the session waits for exactly that one. What requests do stands in
//! `account.rs` and `mailbox.rs`.

mod account;
mod charge;
pub(crate) mod effect;
mod mailbox;
pub(crate) mod presence;

use std::time::Duration;

use correio_proto::{
    VERSION, limits,
    mail::{FullName, Username},
    message::{ErrorCode, ErrorReply, Hello, Limits, Realm, Reply, Request, Software, Welcome},
    tls::Security,
};

use crate::{
    auth::{
        hashing::{Bcrypt, HashDone, HashJob},
        invite::RegistrationRules,
    },
    clock::Now,
    event::Event,
    ids::{AccountId, ConnId, Ticket},
    limits::{
        prefix::Prefix,
        throttle::{Throttle, Wait},
    },
    session::{
        charge::{Charge, Settlement},
        effect::Effect,
        presence::Presence,
    },
    store::{StoreDone, StoreJob},
};

/// Refusals of one connection that the log has lines for.
const REFUSALS_LOGGED: u32 = 20;

/// What is the same for every session of a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How connections are protected.
    pub security: Security,
    /// Random id of the store.
    pub realm: Realm,
    /// Longest body accepted, in bytes.
    pub body_max: usize,
    /// Who may register.
    pub registrations: RegistrationRules,
    /// How stored hashes are made.
    pub bcrypt: Bcrypt,
    /// How long a connection may take until it is logged in; absolute.
    pub login_timeout: Duration,
    /// How long a connection that is logged in may be silent, or take for one frame in either
    /// direction. It is pinged at half of it.
    pub idle_timeout: Duration,
}

impl Settings {
    /// Largest frame that a session which is logged in may send, in bytes.
    #[must_use]
    pub fn frame_max(&self) -> usize {
        self.body_max + limits::FRAME_OVERHEAD_MAX
    }
}

/// What a session is lent for one call.
pub(crate) struct Scope<'a> {
    /// The time.
    pub(crate) now: Now,
    /// Which connection it is.
    pub(crate) connection: ConnId,
    /// Where the connection comes from.
    pub(crate) peer: std::net::SocketAddr,
    /// What is the same for every session.
    pub(crate) settings: &'a Settings,
    /// Who may try how often.
    pub(crate) throttle: &'a mut Throttle,
    /// Takes what concerns other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Who is there to be told of something.
    pub(crate) presence: &'a Presence,
}

impl Scope<'_> {
    /// Whose attempts those of this connection are.
    pub(crate) fn prefix(&self) -> Prefix {
        self.peer.ip().into()
    }
}

/// What a request comes to for now.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is answered.
    Reply(Reply),
    /// It is answered, and the connection ends.
    Close(Reply),
    /// A job must be done first.
    Defer(Job, Pending),
}

impl Outcome {
    /// A refusal.
    pub(crate) fn refuse(code: ErrorCode, text: &str) -> Self {
        Self::Reply(Reply::Error(ErrorReply::new(code, text)))
    }

    /// The answer to somebody who tries too often, and the line in the log that tells of it.
    pub(crate) fn limited(
        scope: &Scope<'_>,
        username: &Username,
        limit: Limit,
        wait: Wait,
    ) -> Self {
        let seconds = wait.seconds();
        let (connection, address) = (scope.connection, scope.peer);
        let wait = seconds;
        Event::RequestLimited { username, connection, address, limit: limit.as_str(), wait }.log();
        let mut error = ErrorReply::new(ErrorCode::RateLimited, limit.text());
        error.retry_after = Some(seconds);
        Self::Reply(Reply::Error(error))
    }

    /// The answer where a store or worker could not do its job.
    pub(crate) fn unavailable() -> Self {
        Self::refuse(ErrorCode::Unavailable, "the server could not do this now; try again")
    }

    /// The answer where the account of the session does not exist any more.
    pub(crate) fn account_gone() -> Self {
        let text = "the account does not exist any more";
        Self::Close(Reply::Error(ErrorReply::new(ErrorCode::NotAuthenticated, text)))
    }
}

/// Work that is done elsewhere.
#[derive(Debug)]
pub(crate) enum Job {
    /// By a worker.
    Hash(HashJob),
    /// By the store.
    Store(StoreJob),
}

/// What comes back of a [`Job`].
#[derive(Debug)]
pub(crate) enum Done {
    /// From a worker.
    Hash(HashDone),
    /// From the store.
    Store(StoreDone),
    /// From nobody: the queue is full.
    Busy {
        /// Which queue.
        queue: QueueName,
        /// When another try is worth it.
        retry_after: Duration,
    },
}

/// The queues that jobs wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueName {
    /// That of the bcrypt workers.
    Hash,
    /// That of the store.
    Store,
}

impl QueueName {
    /// As it is logged.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Store => "store",
        }
    }
}

/// What there may be too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Failed logins, and other wrong passwords.
    Logins,
    /// RegistrationRules from one prefix.
    RegistrationRules,
    /// Mails from one account.
    Mails,
}

impl Limit {
    /// As it is logged.
    fn as_str(self) -> &'static str {
        match self {
            Self::Logins => "logins",
            Self::RegistrationRules => "registrations",
            Self::Mails => "mails",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Logins => "too many attempts to log in from this address; try again later",
            Self::RegistrationRules => "too many registrations from this address; try again later",
            Self::Mails => "too many mails from this account; try again later",
        }
    }
}

/// What a session does once its job is done.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Goes on with something about accounts.
    Account(Box<account::Step>),
    /// Goes on with something about mail.
    Mailbox(mailbox::Step),
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The account's number.
    pub(crate) account: AccountId,
    /// Its username.
    pub(crate) username: Username,
    /// Its full name.
    pub(crate) full_name: FullName,
}

/// How far a session has come.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing was said yet.
    New,
    /// `hello` was exchanged.
    Anonymous,
    /// An account is logged in.
    LoggedIn(Box<Identity>),
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: State,
    /// What [`Throttle`] was charged with for the request under way.
    pub(crate) charge: Option<Charge>,
    waiting: Option<Waiting>,
    serial: u64,
    refusals: u32,
}

/// The job that is out, and what it is for.
#[derive(Debug)]
struct Waiting {
    serial: u64,
    queue: QueueName,
    number: u32,
    pending: Pending,
}

/// What a session wants of its connection.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this reply to the request of this number.
    Reply(u32, Reply),
    /// The same, and end the connection.
    Close(u32, Reply),
    /// Have this job done under this ticket.
    Defer(Ticket, Job),
}

impl Default for Session {
    fn default() -> Self {
        Self { state: State::New, charge: None, waiting: None, serial: 0, refusals: 0 }
    }
}

impl Session {
    /// Takes a request. Not to be called while the session is waiting.
    pub(crate) fn handle(&mut self, scope: &mut Scope<'_>, number: u32, request: Request) -> Order {
        let outcome = match allowed(&self.state, &request) {
            Ok(()) => self.dispatch(scope, request),
            Err((code, text)) => Outcome::refuse(code, text),
        };
        self.order(scope, number, outcome)
    }

    /// Takes what came of a job. `None` where this session does not wait for it.
    pub(crate) fn complete(
        &mut self,
        scope: &mut Scope<'_>,
        ticket: Ticket,
        done: Done,
    ) -> Option<Order> {
        let waiting = self.waiting.take_if(|waiting| waiting.serial == ticket.serial)?;
        let outcome = match done {
            Done::Busy { queue, retry_after } => busy(queue, retry_after),
            done => match waiting.pending {
                Pending::Account(step) => account::complete(self, scope, *step, done),
                Pending::Mailbox(step) => mailbox::complete(self, scope, step, done),
            },
        };
        Some(self.order(scope, waiting.number, outcome))
    }

    /// Learns that its connection does not do what it wants any more. A job that is not done is
    /// none to wait for.
    pub(crate) fn drop_order(&mut self, order: &Order) {
        if matches!(order, Order::Defer(..)) {
            self.waiting = None;
        }
    }

    /// The ticket of the job that is out.
    #[must_use]
    pub(crate) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.waiting.as_ref().map(|waiting| Ticket { connection, serial: waiting.serial })
    }

    /// Whether the job that is out is the store's: it will be done, whoever is there to hear of it.
    #[must_use]
    pub(crate) fn is_storing(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.queue == QueueName::Store)
    }

    /// Who is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.state {
            State::LoggedIn(identity) => Some(identity),
            State::New | State::Anonymous => None,
        }
    }

    fn dispatch(&mut self, scope: &mut Scope<'_>, request: Request) -> Outcome {
        match request {
            Request::Hello(hello) => self.hello(scope, &hello),
            Request::Ping {} => Outcome::Reply(Reply::Pong {}),
            Request::Register(register) => account::register(self, scope, register),
            Request::Login(login) => account::login(self, scope, login),
            Request::Logout {} => account::logout(self, scope),
            Request::Account(change) => account::change(self, scope, change),
            Request::Send(send) => mailbox::send(self, scope, send),
            Request::Fetch(fetch) => mailbox::fetch(self, fetch),
            Request::Confirm(confirm) => mailbox::confirm(self, confirm),
        }
    }

    fn hello(&mut self, scope: &Scope<'_>, hello: &Hello) -> Outcome {
        if hello.version != VERSION {
            let text = format!("this server speaks version {VERSION}");
            let mut error = ErrorReply::new(ErrorCode::Version, text);
            error.versions = vec![VERSION];
            return Outcome::Close(Reply::Error(error));
        }
        self.state = State::Anonymous;
        Outcome::Reply(Reply::Hello(welcome(scope.settings)))
    }

    /// Takes the charge back: the client left before a worker began.
    pub(crate) fn abandon(&mut self, scope: &mut Scope<'_>) {
        self.settle_as(scope, Settlement::Unanswered);
    }

    /// Settles the charge of a request at which a worker is: the client left meanwhile.
    pub(crate) fn abandon_work(&mut self, scope: &mut Scope<'_>) {
        self.settle_as(scope, Settlement::Abandoned);
    }

    /// Settles with the throttle what the request was charged with, if it was.
    pub(crate) fn settle_as(&mut self, scope: &mut Scope<'_>, settlement: Settlement) {
        if let Some(charge) = self.charge.take() {
            charge.settle(scope, settlement);
        }
    }

    /// Settles the charge by the reply, unless the handler has settled it already.
    fn settle(&mut self, scope: &mut Scope<'_>, reply: &Reply) {
        if let Some(charge) = &self.charge {
            let settlement = charge.settlement(reply);
            self.settle_as(scope, settlement);
        }
    }

    /// One who is refused all the time fills the log with the first refusals only.
    fn report_refusal(&mut self, scope: &Scope<'_>, reply: &Reply) {
        use ErrorCode::{BadCredentials, Conflict, MailboxFull, RateLimited, UnknownRecipient};
        let Reply::Error(error) = reply else {
            return;
        };
        // These have an event of their own that says more.
        if matches!(
            error.code,
            BadCredentials | Conflict | MailboxFull | RateLimited | UnknownRecipient
        ) {
            return;
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= REFUSALS_LOGGED {
            let connection = scope.connection;
            Event::RequestRefused { connection, code: error.code, text: &error.text }.log();
        }
    }

    fn order(&mut self, scope: &mut Scope<'_>, number: u32, outcome: Outcome) -> Order {
        match outcome {
            Outcome::Reply(reply) => {
                self.settle(scope, &reply);
                self.report_refusal(scope, &reply);
                Order::Reply(number, reply)
            }
            Outcome::Close(reply) => {
                self.settle(scope, &reply);
                self.report_refusal(scope, &reply);
                Order::Close(number, reply)
            }
            Outcome::Defer(job, pending) => {
                self.serial += 1;
                let serial = self.serial;
                let queue = match &job {
                    Job::Hash(_) => QueueName::Hash,
                    Job::Store(_) => QueueName::Store,
                };
                self.waiting = Some(Waiting { serial, queue, number, pending });
                Order::Defer(Ticket { connection: scope.connection, serial }, job)
            }
        }
    }
}

/// The one table of what is allowed when. What it does not name is refused.
fn allowed(state: &State, request: &Request) -> Result<(), (ErrorCode, &'static str)> {
    use Request::{Account, Confirm, Fetch, Hello, Login, Logout, Ping, Register, Send};
    match (state, request) {
        (State::New, Hello(_)) => Ok(()),
        (State::New, _) => Err((ErrorCode::NotAllowed, "the first request must be hello")),

        (State::Anonymous, Register(_) | Login(_) | Ping {}) => Ok(()),
        (State::Anonymous, Logout {} | Send(_) | Fetch(_) | Confirm(_) | Account(_)) => {
            Err((ErrorCode::NotAuthenticated, "log in first"))
        }
        (
            State::LoggedIn(_),
            Logout {} | Send(_) | Fetch(_) | Confirm(_) | Account(_) | Ping {},
        ) => Ok(()),
        (State::LoggedIn(_), Register(_) | Login(_)) => {
            Err((ErrorCode::NotAllowed, "log out first"))
        }
        (State::Anonymous | State::LoggedIn(_), Hello(_)) => {
            Err((ErrorCode::NotAllowed, "hello was said already"))
        }
    }
}

fn welcome(settings: &Settings) -> Welcome {
    let bounded = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Welcome {
        version: VERSION,
        software: Software::named("correiod"),
        realm: settings.realm,
        limits: Limits {
            body: bounded(settings.body_max),
            recipients: bounded(limits::RECIPIENTS_MAX),
            page: limits::PAGE_MAILS_MAX,
            frame: bounded(limits::REPLY_FRAME_MAX),
        },
        registration: settings.registrations.announced(),
    }
}

/// The answer where a queue is full: never less than a second, so that nobody hurries back.
fn busy(queue: QueueName, retry_after: Duration) -> Outcome {
    Event::QueueFull { queue: queue.as_str() }.log();
    let text = "the server has too much to do; try again later";
    let mut error = ErrorReply::new(ErrorCode::Busy, text);
    let seconds = retry_after.as_secs_f64().ceil().clamp(1.0, 3600.0);
    error.retry_after = Some(seconds as u32);
    Outcome::Reply(Reply::Error(error))
}
