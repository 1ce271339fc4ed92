//! The start of every connection: exchanges the greeting and logs the session in again.

use std::time::Duration;

use correio_proto::{
    capability, limits,
    message::{Account, ErrorCode, Reply, Request},
};

use super::{
    Client, ConnectionState, Event, Failure, LinkError,
    queue::{Entry, Origin},
    rejection,
    session::{CredentialChoice, Session},
    wire::following,
};

/// Wait before the next login if a busy server states none, and the longest wait accepted from a
/// server.
const LOGIN_LATER: Duration = Duration::from_secs(2);
const LOGIN_LATER_MAX: Duration = Duration::from_secs(60);

impl Client {
    pub(super) fn greeted(
        &mut self,
        now: Duration,
        number: u32,
        reply: Reply,
    ) -> Result<(), LinkError> {
        let welcome = match reply {
            Reply::Hello(welcome) if number == 1 => welcome,
            Reply::Error(error) => return Err(rejection(error)),
            _ => return Err(LinkError::Protocol("no answer to the greeting".to_owned())),
        };
        if welcome.version != correio_proto::VERSION {
            return Err(LinkError::Version(vec![welcome.version]));
        }
        let frame = usize::try_from(welcome.limits.frame).unwrap_or(usize::MAX);
        let bounds = limits::FRAME_BEFORE_LOGIN_MAX..=limits::REPLY_FRAME_MAX;
        self.channel.set_frame_limit(frame.clamp(*bounds.start(), *bounds.end()));
        let realm = welcome.realm;
        self.welcome = Some(welcome.clone());
        self.events.push_back(Event::Greeted(welcome));
        if self.session.is_active() && !self.session.is_of(realm) {
            // Another store: the credential is useless there.
            self.end_session();
            self.fail_orphans();
        }
        self.log_in_again(self.first_choice(now));
        Ok(())
    }

    /// What to log in again with: the ticket, if it is valid here, which costs neither side bcrypt.
    pub(super) fn first_choice(&self, now: Duration) -> CredentialChoice {
        let certificate = self.channel.peer_fingerprint();
        match self.takes_tickets() && self.session.has_ticket(now, certificate) {
            true => CredentialChoice::Ticket,
            false => self.session.first(),
        }
    }

    fn takes_tickets(&self) -> bool {
        let welcome = self.welcome.as_ref();
        welcome.is_some_and(|welcome| welcome.capabilities.contains(capability::RESUME))
    }

    /// Asks for a ticket if the session has none, or one that is half over.
    pub(super) fn ask_for_ticket(&mut self, now: Duration) {
        if self.state == ConnectionState::Ready
            && self.takes_tickets()
            && self.session.wants_ticket(now)
            && !self.queue.has_own_ticket()
        {
            self.queue.push_next(Request::Ticket {});
        }
    }

    /// Takes the answer to the client's own request for a ticket.
    pub(super) fn ticket_answered(&mut self, now: Duration, reply: Reply) {
        match reply {
            Reply::Ticket(given) => {
                let certificate = self.channel.peer_fingerprint();
                self.session.hold_ticket(now, given, certificate);
            }
            _ => self.session.ticket_refused(),
        }
    }

    /// Logs the session in again, if there is one. Without a session, requests are sent at once.
    pub(super) fn log_in_again(&mut self, choice: CredentialChoice) {
        match self.session.login(choice) {
            Some(login) => {
                self.push(login);
                self.state = ConnectionState::Login(choice);
            }
            None => self.state = ConnectionState::Ready,
        }
    }

    pub(super) fn logged_in_again(
        &mut self,
        now: Duration,
        number: u32,
        choice: CredentialChoice,
        reply: Reply,
    ) -> Result<(), LinkError> {
        if following(number) != self.next_number {
            return Err(LinkError::Protocol("no answer to the login".to_owned()));
        }
        match reply {
            Reply::LoggedIn(_) => self.resume(choice),
            Reply::Error(error) => match error.code {
                ErrorCode::Busy | ErrorCode::RateLimited | ErrorCode::Unavailable => {
                    let wait = error.retry_after.map(u64::from).map(Duration::from_secs);
                    let wait = wait.unwrap_or(LOGIN_LATER).min(LOGIN_LATER_MAX);
                    self.state = ConnectionState::LoginAt(now + wait.max(Duration::from_secs(1)));
                }
                // The ticket is void: the password may still be right.
                _ if choice == CredentialChoice::Ticket => {
                    self.session.forget_ticket();
                    self.log_in_again(self.session.first());
                }
                _ if choice == CredentialChoice::Known && self.session.refuse_known() => {
                    self.log_in_again(CredentialChoice::Changed);
                }
                _ => {
                    self.end_session();
                    self.fail_orphans();
                    self.state = ConnectionState::Ready;
                }
            },
            _ => return Err(LinkError::Protocol("no answer to the login".to_owned())),
        }
        Ok(())
    }

    /// Continues the session on the new connection.
    fn resume(&mut self, choice: CredentialChoice) {
        self.state = ConnectionState::Ready;
        let Some(changed) = self.session.resumed(choice) else {
            return;
        };
        // The password change succeeded; only its answer was lost.
        let done = self.queue.take_first(|request| match request {
            Request::Account(Account::Password { new, .. }) => *new == changed,
            _ => false,
        });
        if let Some(Entry { origin: Origin::Caller(id), .. }) = done {
            // Nobody knows the number any more.
            let reply = Reply::AccountChanged { app_passwords_revoked: None };
            self.answer(id, Ok(reply), Duration::ZERO);
        }
    }

    pub(super) fn end_session(&mut self) {
        if self.session.is_active() {
            self.session = Session::Ended;
            self.events.push_back(Event::SessionEnded);
        }
    }

    pub(super) fn fail_orphans(&mut self) {
        for entry in self.queue.take_orphans() {
            let Origin::Caller(id) = entry.origin else {
                continue;
            };
            let outcome = match entry.request {
                // There is no session any more, as the logout wanted.
                Request::Logout {} => {
                    self.session = Session::None;
                    Ok(Reply::LoggedOut {})
                }
                _ => Err(Failure::SessionEnded),
            };
            self.answer(id, outcome, Duration::ZERO);
        }
    }
}
