//! A server, with blocking calls that can be cancelled.

mod app_passwords;
mod lists;
pub(crate) mod receive;
pub(crate) mod send;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use correio_proto::{
    capability,
    credential::{Credential, Password},
    directory::Query,
    invite::Invite,
    limits::BODY_MAX,
    mail::{FullName, MailId, Timestamp, Username},
    message::{
        Account, ErrorCode, ErrorReply, Find, Found, LoggedIn, Login, NewMail, Realm, Recover,
        Register, Reply, Request, Send, Welcome,
    },
    recovery::RecoveryCode,
};

use crate::{
    address::Address,
    cancel::Cancel,
    error::{ConnectError, ReceiveError, RequestError, SendError},
    mutex::lock,
    network::{Network, News, State},
    oneshot::{self, RecvError},
    options::ConnectOptions,
    storage::{
        mailbox::{Mailbox, Stored},
        outgoing::OutgoingMail,
    },
    trust::{KnownServersError, Trust},
};
use receive::{ContentProgress, Progress, ReceiveOptions, Received};

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Made with [`crate::new_mail_id`]; keep it when asking again after a lost answer.
    pub id: MailId,
    /// The username wanted.
    pub username: Username,
    /// The user's full name.
    pub full_name: FullName,
    /// The password, which stays on this computer.
    pub password: Arc<Password>,
    /// Required if registration is by invite; see [`Service::welcome`].
    pub invite: Option<Invite>,
}

/// A connection to a server. A thread of its own keeps it and reconnects after a break; dropping
/// the service ends both.
///
/// Every call blocks until there is an answer, the deadline of [`ConnectOptions`] has passed or its
/// [`Cancel`] was used. Calls may be made from several threads.
#[derive(Debug)]
pub struct Service {
    address: Address,
    network: Network,
    options: ConnectOptions,
    round_trip: Mutex<Duration>,
    tickets: AtomicU64,
}

impl Service {
    /// Connects and exchanges the greeting. Tries every address of the host.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(
        address: &Address,
        options: &ConnectOptions,
        cancel: &Cancel,
    ) -> Result<Self, ConnectError> {
        let network = Network::connect(address, options, cancel)?;
        let service = Self {
            address: address.clone(),
            network,
            options: options.clone(),
            round_trip: Mutex::default(),
            tickets: AtomicU64::new(0),
        };
        match service.ask_within(Request::Ping {}, options.deadline, cancel) {
            Ok((_, took)) => service.note_round_trip(took),
            Err(RequestError::Cancelled) => return Err(ConnectError::Cancelled),
            Err(RequestError::Unreachable(error)) => return Err(error),
            Err(RequestError::Refused(error)) => return Err(ConnectError::Rejected(error)),
            Err(_) => return Err(ConnectError::TimedOut { tried: vec![] }),
        }
        Ok(service)
    }

    /// The server's address, as it was given.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The trust in the server with which this service connects.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.options.trust
    }

    /// The server's reply to the last greeting.
    #[must_use]
    pub fn welcome(&self) -> Welcome {
        let welcome = self.network.view().welcome.clone();
        welcome.expect("a service is made after the greeting, which is never taken back")
    }

    /// Round-trip time of the last ping.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        *lock(&self.round_trip)
    }

    /// State of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        self.network.view().state
    }

    /// The username that is logged in, as far as this client knows.
    #[must_use]
    pub fn username(&self) -> Option<Username> {
        self.network.view().username.clone()
    }

    /// The notices of new mail since the last call, oldest first; at most the last 100.
    #[must_use]
    pub fn take_notices(&self) -> Vec<NewMail> {
        self.network.view().notices.drain(..).collect()
    }

    /// Waits for a reason to receive mail, for at most `longest`. A notice that arrived since the
    /// last call is such a reason, too; [`Service::take_notices`] still returns it. One thread at a
    /// time may wait.
    ///
    /// # Errors
    ///
    /// [`RequestError::Cancelled`]; [`RequestError::SessionEnded`] if nobody is logged in (any
    /// more); [`RequestError::Closed`].
    pub fn wait_for_news(&self, longest: Duration, cancel: &Cancel) -> Result<News, RequestError> {
        self.network.wait_for_news(longest, cancel)
    }

    /// Pings the server and returns the round-trip time.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn ping(&self, cancel: &Cancel) -> Result<Duration, RequestError> {
        let within = self.options.request_deadline;
        let (_, took) = self.ask_within(Request::Ping {}, within, cancel)?;
        self.note_round_trip(took);
        Ok(took)
    }

    /// Makes an account. Does not log in to it.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `username_taken`, `not_allowed` if registration is closed.
    pub fn register(&self, account: &NewAccount, cancel: &Cancel) -> Result<(), RequestError> {
        let NewAccount { id, username, full_name, password, invite } = account;
        let credential = self.credential(username, password, cancel)?;
        let register = Register {
            id: *id,
            username: username.clone(),
            full_name: full_name.clone(),
            credential,
            invite: invite.clone(),
        };
        self.ask(Request::Register(register), cancel).map(drop)
    }

    /// Logs in to an account. The service logs in again by itself after a broken connection.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` for an unknown username as for a wrong password.
    pub fn login(
        &self,
        username: &Username,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<LoggedIn, RequestError> {
        let credential = self.credential(username, password, cancel)?;
        let username = username.clone();
        let login = Login { username, credential };
        match self.ask(Request::Login(login), cancel)? {
            Reply::LoggedIn(logged_in) => Ok(logged_in),
            _ => Err(RequestError::Closed),
        }
    }

    /// Sets the password of an account by a code of the server's operator, without the password
    /// before. Does not log in. The account's sessions end. The code works once; if the connection
    /// breaks before the answer, a login tells whether the new password holds. Returns the number
    /// of app passwords that were revoked; `None` if an older server does not state it, or if that
    /// answer was lost.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` for a code that is wrong, used, replaced or expired,
    /// as for an unknown username; `not_allowed` if the server does not offer it or somebody is
    /// logged in.
    pub fn recover(
        &self,
        username: &Username,
        code: &RecoveryCode,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<Option<u32>, RequestError> {
        if !self.welcome().capabilities.contains(capability::RECOVER) {
            let text = "this server sets no passwords by codes";
            return Err(RequestError::Refused(ErrorReply::new(ErrorCode::NotAllowed, text)));
        }
        let before = self.network.view().connections;
        let credential = self.credential(username, password, cancel)?;
        let (username, code) = (username.clone(), code.clone());
        let login = Login { username: username.clone(), credential: credential.clone() };
        let recover = Recover { username, code, credential };
        let result = self.ask(Request::Recover(recover), cancel).map(|reply| match reply {
            Reply::Recovered { app_passwords_revoked } => app_passwords_revoked,
            _ => None,
        });
        let is_refused = |error: &RequestError| error.code() == Some(ErrorCode::BadCredentials);
        if result.as_ref().is_err_and(is_refused) && self.network.view().connections != before {
            // The code was sent again on another connection: the answer to the first may be lost.
            return if self.is_password(login, cancel) { Ok(None) } else { result };
        }
        result
    }

    /// Whether an account has a password, by a login that ends at once.
    fn is_password(&self, login: Login, cancel: &Cancel) -> bool {
        match self.ask(Request::Login(login), cancel) {
            Ok(_) => {
                // After an error, too, the service does not log in again.
                let _ = self.logout(cancel);
                true
            }
            // Only the right password is told so.
            Err(error) => error.code() == Some(ErrorCode::Disabled),
        }
    }

    /// Ends the session; the connection stays.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]. After any error, too, the service does not log in again by itself.
    pub fn logout(&self, cancel: &Cancel) -> Result<(), RequestError> {
        self.ask(Request::Logout {}, cancel).map(drop)
    }

    /// Sends a mail with a text, a file or a message as its content, and returns the time when the
    /// server accepted it. A content above the server's limit for bodies is uploaded in pieces
    /// first, and `progress` is called after each. Repeating the same mail after any error, or
    /// after a restart of the program, is safe: its id prevents a duplicate, and the upload goes on
    /// from where it was.
    ///
    /// # Errors
    ///
    /// See [`SendError`] and [`Service::send`]; `busy` if the server has no room for another
    /// upload.
    pub fn send_mail(
        &self,
        mail: &OutgoingMail,
        progress: &mut dyn FnMut(ContentProgress),
        cancel: &Cancel,
    ) -> Result<Timestamp, SendError> {
        let limits = self.welcome().limits;
        if mail.content.size() > u64::from(limits.body).min(BODY_MAX as u64) {
            let mut ask = |request| self.ask(request, cancel);
            return send::send(mail, &limits, &mut ask, progress, cancel);
        }
        if cancel.is_cancelled() {
            return Err(SendError::CancelledUnsent);
        }
        let content = mail.content.inline()?;
        let (id, to, subject) = (mail.id, mail.to.clone(), mail.subject.clone());
        Ok(self.send(&Send { id, to, subject, content }, cancel)?)
    }

    /// Sends a mail whose content is a body, and returns the time when the server accepted it.
    /// Repeating the same mail after any error is safe: its id prevents a duplicate.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `unknown_recipient` and `mailbox_full` name the recipients.
    pub fn send(&self, mail: &Send, cancel: &Cancel) -> Result<Timestamp, RequestError> {
        match self.ask(Request::Send(mail.clone()), cancel)? {
            Reply::Sent { sent_at } => Ok(sent_at),
            _ => Err(RequestError::Closed),
        }
    }

    /// Receives all mail, page by page: fetches it, writes it durably, and only then confirms it,
    /// so that the server deletes it. Returns all mails in the mailbox that were never shown,
    /// oldest first, including those that an earlier failed call saved. Call
    /// [`Mailbox::mark_shown`] once they were shown. Mails whose content arrives damaged stay on
    /// the server.
    ///
    /// # Errors
    ///
    /// See [`ReceiveError`]. Mails saved until then are in [`Mailbox::unseen`].
    pub fn receive(
        &self,
        mailbox: &mut Mailbox,
        progress: &mut dyn FnMut(Progress),
        cancel: &Cancel,
    ) -> Result<Vec<Stored>, ReceiveError> {
        let options = ReceiveOptions::default();
        self.receive_with(mailbox, options, progress, cancel).map(|received| received.mails)
    }

    /// As [`Service::receive`], with options: what becomes of mails whose content arrives damaged
    /// ([`crate::DamagedContents`]), and of the server's copies ([`crate::ServerCopy`]).
    ///
    /// # Errors
    ///
    /// See [`ReceiveError`]. Mails saved until then are in [`Mailbox::unseen`].
    pub fn receive_with(
        &self,
        mailbox: &mut Mailbox,
        options: ReceiveOptions,
        progress: &mut dyn FnMut(Progress),
        cancel: &Cancel,
    ) -> Result<Received, ReceiveError> {
        let mut ask = |request| self.ask(request, cancel);
        receive::receive(mailbox, options, &mut ask, progress, cancel)
    }

    /// Looks people up in the server's directory, of which one reply has at most
    /// [`FOUND_MAX`](correio_proto::limits::FOUND_MAX). A part of one or two characters is looked
    /// for at the beginning of names only.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `not_allowed` if the server shows no directory, `rate_limited` after
    /// too many calls.
    pub fn find(&self, query: &Query, cancel: &Cancel) -> Result<Found, RequestError> {
        if !self.welcome().capabilities.contains(capability::FIND) {
            let none = ErrorReply::new(ErrorCode::NotAllowed, "this server shows no directory");
            return Err(RequestError::Refused(none));
        }
        match self.ask(Request::Find(Find { text: query.clone() }), cancel)? {
            Reply::Found(found) => Ok(found),
            _ => Err(RequestError::Closed),
        }
    }

    /// Changes the full name of the account that is logged in.
    ///
    /// # Errors
    ///
    /// See [`RequestError`].
    pub fn change_full_name(
        &self,
        full_name: &FullName,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let full_name = full_name.clone();
        self.change(Account::FullName { full_name }, cancel)
    }

    /// Changes the password of the account that is logged in. Returns the number of app passwords
    /// that were revoked; `None` if an older server does not state it, or if its answer was lost.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` if `current` is not the password.
    pub fn change_password(
        &self,
        current: &Arc<Password>,
        new: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<Option<u32>, RequestError> {
        let username = self.session()?;
        let current = self.credential(&username, current, cancel)?;
        let new = self.credential(&username, new, cancel)?;
        match self.ask(Request::Account(Account::Password { current, new }), cancel)? {
            Reply::AccountChanged { app_passwords_revoked } => Ok(app_passwords_revoked),
            _ => Err(RequestError::Closed),
        }
    }

    /// Deletes the account that is logged in, with its mailbox on the server.
    ///
    /// # Errors
    ///
    /// See [`RequestError`]; `bad_credentials` if `password` is not the account's password. If the
    /// account was deleted but the answer was lost with the connection,
    /// [`RequestError::SessionEnded`].
    pub fn delete_account(
        &self,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<(), RequestError> {
        let credential = self.credential(&self.session()?, password, cancel)?;
        self.change(Account::Delete { credential }, cancel)
    }

    fn change(&self, account: Account, cancel: &Cancel) -> Result<(), RequestError> {
        self.ask(Request::Account(account), cancel).map(drop)
    }

    /// The username that is logged in, or the error that the server would give without a login.
    fn session(&self) -> Result<Username, RequestError> {
        let nobody = || ErrorReply::new(ErrorCode::NotAuthenticated, "log in first");
        self.username().ok_or_else(|| RequestError::Refused(nobody()))
    }

    fn ask(&self, request: Request, cancel: &Cancel) -> Result<Reply, RequestError> {
        let within = self.options.request_deadline;
        self.ask_within(request, within, cancel).map(|(reply, _)| reply)
    }

    fn ask_within(
        &self,
        request: Request,
        within: Duration,
        cancel: &Cancel,
    ) -> Result<(Reply, Duration), RequestError> {
        if cancel.is_cancelled() {
            return Err(RequestError::Cancelled);
        }
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let answer = self.network.request(ticket, request, within)?;
        match answer.wait(cancel) {
            Ok(Ok((Reply::Error(error), _))) => Err(RequestError::Refused(error)),
            Ok(outcome) => outcome,
            Err(RecvError::Cancelled) => {
                self.network.abandon(ticket);
                Err(RequestError::Cancelled)
            }
            Err(RecvError::Gone) => Err(RequestError::Closed),
        }
    }

    /// Derives a credential on a thread of its own, so that the caller can cancel.
    fn credential(
        &self,
        username: &Username,
        password: &Arc<Password>,
        cancel: &Cancel,
    ) -> Result<Credential, RequestError> {
        let realm = self.welcome().realm;
        self.check_realm(realm, cancel)?;
        let (sender, receiver) = oneshot::channel();
        let (username, password) = (username.clone(), Arc::clone(password));
        let derive = move || sender.send(Credential::derive(&password, realm, &username));
        let thread = thread::Builder::new().name("correio-credential".to_owned());
        if thread.spawn(derive).is_err() {
            return Err(RequestError::Overloaded);
        }
        receiver.wait(cancel).map_err(|error| match error {
            RecvError::Cancelled => RequestError::Cancelled,
            RecvError::Gone => RequestError::Closed,
        })
    }

    /// Checks the server's claim to its realm. A credential is valid for its realm, so it must not
    /// be made for a server that falsely claims it.
    fn check_realm(&self, realm: Realm, cancel: &Cancel) -> Result<(), RequestError> {
        let Some(known) = &self.options.known else {
            return Ok(());
        };
        let known = known.clone().cancelled_by(cancel);
        match known.record_realm(&self.address, self.options.trust, realm) {
            Ok(None) => Ok(()),
            Ok(Some(keeper)) => Err(RequestError::OtherServersRealm { keeper }),
            Err(KnownServersError::Cancelled) => Err(RequestError::Cancelled),
            Err(error) => Err(RequestError::KnownServers(error.to_string())),
        }
    }

    fn note_round_trip(&self, took: Duration) {
        *lock(&self.round_trip) = took;
    }
}
