//! A virtual user: chooses actions and handles their answers. The driver lends it a connection.

mod contents;
mod context;
mod lists;
mod mails;
mod own_list;
mod transfer;

use std::time::Duration;

use correio_client::client::{Client, ClientConfig, Event, Failure, RequestId};
use correio_proto::{
    credential::Credential,
    mail::{Mail, MailId, MailRef, Seq, Username},
    message::{
        Confirm, ErrorCode, ErrorReply, Fetch, Login, Page, Register, Reply, Request, Software,
    },
    tls::Security,
};

pub use self::context::{Phase, Rng, UserContext};
use self::{
    own_list::OwnList,
    transfer::{Reading, Uploading, is_large},
};
use crate::{
    dial::LinkAction,
    ledger::{self, UserId},
    results::Operation,
    scenario::{Action, Behaviour, Group},
};

/// Deadline of a request, reconnecting included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Wait after a refusal that names no time.
const RETRY: Duration = Duration::from_millis(200);

/// A mistyped password, as a credential that no account has.
const WRONG: [u8; 23] = [0x2b; 23];

/// Most mails that the schedule may have under way on one client.
const IN_FLIGHT_MAX: usize = 16;

/// See the module's description.
#[derive(Debug)]
pub struct VirtualUser {
    id: UserId,
    group: usize,
    username: Username,
    credential: Credential,
    /// The client library's core.
    pub client: Client,
    /// Whether a request was made since the connection was last driven.
    pub is_asking: bool,
    state: SessionState,
    asked: Vec<PendingRequest>,
    receiving: bool,
    uploading: Option<Uploading>,
    reading: Option<Reading>,
    list: Option<OwnList>,
    after: Seq,
    pages: u32,
    /// Nothing new begins before this time.
    wake_at: Duration,
    /// The server has asked the user to wait until this time.
    told_until: Duration,
    /// The password of the next login.
    types: TypedPassword,
    record: LoginRecord,
    /// Whether the mailbox was empty after the last mail was sent.
    drained: bool,
}

/// The password that a user types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedPassword {
    /// The right password.
    Right,
    /// A wrong password.
    Wrong,
}

/// Results of a user's logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginRecord {
    /// The user was logged in at least once.
    pub came_in: bool,
    /// A wrong password was refused.
    pub mistyped: bool,
    /// The server asked the user to wait although the password was right.
    pub waited: bool,
    /// The user logged in with a wrong password.
    pub let_in: bool,
}

/// Parameters of a virtual user.
#[derive(Debug)]
pub struct Profile {
    /// The user's number.
    pub id: UserId,
    /// The number of the group.
    pub group: usize,
    /// The username.
    pub username: Username,
    /// The credential, derived from the password.
    pub credential: Credential,
    /// TLS settings, or plaintext.
    pub security: Security,
    /// Time of the first connection.
    pub arrival: Duration,
    /// The password of the first login.
    pub types: TypedPassword,
}

/// The state of the user's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionState {
    Stranger,
    Registered,
    LoggedIn,
}

/// A request under way.
#[derive(Debug)]
struct PendingRequest {
    id: RequestId,
    what: RequestKind,
    since: Duration,
}

#[derive(Debug)]
enum RequestKind {
    Register,
    Login(TypedPassword),
    Send(MailId),
    Upload,
    Fetch,
    Read,
    Confirm(Vec<MailId>),
    Find,
    List,
    Ping,
    Logout,
}

impl RequestKind {
    fn operation(&self) -> Operation {
        match self {
            Self::Register => Operation::Register,
            Self::Login(_) => Operation::Login,
            Self::Send(_) => Operation::Send,
            Self::Upload => Operation::Upload,
            Self::Fetch => Operation::Receive,
            Self::Read => Operation::Read,
            Self::Confirm(_) => Operation::Confirm,
            Self::Find => Operation::Find,
            Self::List => Operation::List,
            Self::Ping => Operation::Ping,
            Self::Logout => Operation::Logout,
        }
    }
}

impl VirtualUser {
    /// Makes a user without a connection.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let Profile { id, group, username, credential, security, arrival, types } = profile;
        let settings = ClientConfig {
            security,
            software: Software::named("load"),
            notices_max: 1,
            ..ClientConfig::default()
        };
        Self {
            id,
            group,
            username,
            credential,
            client: Client::new(settings),
            is_asking: false,
            state: SessionState::Stranger,
            asked: Vec::new(),
            receiving: false,
            uploading: None,
            reading: None,
            list: None,
            after: Seq(0),
            pages: 0,
            wake_at: arrival,
            told_until: Duration::ZERO,
            types,
            record: LoginRecord::default(),
            drained: false,
        }
    }

    /// The user's number.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// When the user next acts by itself.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        self.wake_at
    }

    /// Whether the mailbox is empty for good.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    /// The results of the logins so far.
    #[must_use]
    pub fn record(&self) -> LoginRecord {
        self.record
    }

    /// Whether the user waits as the server has asked.
    #[must_use]
    pub fn is_told_to_wait(&self, now: Duration) -> bool {
        now < self.told_until
    }

    /// Whether the user is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.state == SessionState::LoggedIn
    }

    /// Starts the next action if it is due and no request is under way.
    pub fn begin(&mut self, context: &mut UserContext<'_>) {
        let is_over = self.drained || context.phase == Phase::Settling;
        if !self.asked.is_empty() || context.now < self.wake_at || is_over {
            return;
        }
        let under_way = match (self.state, context.phase) {
            (SessionState::LoggedIn, Phase::Acting) => {
                self.next_of_page().or_else(|| self.next_of_upload(context))
            }
            (SessionState::LoggedIn, _) => self.next_of_page(),
            _ => None,
        };
        if let Some((what, request)) = under_way {
            return self.ask(context, what, request, context.now);
        }
        let (what, request) = match self.state {
            SessionState::Stranger => (RequestKind::Register, self.registration()),
            SessionState::Registered => {
                let username = self.username.clone();
                let credential = match self.types {
                    TypedPassword::Right => self.credential.clone(),
                    TypedPassword::Wrong => Credential::from(WRONG),
                };
                (RequestKind::Login(self.types), Request::Login(Login { username, credential }))
            }
            SessionState::LoggedIn if self.receiving || context.phase == Phase::Draining => {
                (RequestKind::Fetch, Request::Fetch(Fetch { after: self.after, max: 0 }))
            }
            SessionState::LoggedIn => match self.choose(context) {
                Action::Send => return self.send_any(context),
                Action::Receive => {
                    self.receiving = true;
                    (RequestKind::Fetch, Request::Fetch(Fetch { after: self.after, max: 0 }))
                }
                Action::Find => match self.find(context) {
                    Some(find) => (RequestKind::Find, find),
                    None => return self.rest(context),
                },
                Action::Ping => (RequestKind::Ping, Request::Ping {}),
                Action::Logout => (RequestKind::Logout, Request::Logout {}),
                Action::Idle => return self.rest(context),
            },
        };
        self.ask(context, what, request, context.now);
    }

    /// Sends a mail that was due at `scheduled`, from which its latency counts, reconnecting
    /// included. Returns false if the user cannot send now.
    pub fn send_scheduled(&mut self, context: &mut UserContext<'_>, scheduled: Duration) -> bool {
        let sends =
            self.asked.iter().filter(|asked| matches!(asked.what, RequestKind::Send(_))).count();
        let leaves = self.asked.iter().any(|asked| matches!(asked.what, RequestKind::Logout));
        if !self.is_logged_in() || leaves || sends >= IN_FLIGHT_MAX {
            return false;
        }
        self.send(context, scheduled);
        true
    }

    fn registration(&self) -> Request {
        let full_name = self.username.as_str().parse();
        Request::Register(Register {
            id: correio_client::new_mail_id(),
            username: self.username.clone(),
            full_name: full_name.expect("a username is a full name"),
            credential: self.credential.clone(),
            invite: None,
        })
    }

    fn group<'a>(&self, context: &UserContext<'a>) -> &'a Group {
        context.groups.get(self.group).expect("a user belongs to a group")
    }

    fn choose(&self, context: &mut UserContext<'_>) -> Action {
        let group = self.group(context);
        let all: u32 = group.does.values().sum();
        let mut ticket = context.rng.u32(..all.max(1));
        for (action, weight) in &group.does {
            if ticket < *weight {
                return *action;
            }
            ticket -= weight;
        }
        Action::Idle
    }

    fn ask(
        &mut self,
        context: &mut UserContext<'_>,
        what: RequestKind,
        request: Request,
        since: Duration,
    ) {
        let operation = what.operation();
        match self.client.request(request, context.now + PATIENCE) {
            Ok(id) => {
                self.is_asking = true;
                self.asked.push(PendingRequest { id, what, since });
            }
            Err(failure) => self.failed(context, operation, failure),
        }
    }

    /// Handles the client's events.
    pub fn take_events(&mut self, context: &mut UserContext<'_>) -> LinkAction {
        let mut action = LinkAction::Keep;
        while let Some(event) = self.client.poll() {
            match event {
                Event::Answer { id, outcome, .. } => {
                    let Some(at) = self.asked.iter().position(|asked| asked.id == id) else {
                        continue;
                    };
                    let asked = self.asked.swap_remove(at);
                    match outcome {
                        Ok(reply) => {
                            if self.answered(context, asked, reply) == LinkAction::Close {
                                action = LinkAction::Close;
                            }
                        }
                        Err(failure) => self.failed(context, asked.what.operation(), failure),
                    }
                }
                Event::SessionEnded => self.state = SessionState::Registered,
                Event::Greeted(_) | Event::NewMail(_) | Event::ShuttingDown => {}
            }
        }
        action
    }

    fn failed(&mut self, context: &mut UserContext<'_>, operation: Operation, failure: Failure) {
        let code = match failure {
            Failure::TimedOut => "timed_out",
            Failure::SessionEnded => "session_ended",
            Failure::TooLarge { .. } => "too_large",
            Failure::NoMessages => "no_messages",
            Failure::Overloaded => "overloaded",
        };
        context.recorder.failed(operation, code);
        if failure == Failure::SessionEnded {
            self.state = SessionState::Registered;
        }
        self.wake_at = context.now + RETRY;
    }

    fn answered(
        &mut self,
        context: &mut UserContext<'_>,
        asked: PendingRequest,
        reply: Reply,
    ) -> LinkAction {
        let operation = asked.what.operation();
        if let Reply::Error(error) = reply {
            self.refused(context, &asked.what, &error);
            return LinkAction::Keep;
        }
        context.recorder.done(operation, context.now.saturating_sub(asked.since));
        match (asked.what, reply) {
            (RequestKind::Register, _) => self.is_registered(context),
            (RequestKind::Login(typed), _) => {
                self.state = SessionState::LoggedIn;
                self.record.came_in = true;
                self.record.let_in |= typed == TypedPassword::Wrong;
            }
            (RequestKind::Logout, _) => self.state = SessionState::Registered,
            (RequestKind::Send(id), _) => {
                context.recorder.acknowledged(context.now);
                context.ledger.acknowledged(id, context.read_by());
                if self.is_uploading(id) {
                    self.uploading = None;
                }
                self.rest(context);
            }
            (RequestKind::List, _) => {
                self.list_answered();
                self.rest(context);
            }
            (RequestKind::Upload, Reply::Uploaded { staged }) => {
                return self.uploaded(context, staged);
            }
            (RequestKind::Fetch, Reply::Page(page)) => return self.paged(context, &page),
            (RequestKind::Read, Reply::Piece { bytes }) => {
                self.read_piece(context, bytes.as_bytes());
            }
            (RequestKind::Confirm(ids), _) => {
                context.ledger.confirmed(self.id, &ids, context.read_by());
            }
            (
                RequestKind::Find
                | RequestKind::Ping
                | RequestKind::Fetch
                | RequestKind::Upload
                | RequestKind::Read,
                _,
            ) => self.rest(context),
        }
        LinkAction::Keep
    }

    fn refused(&mut self, context: &mut UserContext<'_>, what: &RequestKind, error: &ErrorReply) {
        let (code, retry_after) = (error.code, error.retry_after);
        match (what, code) {
            // Registered in an earlier run against the same server.
            (RequestKind::Register, ErrorCode::UsernameTaken) => {
                return self.is_registered(context);
            }
            (RequestKind::Login(TypedPassword::Right), ErrorCode::RateLimited) => {
                self.record.waited = true;
            }
            (_, ErrorCode::NotAuthenticated) => self.state = SessionState::Registered,
            (RequestKind::Upload, _) => self.upload_refused(error),
            (RequestKind::Send(id), _) if self.is_uploading(*id) => self.upload_refused(error),
            // The page is fetched again.
            (RequestKind::Read, ErrorCode::NoSuchMail) => self.reading = None,
            _ => {}
        }
        let is_expected = matches!(
            (what, code),
            (RequestKind::Login(TypedPassword::Wrong), ErrorCode::BadCredentials)
        );
        self.record.mistyped |= is_expected;
        if matches!(what, RequestKind::Login(_)) {
            // Nobody mistypes twice.
            self.types = TypedPassword::Right;
        }
        if !is_expected {
            context.recorder.failed(what.operation(), code.as_str());
        }
        let Some(seconds) = retry_after else {
            self.wake_at = context.now + RETRY;
            return;
        };
        // Spreads the users over time.
        let wait = Duration::from_secs(seconds.into()).mul_f64(1.0 + context.rng.f64() / 2.0);
        self.told_until = context.now + wait;
        self.wake_at = self.told_until;
    }

    fn is_registered(&mut self, context: &mut UserContext<'_>) {
        self.state = SessionState::Registered;
        if let Some(usernames) = context.usernames.get_mut(self.group) {
            usernames.push(self.username.clone());
        }
    }

    fn paged(&mut self, context: &mut UserContext<'_>, page: &Page) -> LinkAction {
        for mail in page.mails.iter().filter(|mail| !is_large(mail)) {
            context.ledger.received(self.id, mail);
        }
        if page.mails.is_empty() {
            self.receiving = false;
            self.drained = context.phase == Phase::Draining;
            self.rest(context);
            return LinkAction::Keep;
        }
        self.pages += 1;
        let vanishes = self.group(context).behaviour == Behaviour::Vanishing
            && context.phase == Phase::Acting
            && self.pages.is_multiple_of(2);
        if vanishes {
            // The page counts as received, as by a client that has saved it.
            return LinkAction::Close;
        }
        self.reading = Reading::of(page);
        if self.reading.is_none() {
            self.confirm(context, page);
        }
        LinkAction::Keep
    }

    /// Deletes the mails of a page on the server.
    fn confirm(&mut self, context: &mut UserContext<'_>, page: &Page) {
        let ids: Vec<_> = page.mails.iter().map(ledger::key).collect();
        context.ledger.confirming(self.id, &ids, context.now);
        let mails = page.mails.iter().map(Mail::reference).collect::<Vec<MailRef>>();
        self.ask(
            context,
            RequestKind::Confirm(ids),
            Request::Confirm(Confirm { mails }),
            context.now,
        );
    }

    /// Waits for the think time; there is none while mailboxes are drained.
    fn rest(&mut self, context: &mut UserContext<'_>) {
        let (from, to) = self.group(context).think;
        let seconds = match context.phase {
            Phase::Acting => from + (to - from) * context.rng.f64(),
            Phase::Settling | Phase::Draining => 0.0,
        };
        self.wake_at = context.now + Duration::from_secs_f64(seconds);
    }

    /// Whether the user is not registered, and so has no mailbox to drain.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        self.state == SessionState::Stranger
    }

    /// Ends the think time, because the mailboxes are being drained. A wait that the server has
    /// asked for goes on.
    pub fn wake(&mut self) {
        self.wake_at = self.told_until;
    }

    /// Whether a request is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.asked.is_empty()
    }
}
