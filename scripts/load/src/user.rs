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

/// Random numbers that a seed repeats.
pub type Random = fastrand::Rng;

/// What all of them share.
pub struct Shared<'a> {
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
    pub random: &'a mut Random,
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
    standing: Standing,
    asked: Vec<Asked>,
    receiving: bool,
    after: Seq,
    pages: u32,
    /// Nothing new is begun before.
    wake_at: Duration,
    /// The server has said not to come again before.
    told_until: Duration,
    /// What it types at its next login.
    types: Typed,
    record: Record,
    /// Whether its mailbox was empty after the last mail was sent.
    drained: bool,
}

/// What a person types at a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The password.
    Right,
    /// Something else.
    Wrong,
}

/// Results of a person's logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
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
    pub types: Typed,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Stranger,
    Registered,
    LoggedIn,
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    id: RequestId,
    what: What,
    since: Duration,
}

#[derive(Debug)]
enum What {
    Register,
    Login(Typed),
    Send(MailId),
    Fetch,
    Confirm(Vec<MailId>),
    Ping,
    Logout,
}

impl What {
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
            standing: Standing::Stranger,
            asked: Vec::new(),
            receiving: false,
            after: Seq(0),
            pages: 0,
            wake_at: arrival,
            told_until: Duration::ZERO,
            types,
            record: Record::default(),
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
    pub fn record(&self) -> Record {
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
        self.standing == Standing::LoggedIn
    }

    /// Begins what is due, if nothing is under way.
    pub fn begin(&mut self, shared: &mut Shared<'_>) {
        let is_over = self.drained || shared.phase == Phase::Settling;
        if !self.asked.is_empty() || shared.now < self.wake_at || is_over {
            return;
        }
        let (what, request) = match self.standing {
            Standing::Stranger => (What::Register, self.registration()),
            Standing::Registered => {
                let username = self.username.clone();
                let credential = match self.types {
                    Typed::Right => self.credential.clone(),
                    Typed::Wrong => Credential::from(WRONG),
                };
                (What::Login(self.types), Request::Login(Login { username, credential }))
            }
            Standing::LoggedIn if self.receiving || shared.phase == Phase::Draining => {
                (What::Fetch, Request::Fetch(Fetch { after: self.after, max: 0 }))
            }
            Standing::LoggedIn => match self.choose(shared) {
                Action::Send => return self.send(shared, shared.now),
                Action::Receive => {
                    self.receiving = true;
                    (What::Fetch, Request::Fetch(Fetch { after: self.after, max: 0 }))
                }
                Action::Ping => (What::Ping, Request::Ping {}),
                Action::Logout => (What::Logout, Request::Logout {}),
                Action::Idle => return self.rest(shared),
            },
        };
        self.ask(shared, what, request, shared.now);
    }

    /// Sends a mail that was due at `scheduled`, which may be over; while there is no connection the
    /// client keeps it, and its time goes on. False where the person cannot send.
    pub fn send_scheduled(&mut self, shared: &mut Shared<'_>, scheduled: Duration) -> bool {
        let sends = self.asked.iter().filter(|asked| matches!(asked.what, What::Send(_))).count();
        let leaves = self.asked.iter().any(|asked| matches!(asked.what, What::Logout));
        if !self.is_logged_in() || leaves || sends >= IN_FLIGHT_MAX {
            return false;
        }
        self.send(shared, scheduled);
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

    fn group<'a>(&self, shared: &Shared<'a>) -> &'a Group {
        shared.groups.get(self.group).expect("a person belongs to a group")
    }

    fn choose(&self, shared: &mut Shared<'_>) -> Action {
        let group = self.group(shared);
        let all: u32 = group.does.values().sum();
        let mut ticket = shared.random.u32(..all.max(1));
        for (action, weight) in &group.does {
            if ticket < *weight {
                return *action;
            }
            ticket -= weight;
        }
        Action::Idle
    }

    fn send(&mut self, shared: &mut Shared<'_>, since: Duration) {
        let group = self.group(shared);
        let to = group.to.as_ref().unwrap_or(&group.name);
        let index = shared.groups.iter().position(|group| group.name == *to).unwrap_or(self.group);
        let Some(usernames) = shared.usernames.get(index).filter(|names| !names.is_empty()) else {
            return self.rest(shared);
        };
        let mut recipients = Vec::new();
        for _ in 0..shared.random.usize(group.fan_out.0..=group.fan_out.1) {
            let name = usernames.get(shared.random.usize(..usernames.len()));
            recipients.extend(name.filter(|name| !recipients.contains(*name)).cloned());
        }
        let id = correio_client::new_mail_id();
        let length = shared.random.usize(group.body.0..=group.body.1);
        // Tells it from every other, as far as its length lets it.
        let mut body = format!("{id} ").repeat(length / 37 + 1);
        body.truncate(length);
        let mail = Send {
            id,
            to: recipients.try_into().expect("there is one recipient at least"),
            subject: id.to_string().parse().expect("an id is a subject"),
            body: body.parse().expect("it begins with a digit"),
        };
        shared.ledger.begin(self.id, &mail);
        self.ask(shared, What::Send(id), Request::Send(mail), since);
    }

    fn ask(&mut self, shared: &mut Shared<'_>, what: What, request: Request, since: Duration) {
        let operation = what.operation();
        match self.client.request(request, shared.now + PATIENCE) {
            Ok(id) => {
                self.is_asking = true;
                self.asked.push(Asked { id, what, since });
            }
            Err(failure) => self.failed(shared, operation, failure),
        }
    }

    /// Takes what has happened on the connection.
    pub fn take_events(&mut self, shared: &mut Shared<'_>) -> LinkAction {
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
                            if self.answered(shared, asked, reply) == LinkAction::Close {
                                action = LinkAction::Close;
                            }
                        }
                        Err(failure) => self.failed(shared, asked.what.operation(), failure),
                    }
                }
                Event::SessionEnded => self.standing = Standing::Registered,
                Event::Greeted(_) | Event::NewMail(_) | Event::ShuttingDown => {}
            }
        }
        action
    }

    fn failed(&mut self, shared: &mut Shared<'_>, operation: Operation, failure: Failure) {
        let code = match failure {
            Failure::TimedOut => "timed_out",
            Failure::SessionEnded => "session_ended",
            Failure::TooLarge { .. } => "too_large",
            Failure::Overloaded => "overloaded",
        };
        shared.recorder.failed(operation, code);
        if failure == Failure::SessionEnded {
            self.standing = Standing::Registered;
        }
        self.wake_at = shared.now + RETRY;
    }

    fn answered(&mut self, shared: &mut Shared<'_>, asked: Asked, reply: Reply) -> LinkAction {
        let operation = asked.what.operation();
        if let Reply::Error(error) = reply {
            self.refused(shared, &asked.what, error.code, error.retry_after);
            return LinkAction::Keep;
        }
        shared.recorder.done(operation, shared.now.saturating_sub(asked.since));
        match (asked.what, reply) {
            (What::Register, _) => self.is_registered(shared),
            (What::Login(typed), _) => {
                self.standing = Standing::LoggedIn;
                self.record.came_in = true;
                self.record.let_in |= typed == Typed::Wrong;
            }
            (What::Logout, _) => self.standing = Standing::Registered,
            (What::Send(id), _) => {
                shared.ledger.acknowledged(id);
                self.rest(shared);
            }
            (What::Fetch, Reply::Page(page)) => return self.paged(shared, &page),
            (What::Confirm(ids), _) => shared.ledger.confirmed(self.id, &ids),
            (What::Ping | What::Fetch, _) => self.rest(shared),
        }
        LinkAction::Keep
    }

    fn refused(
        &mut self,
        shared: &mut Shared<'_>,
        what: &What,
        code: ErrorCode,
        retry_after: Option<u32>,
    ) {
        match (what, code) {
            // From an earlier run against the same server.
            (What::Register, ErrorCode::UsernameTaken) => return self.is_registered(shared),
            (What::Login(Typed::Right), ErrorCode::RateLimited) => self.record.waited = true,
            (_, ErrorCode::NotAuthenticated) => self.standing = Standing::Registered,
            _ => {}
        }
        let is_expected =
            matches!((what, code), (What::Login(Typed::Wrong), ErrorCode::BadCredentials));
        self.record.mistyped |= is_expected;
        if matches!(what, What::Login(_)) {
            // Nobody mistypes twice.
            self.types = Typed::Right;
        }
        if !is_expected {
            shared.recorder.failed(what.operation(), code.as_str());
        }
        let Some(seconds) = retry_after else {
            self.wake_at = shared.now + RETRY;
            return;
        };
        // Not all at the same moment.
        let wait = Duration::from_secs(seconds.into()).mul_f64(1.0 + shared.random.f64() / 2.0);
        self.told_until = shared.now + wait;
        self.wake_at = self.told_until;
    }

    fn is_registered(&mut self, shared: &mut Shared<'_>) {
        self.standing = Standing::Registered;
        if let Some(usernames) = shared.usernames.get_mut(self.group) {
            usernames.push(self.username.clone());
        }
    }

    fn paged(&mut self, shared: &mut Shared<'_>, page: &Page) -> LinkAction {
        for mail in &page.mails {
            shared.ledger.received(self.id, mail);
        }
        if page.mails.is_empty() {
            self.receiving = false;
            self.drained = shared.phase == Phase::Draining;
            self.rest(shared);
            return LinkAction::Keep;
        }
        self.pages += 1;
        let vanishes = self.group(shared).behaviour == Behaviour::Vanishing
            && shared.phase == Phase::Acting
            && self.pages.is_multiple_of(2);
        if vanishes {
            // What it was given it keeps, as a client does that has it on its disk.
            return LinkAction::Close;
        }
        let ids = page.mails.iter().map(|mail| mail.id).collect();
        let mails = page.mails.iter().map(Mail::reference).collect::<Vec<MailRef>>();
        self.ask(shared, What::Confirm(ids), Request::Confirm(Confirm { mails }), shared.now);
        LinkAction::Keep
    }

    /// Thinks before it goes on; not while the mailboxes are drained.
    fn rest(&mut self, shared: &mut Shared<'_>) {
        let (from, to) = self.group(shared).think;
        let seconds = match shared.phase {
            Phase::Acting => from + (to - from) * shared.random.f64(),
            Phase::Settling | Phase::Draining => 0.0,
        };
        self.wake_at = shared.now + Duration::from_secs_f64(seconds);
    }

    /// Whether nobody has heard of it yet: it has no mailbox that could be drained.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        self.standing == Standing::Stranger
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
