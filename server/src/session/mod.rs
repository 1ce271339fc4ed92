//! The state machine of one connection that speaks correio's own protocol: which requests are
//! allowed in which state, and what they do.
//!
//! A session does no I/O and reads no clock. It answers a request at once or defers it to a job; a
//! session has at most one job, and takes no other request until that job is done. The requests'
//! handlers are in `account.rs`, `resume.rs`, `recovery.rs`, `mailbox.rs`, `content.rs`,
//! `directory.rs`, `list.rs` and `app_password.rs`.

mod account;
mod app_password;
mod charge;
mod config;
mod content;
mod context;
pub(crate) mod delivery;
mod directory;
pub(crate) mod effect;
mod job;
mod list;
mod mailbox;
mod pending;
pub(crate) mod recent_ends;
mod recovery;
pub(crate) mod registry;
mod response;
mod resume;
mod state;
mod waiting;

use std::time::Duration;

use correio_proto::{
    VERSION,
    capability::{Capabilities, Capability},
    limits,
    message::{ErrorCode, ErrorReply, Hello, Limits, Reply, Request, Software, Welcome},
};

pub use self::config::{DirectoryPolicy, SessionConfig};
pub(crate) use self::{
    charge::{Charge, Settlement},
    context::SessionContext,
    job::{Done, Job, QueueName},
    response::Transition,
    state::Identity,
    waiting::Waiting,
};
use self::{
    effect::Effect,
    pending::Pending,
    recent_ends::EndMark,
    response::{Answer, Response},
    state::{LoginState, SessionState},
};
pub use crate::limits::list_creation::ListCreation;
use crate::{
    auth::resume_ticket::TicketPolicy,
    event::Event,
    ids::{ConnId, Ticket},
    metrics::counts::Counts,
};

/// Refused requests of one connection that are logged. A client that is refused all the time must
/// not fill the log.
const REFUSALS_LOGGED: u32 = 20;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Session {
    state: SessionState,
    waiting: Waiting<RequestPending>,
    /// When the last job was submitted.
    job_since: EndMark,
    /// Counts the refused requests.
    refusals: u32,
}

/// The continuation of the request of this number.
#[derive(Debug)]
struct RequestPending {
    number: u32,
    pending: Pending,
}

/// What the connection must do for its session.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this reply to the request of this number. The session has changed as stated.
    Reply(u32, Reply, Transition),
    /// Send this reply to the request of this number, and end the connection.
    Close(u32, Reply),
    /// Submit this job under this ticket.
    Defer(Ticket, Job),
}

impl Default for Session {
    fn default() -> Self {
        Self {
            state: SessionState::new(),
            waiting: Waiting::default(),
            job_since: EndMark::default(),
            refusals: 0,
        }
    }
}

impl Session {
    /// Handles a request. Must not be called while the session waits for a job.
    pub(crate) fn handle(
        &mut self,
        context: &mut SessionContext<'_>,
        number: u32,
        request: Request,
    ) -> Action {
        let response = match allowed(&self.state.login, &request) {
            Ok(()) => self.dispatch(context, request),
            Err((code, text)) => Response::refused(code, text),
        };
        self.respond(context, number, response)
    }

    /// Continues with a job's result. `None` if the session does not wait for this job.
    pub(crate) fn complete(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
    ) -> Option<Action> {
        let waiting = self.waiting.take(ticket)?;
        let response = match done {
            Done::Busy { queue, retry_after } => {
                context.counts.queue_full.add(queue.as_str());
                busy(queue, retry_after)
            }
            done => match waiting.pending {
                Pending::Account(step) => account::complete(&mut self.state, context, *step, done),
                Pending::Mailbox(step) => mailbox::complete(&self.state, context, step, done),
                Pending::Content(step) => content::complete(&self.state, context, step, done),
                Pending::Resume(resuming) => {
                    resume::complete(&mut self.state, context, &resuming, done)
                }
                Pending::Recovery(step) => recovery::complete(context, step, done),
                Pending::Directory => directory::complete(done),
                Pending::List(step) => list::complete(&self.state, context, &step, done),
                Pending::AppPassword(step) => {
                    app_password::complete(&self.state, context, step, done)
                }
            },
        };
        Some(self.respond(context, waiting.number, response))
    }

    /// The connection discarded this action (it is closing). If the action was a job, stop waiting
    /// for its result.
    pub(crate) fn discarded(&mut self, action: &Action) {
        if matches!(action, Action::Defer(..)) {
            self.waiting.give_up();
        }
    }

    /// The ticket of the job that the session waits for.
    #[must_use]
    pub(crate) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.waiting.ticket(connection)
    }

    /// Whether the session waits for a store job. Store jobs cannot be cancelled.
    #[must_use]
    pub(crate) fn is_storing(&self) -> bool {
        self.waiting.is_storing()
    }

    /// The account that is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.state.identity()
    }

    /// Settles the charge of the request in progress, if there is one, with the throttle.
    pub(crate) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        if let Some(charge) = self.state.charge.take() {
            charge.settle(context, settlement);
        }
    }

    fn dispatch(&mut self, context: &mut SessionContext<'_>, request: Request) -> Response {
        let state = &mut self.state;
        match request {
            Request::Hello(hello) => greet(state, context, &hello),
            Request::Ping {} => Response::succeeded(Reply::Pong {}),
            Request::Register(register) => account::register(state, context, register),
            Request::Login(login) => account::login(state, context, login),
            Request::Resume(resume) => resume::resume(state, context, &resume),
            Request::Ticket {} => resume::ticket(state, context),
            Request::Recover(recover) => recovery::recover(state, context, recover),
            Request::Logout {} => account::logout(state, context),
            Request::Account(change) => account::change(state, context, change),
            Request::Send(send) => mailbox::send(state, context, send),
            Request::Upload(upload) => content::upload(state, context, upload),
            Request::Read(read) => content::read(state, read),
            Request::Fetch(fetch) => mailbox::fetch(state, fetch),
            Request::Confirm(confirm) => mailbox::confirm(state, confirm),
            Request::Find(find) => directory::find(state, context, find),
            Request::List(request) => list::handle(state, context, request),
            Request::AppPassword(request) => app_password::handle(state, context, request),
        }
    }

    fn respond(
        &mut self,
        context: &mut SessionContext<'_>,
        number: u32,
        response: Response,
    ) -> Action {
        match response {
            Response::Reply(answer) => {
                let transition = answer.transition;
                Action::Reply(number, self.conclude(context, answer), transition)
            }
            Response::Close(answer) => Action::Close(number, self.conclude(context, answer)),
            Response::Defer(job, pending) => {
                let pending = RequestPending { number, pending };
                let ticket = self.waiting.wait(context.connection, &job, pending);
                self.job_since = context.registry.mark();
                Action::Defer(ticket, job)
            }
        }
    }

    /// Settles the request's charge and emits the effects of the transition. Returns the reply.
    fn conclude(&mut self, context: &mut SessionContext<'_>, answer: Answer) -> Reply {
        self.settle(context, answer.settlement);
        count(context.counts, &answer);
        if let Reply::Error(error) = &answer.reply {
            context.counts.refused_request(context.peer.ip(), error.code);
        }
        emit_effects(context, answer.transition, self.job_since);
        self.report_refusal(context, &answer.reply);
        answer.reply
    }

    /// Logs a refused request, up to [`REFUSALS_LOGGED`].
    fn report_refusal(&mut self, context: &SessionContext<'_>, reply: &Reply) {
        use ErrorCode::{
            BadCredentials, Conflict, Disabled, Incomplete, MailboxFull, MayNotSend, RateLimited,
            UnknownRecipient,
        };
        let Reply::Error(error) = reply else {
            return;
        };
        // These codes have events of their own, which say more.
        if matches!(
            error.code,
            BadCredentials
                | Conflict
                | Disabled
                | Incomplete
                | MailboxFull
                | MayNotSend
                | RateLimited
                | UnknownRecipient
        ) {
            return;
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= REFUSALS_LOGGED {
            let connection = context.connection;
            Event::RequestRefused { connection, code: error.code, text: &error.text }.log();
        }
    }
}

/// Counts what an answer means for accounts and mail.
fn count(counts: &mut Counts, answer: &Answer) {
    match (&answer.reply, answer.settlement) {
        (Reply::Registered {}, Settlement::Succeeded) => counts.accounts_created += 1,
        (Reply::Page(page), _) => counts.mails_delivered += page.mails.len() as u64,
        (Reply::Confirmed { deleted }, _) => counts.mails_deleted += u64::from(*deleted),
        (Reply::Error(error), _) if error.code == ErrorCode::Unavailable => {
            counts.unavailable += 1;
        }
        _ => {}
    }
    match answer.transition {
        Transition::LoggedIn(_) => counts.logins += 1,
        Transition::AccountDeleted(_) => counts.accounts_deleted += 1,
        Transition::Unchanged
        | Transition::LoggedOut(_)
        | Transition::PasswordChanged(_)
        | Transition::AppPasswordRevoked(_) => {}
    }
}

/// Emits the effects of a transition on the server and on other sessions. The last job of the
/// session was submitted at `since`.
fn emit_effects(context: &mut SessionContext<'_>, transition: Transition, since: EndMark) {
    let connection = context.connection;
    let effects = &mut *context.effects;
    match transition {
        Transition::Unchanged => {}
        Transition::LoggedIn(account) => {
            effects.push(Effect::LoggedIn { connection, account, since });
        }
        Transition::LoggedOut(account) => effects.push(Effect::LoggedOut { connection, account }),
        Transition::PasswordChanged(account) => {
            effects.push(Effect::EndSessions { account, except: Some(connection) });
        }
        Transition::AppPasswordRevoked(account) => {
            effects.push(Effect::EndGatewaySessions { account });
        }
        Transition::AccountDeleted(account) => {
            effects.push(Effect::EndSessions { account, except: Some(connection) });
            effects.push(Effect::LoggedOut { connection, account });
        }
    }
}

/// Handles `hello`: checks the client's version of the protocol.
fn greet(state: &mut SessionState, context: &SessionContext<'_>, hello: &Hello) -> Response {
    if hello.version != VERSION {
        let text = format!("this server speaks version {VERSION}");
        let mut error = ErrorReply::new(ErrorCode::Version, text);
        error.versions = vec![VERSION];
        return Response::closing(error);
    }
    state.login = LoginState::Anonymous;
    Response::succeeded(Reply::Hello(welcome(context.config)))
}

/// The table of the requests that are allowed in each state. Exhaustive: a new request does not
/// compile until it is listed here.
fn allowed(state: &LoginState, request: &Request) -> Result<(), (ErrorCode, &'static str)> {
    use Request::{
        Account, AppPassword, Confirm, Fetch, Find, Hello, List, Login, Logout, Ping, Read,
        Recover, Register, Resume, Send, Ticket, Upload,
    };
    match (state, request) {
        (LoginState::New, Hello(_)) => Ok(()),
        (LoginState::New, _) => Err((ErrorCode::NotAllowed, "the first request must be hello")),

        (LoginState::Anonymous, Register(_) | Login(_) | Resume(_) | Recover(_) | Ping {}) => {
            Ok(())
        }
        (
            LoginState::Anonymous,
            Ticket {}
            | Logout {}
            | Send(_)
            | Upload(_)
            | Fetch(_)
            | Read(_)
            | Confirm(_)
            | Account(_)
            | Find(_)
            | List(_)
            | AppPassword(_),
        ) => Err((ErrorCode::NotAuthenticated, "log in first")),
        (
            LoginState::LoggedIn(_),
            Ticket {}
            | Logout {}
            | Send(_)
            | Upload(_)
            | Fetch(_)
            | Read(_)
            | Confirm(_)
            | Account(_)
            | Find(_)
            | List(_)
            | AppPassword(_)
            | Ping {},
        ) => Ok(()),
        (LoginState::LoggedIn(_), Register(_) | Login(_) | Resume(_) | Recover(_)) => {
            Err((ErrorCode::NotAllowed, "log out first"))
        }
        (LoginState::Anonymous | LoginState::LoggedIn(_), Hello(_)) => {
            Err((ErrorCode::NotAllowed, "hello was said already"))
        }
    }
}

fn welcome(config: &SessionConfig) -> Welcome {
    let bounded = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Welcome {
        version: VERSION,
        software: Software::named("correiod"),
        realm: config.realm,
        limits: Limits {
            body: bounded(config.body_max),
            recipients: bounded(limits::RECIPIENTS_MAX),
            page: limits::PAGE_MAILS_MAX,
            frame: bounded(limits::REPLY_FRAME_MAX),
            content: config.content_max,
            piece: bounded(limits::PIECE_MAX),
        },
        registration: config.registrations.policy(),
        capabilities: capabilities(config),
    }
}

/// The optional parts of the protocol that this server offers.
fn capabilities(config: &SessionConfig) -> Capabilities {
    let (contents, messages) = (Capability::contents(), Capability::messages());
    let (lists, recover) = (Capability::lists(), Capability::recover());
    let mut offered =
        Capabilities::from([contents, messages, recover, lists, Capability::app_passwords()]);
    offered.extend(match config.directory {
        DirectoryPolicy::Members => Some(Capability::find()),
        DirectoryPolicy::Off => None,
    });
    offered.extend(match config.tickets {
        TicketPolicy::Given(_) => Some(Capability::resume()),
        TicketPolicy::Off => None,
    });
    offered
}

/// The response when a queue is full. Clients are told to wait at least a second.
fn busy(queue: QueueName, retry_after: Duration) -> Response {
    Event::QueueFull { queue: queue.as_str() }.log();
    let text = "the server has too much to do; try again later";
    let mut error = ErrorReply::new(ErrorCode::Busy, text);
    let seconds = retry_after.as_secs_f64().ceil().clamp(1.0, 3600.0);
    error.retry_after = Some(seconds as u32);
    Response::error(error)
}
