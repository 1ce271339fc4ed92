//! A scripted client: what it does next, and what the answers mean. It has a connection only in
//! so far as the driver lends it one.

use std::time::Duration;

use correio_client::client::{Client, Event, Failure, RequestId, Settings};
use correio_proto::{
    credential::Credential,
    mail::{Mail, MailId, MailRef, Seq, Username},
    message::{Confirm, ErrorCode, Fetch, Login, Page, Register, Reply, Request, Send, Software},
    tls::Security,
};

use crate::{
    dial::LinkAction,
    ledger::{Ledger, UserId},
    results::{Operation, Recorder},
    scenario::{Action, Behaviour, Group},
};

/// How long a request may take, reconnecting included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a person leaves it at a refusal that names no time.
const RETRY: Duration = Duration::from_millis(200);

/// What a person types by mistake, as a credential: nobody has it.
const WRONG: [u8; 23] = [0x2b; 23];

/// Mails that the schedule may give to one client while others wait for their answer.
const IN_FLIGHT_MAX: usize = 16;

/// Rng numbers that a seed repeats.
pub type Rng = fastrand::Rng;

/// What all of them share.
pub struct UserContext<'a> {
    /// Since the start of the load.
    pub now: Duration,
    /// Role does what.
    pub groups: &'a [Group],
    /// The usernames of every group that are registered: others cannot be written to yet.
    pub usernames: &'a mut Vec<Vec<Username>>,
    /// Where mails are counted.
    pub ledger: &'a mut Ledger,
    /// Where times are kept.
    pub recorder: &'a mut Recorder,
    /// Where choices come from.
    pub rng: &'a mut Rng,
    /// What is to be done now.
    pub phase: Phase,
}

/// How far the load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everybody does what the scenario says.
    Acting,
    /// Nothing new is begun; what is under way is finished.
    Settling,
    /// Every mailbox is emptied.
    Draining,
}

/// See the module's description.
#[derive(Debug)]
pub struct VirtualUser {
    id: UserId,
    group: usize,
    username: Username,
    credential: Credential,
    /// The client library's own.
    pub client: Client,
    /// Whether it has asked for something since the connection was last driven.
    pub is_asking: bool,
    state: SessionState,
    asked: Vec<PendingRequest>,
    receiving: bool,
    after: Seq,
    pages: u32,
    /// Nothing new is begun before.
    wake_at: Duration,
    /// The server has said not to come again before.
    told_until: Duration,
    /// What it types at its next login.
    types: TypedPassword,
    record: LoginRecord,
    /// Whether its mailbox was empty after the last mail was sent.
    drained: bool,
}

/// What a person types at a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedPassword {
    /// The password.
    Right,
    /// Something else.
    Wrong,
}

/// Results of a person's logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginRecord {
    /// It was logged in at least once.
    pub came_in: bool,
    /// Its wrong password was refused.
    pub mistyped: bool,
    /// It was told to wait when its password was right.
    pub waited: bool,
    /// It came in with a wrong password.
    pub let_in: bool,
}

/// What a person is made from.
#[derive(Debug)]
pub struct Profile {
    /// Its number.
    pub id: UserId,
    /// The number of its group.
    pub group: usize,
    /// Its username.
    pub username: Username,
    /// What its password was made into.
    pub credential: Credential,
    /// How its connections are protected.
    pub security: Security,
    /// When it comes.
    pub arrival: Duration,
    /// What it types at its first login.
    pub types: TypedPassword,
}

/// How far it has come.
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
    Fetch,
    Confirm(Vec<MailId>),
    Ping,
    Logout,
}

impl RequestKind {
    fn operation(&self) -> Operation {
        match self {
            Self::Register => Operation::Register,
            Self::Login(_) => Operation::Login,
            Self::Send(_) => Operation::Send,
            Self::Fetch => Operation::Receive,
            Self::Confirm(_) => Operation::Confirm,
            Self::Ping => Operation::Ping,
            Self::Logout => Operation::Logout,
        }
    }
}

impl VirtualUser {
    /// A person without a connection.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let Profile { id, group, username, credential, security, arrival, types } = profile;
        let settings = Settings {
            security,
            software: Software::named("load"),
            notices_max: 1,
            ..Settings::default()
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
            after: Seq(0),
            pages: 0,
            wake_at: arrival,
            told_until: Duration::ZERO,
            types,
            record: LoginRecord::default(),
            drained: false,
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        self.wake_at
    }

    /// Whether its mailbox is empty for good.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    /// What has happened to it so far.
    #[must_use]
    pub fn record(&self) -> LoginRecord {
        self.record
    }

    /// Whether it sits out a wait that the server has told it.
    #[must_use]
    pub fn is_told_to_wait(&self, now: Duration) -> bool {
        now < self.told_until
    }

    /// Whether it is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.state == SessionState::LoggedIn
    }

    /// Begins what is due, if nothing is under way.
    pub fn begin(&mut self, context: &mut UserContext<'_>) {
        let is_over = self.drained || context.phase == Phase::Settling;
        if !self.asked.is_empty() || context.now < self.wake_at || is_over {
            return;
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
                Action::Send => return self.send(context, context.now),
                Action::Receive => {
                    self.receiving = true;
                    (RequestKind::Fetch, Request::Fetch(Fetch { after: self.after, max: 0 }))
                }
                Action::Ping => (RequestKind::Ping, Request::Ping {}),
                Action::Logout => (RequestKind::Logout, Request::Logout {}),
                Action::Idle => return self.rest(context),
            },
        };
        self.ask(context, what, request, context.now);
    }

    /// Sends a mail that was due at `scheduled`, which may be over; while there is no connection the
    /// client keeps it, and its time goes on. False where the person cannot send.
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
        context.groups.get(self.group).expect("a person belongs to a group")
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

    fn send(&mut self, context: &mut UserContext<'_>, since: Duration) {
        let group = self.group(context);
        let to = group.to.as_ref().unwrap_or(&group.name);
        let index = context.groups.iter().position(|group| group.name == *to).unwrap_or(self.group);
        let Some(usernames) = context.usernames.get(index).filter(|names| !names.is_empty()) else {
            return self.rest(context);
        };
        let mut recipients = Vec::new();
        for _ in 0..context.rng.usize(group.fan_out.0..=group.fan_out.1) {
            let name = usernames.get(context.rng.usize(..usernames.len()));
            recipients.extend(name.filter(|name| !recipients.contains(*name)).cloned());
        }
        let id = correio_client::new_mail_id();
        let length = context.rng.usize(group.body.0..=group.body.1);
        // Tells it from every other, as far as its length lets it.
        let mut body = format!("{id} ").repeat(length / 37 + 1);
        body.truncate(length);
        let mail = Send {
            id,
            to: recipients.try_into().expect("there is one recipient at least"),
            subject: id.to_string().parse().expect("an id is a subject"),
            body: body.parse().expect("it begins with a digit"),
        };
        context.ledger.begin(self.id, &mail);
        self.ask(context, RequestKind::Send(id), Request::Send(mail), since);
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

    /// Takes what has happened on the connection.
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
            self.refused(context, &asked.what, error.code, error.retry_after);
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
                context.ledger.acknowledged(id);
                self.rest(context);
            }
            (RequestKind::Fetch, Reply::Page(page)) => return self.paged(context, &page),
            (RequestKind::Confirm(ids), _) => context.ledger.confirmed(self.id, &ids),
            (RequestKind::Ping | RequestKind::Fetch, _) => self.rest(context),
        }
        LinkAction::Keep
    }

    fn refused(
        &mut self,
        context: &mut UserContext<'_>,
        what: &RequestKind,
        code: ErrorCode,
        retry_after: Option<u32>,
    ) {
        match (what, code) {
            // From an earlier run against the same server.
            (RequestKind::Register, ErrorCode::UsernameTaken) => {
                return self.is_registered(context);
            }
            (RequestKind::Login(TypedPassword::Right), ErrorCode::RateLimited) => {
                self.record.waited = true
            }
            (_, ErrorCode::NotAuthenticated) => self.state = SessionState::Registered,
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
        // Not all at the same moment.
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
        for mail in &page.mails {
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
            // What it was given it keeps, as a client does that has it on its disk.
            return LinkAction::Close;
        }
        let ids = page.mails.iter().map(|mail| mail.id).collect();
        let mails = page.mails.iter().map(Mail::reference).collect::<Vec<MailRef>>();
        self.ask(
            context,
            RequestKind::Confirm(ids),
            Request::Confirm(Confirm { mails }),
            context.now,
        );
        LinkAction::Keep
    }

    /// Thinks before it goes on; not while the mailboxes are drained.
    fn rest(&mut self, context: &mut UserContext<'_>) {
        let (from, to) = self.group(context).think;
        let seconds = match context.phase {
            Phase::Acting => from + (to - from) * context.rng.f64(),
            Phase::Settling | Phase::Draining => 0.0,
        };
        self.wake_at = context.now + Duration::from_secs_f64(seconds);
    }

    /// Whether nobody has heard of it yet: it has no mailbox that could be drained.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        self.state == SessionState::Stranger
    }

    /// Stops thinking, since the mailboxes are to be drained now. A wait that the server has told it
    /// goes on.
    pub fn wake(&mut self) {
        self.wake_at = self.told_until;
    }

    /// Whether a request is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.asked.is_empty()
    }
}
