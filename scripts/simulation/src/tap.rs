//! Observes one connection from outside: its requests, its replies, and the properties that must
//! hold between them.

use std::collections::VecDeque;

use correio_proto::{
    channel::{Channel, ChannelError},
    credential::Credential,
    limits,
    mail::{Seq, Timestamp, Username},
    message::{
        Account, ClientMessage, ErrorCode, LoggedIn, Login, Notice, Page, Register, Reply, Request,
        Resume, ServerMessage, Upload,
    },
};
use correio_server::ids::ConnId;

use crate::{
    check::{Check, Violation, require},
    ledger::Ledger,
    observer::Observer,
    pipe::LinkRef,
    program_tap::{ReplyEffect, WatchedTalk},
};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) id: ConnId,
    pub(crate) link: LinkRef,
    /// What is known of the talk on the connection.
    pub(crate) talk: WatchedTalk,
    requests: Channel,
    replies: Channel,
    /// Requests without a reply, oldest first.
    pub(crate) waiting: VecDeque<PendingRequest>,
    pub(crate) user: Option<Username>,
    /// What the user has logged in with, and has asked to have as a password since.
    credentials: Vec<Credential>,
    pub(crate) has_logged_in: bool,
    pub(crate) anonymous_since: u64,
    /// Time of the last read request, reply, or finished job.
    pub(crate) moved_at: u64,
    /// Time since which the client has not read waiting output.
    pub(crate) stuck_since: Option<u64>,
    pub(crate) shut_since: Option<u64>,
    /// The input is not of the protocol, or the server has refused the whole connection.
    pub(crate) is_refused: bool,
    /// Jobs done for the oldest pending request.
    jobs: Vec<&'static str>,
}

/// A request without a reply.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    at: u64,
    /// The server's wall clock at that time.
    wall: Timestamp,
    number: Option<u32>,
    /// Whether no other request was pending when this one came, so that later jobs are its own.
    is_alone: bool,
    /// `None` for a request that could not be read.
    request: Option<Request>,
}

impl Tap {
    pub(crate) fn new(id: ConnId, link: LinkRef, now: u64, talk: WatchedTalk) -> Self {
        Self {
            id,
            link,
            is_refused: matches!(talk, WatchedTalk::Hostile(_)),
            talk,
            requests: Channel::plaintext(limits::REPLY_FRAME_MAX),
            replies: Channel::plaintext(limits::REPLY_FRAME_MAX),
            waiting: VecDeque::new(),
            user: None,
            credentials: Vec::new(),
            has_logged_in: false,
            anonymous_since: now,
            moved_at: now,
            stuck_since: None,
            shut_since: None,
            jobs: Vec::new(),
        }
    }

    pub(crate) fn note_job(&mut self, kind: &'static str, now: u64) {
        self.jobs.push(kind);
        self.moved_at = now;
    }

    /// Observes the requests that the server has read since the last call.
    pub(crate) fn observe_requests(&mut self, observer: &mut Observer<'_>) {
        let read = std::mem::take(&mut self.link.borrow_mut().server_read);
        if let WatchedTalk::Program(program) = &mut self.talk {
            let was_waiting = program.waiting() > 0;
            if program.observe_requests(&read) {
                self.moved_at = observer.now;
            }
            if !was_waiting && program.waiting() > 0 {
                self.jobs.clear();
            }
            return;
        }
        let mut rest = read.as_slice();
        while !rest.is_empty() && !self.is_refused {
            // Reading from a slice cannot fail; nothing is read while a message is ready.
            let _ = self.requests.read_from(&mut rest);
            loop {
                match self.requests.next_message::<ClientMessage>() {
                    Ok(None) => break,
                    Ok(Some(message)) => self.asked(observer, message),
                    Err(ChannelError::Malformed(malformed)) => {
                        self.push(observer, malformed.number, None);
                    }
                    Err(_) => {
                        self.is_refused = true;
                        break;
                    }
                }
            }
        }
    }

    fn asked(&mut self, observer: &mut Observer<'_>, message: ClientMessage) {
        match &message.request {
            Request::Login(login) => {
                observer.ledger.note_login((observer.server, self.id), &login.username);
            }
            Request::Resume(resume) => {
                observer.ledger.note_login((observer.server, self.id), &resume.username);
            }
            Request::Account(Account::Delete { .. }) => {
                observer.ledger.note_account_deletion((observer.server, self.id));
            }
            Request::Account(Account::Password { new, .. }) => self.credentials.push(new.clone()),
            Request::Confirm(confirm) => {
                let connection = (observer.server, self.id);
                observer.ledger.note_confirmation(connection, &confirm.mails);
            }
            _ => {}
        }
        let ClientMessage { number, request } = message;
        self.push(observer, Some(number), Some(request));
    }

    fn push(&mut self, observer: &Observer<'_>, number: Option<u32>, request: Option<Request>) {
        let (at, wall) = (observer.now, observer.wall);
        let is_alone = self.waiting.is_empty();
        if is_alone {
            self.jobs.clear();
        }
        self.waiting.push_back(PendingRequest { at, wall, number, is_alone, request });
        self.moved_at = at;
    }

    /// Observes and checks the replies that the server has written since the last call.
    pub(crate) fn observe_replies(&mut self, observer: &mut Observer<'_>) -> Result<(), Violation> {
        let written = std::mem::take(&mut self.link.borrow_mut().server_wrote);
        match &mut self.talk {
            WatchedTalk::Correio => {}
            WatchedTalk::Hostile(_) => return Ok(()),
            WatchedTalk::Program(_) => return self.observe_program(observer, &written),
        }
        let mut rest = written.as_slice();
        while !rest.is_empty() {
            let _ = self.replies.read_from(&mut rest);
            loop {
                match self.replies.next_message::<ServerMessage>() {
                    Ok(None) => break,
                    Ok(Some(ServerMessage::Notice(notice))) => self.noticed(observer, &notice)?,
                    Ok(Some(ServerMessage::Reply { number, reply })) => {
                        self.moved_at = observer.now;
                        self.replied(observer, number, reply)?;
                    }
                    // A client of another protocol is answered in that protocol.
                    Err(_) if self.is_refused => return Ok(()),
                    Err(error) => {
                        let text = format!("connection {}: the server says: {error}", self.id);
                        return Err(Violation::new(Check::Intact, text));
                    }
                }
            }
        }
        Ok(())
    }

    fn observe_program(
        &mut self,
        observer: &mut Observer<'_>,
        written: &[u8],
    ) -> Result<(), Violation> {
        let WatchedTalk::Program(program) = &mut self.talk else {
            return Ok(());
        };
        if !written.is_empty() {
            self.moved_at = observer.now;
        }
        match program.observe_replies(observer, (self.id, written), &mut self.jobs)? {
            ReplyEffect::None => {}
            ReplyEffect::LoggedIn => self.has_logged_in = true,
            ReplyEffect::Closing => self.is_refused = true,
        }
        Ok(())
    }

    /// The user of the session and since when their password is another one, if the session should
    /// have ended. A client that does not read may not have been told yet.
    pub(crate) fn outlived(&self, ledger: &Ledger) -> Option<(&Username, u64)> {
        let user = self.user.as_ref()?;
        if self.stuck_since.is_some() || self.link.borrow().is_shut() {
            return None;
        }
        Some((user, ledger.passwords.outdated_since(user, &self.credentials)?))
    }

    /// Number of requests without a reply.
    pub(crate) fn unanswered(&self) -> usize {
        match &self.talk {
            WatchedTalk::Correio => self.waiting.len(),
            WatchedTalk::Program(program) => program.waiting(),
            WatchedTalk::Hostile(_) => 0,
        }
    }

    /// Whether every job of the connection belongs to a request that has a reply now.
    pub(crate) fn has_only_answered(&self) -> bool {
        matches!(self.talk, WatchedTalk::Correio) && self.waiting.is_empty()
    }

    fn noticed(&self, observer: &mut Observer<'_>, notice: &Notice) -> Result<(), Violation> {
        observer.note(format_args!("{}: {notice:?}", self.id));
        let Notice::NewMail(mail) = notice else {
            return Ok(());
        };
        let Some(user) = &self.user else {
            let text = format!("connection {}: a notice of mail and no login", self.id);
            return Err(Violation::new(Check::LoggedIn, text));
        };
        let mut sent = observer.ledger.find(&mail.from, mail.subject.as_str());
        let is_theirs = sent.any(|key| observer.ledger.is_for(key, user));
        let text = || format!("{user} was told of {:?}, which is another's mail", mail.subject);
        require(is_theirs, Check::Intact, text)
    }

    fn replied(
        &mut self,
        observer: &mut Observer<'_>,
        number: u32,
        reply: Reply,
    ) -> Result<(), Violation> {
        self.note_reply(observer, number, &reply);
        let jobs = std::mem::take(&mut self.jobs);
        if number == 0 && self.waiting.front().is_none_or(|asked| asked.number.is_some()) {
            // The error concerns the whole connection, which is being closed.
            self.is_refused = true;
            return Ok(());
        }
        let Some(asked) = self.waiting.pop_front() else {
            let text = format!("connection {}: a reply to nothing: {reply:?}", self.id);
            return Err(Violation::new(Check::Answered, text));
        };
        let text = || format!("connection {}: a reply {number} to {asked:?}", self.id);
        require(asked.number.unwrap_or(0) == number, Check::Answered, text)?;
        if let (Some(Request::Login(_)), Reply::Error(error)) = (&asked.request, &reply)
            && error.code == ErrorCode::BadCredentials
            && asked.is_alone
            && self.waiting.is_empty()
            && let Some(Request::Login(login)) = &asked.request
            // If the password was changed in the meantime, the login takes another path.
            && !observer.ledger.passwords.was_right(&login.username, &login.credential, asked.at)
        {
            observer.failed_logins.push(("correio", jobs, error.code, error.text.clone()));
        }
        match asked.request {
            Some(Request::Resume(resume)) if matches!(reply, Reply::LoggedIn(_)) => {
                self.resumed(observer, (asked.at, asked.wall), &resume)
            }
            Some(request) => self.check(observer, asked.at, request, reply),
            None => {
                let text = || format!("connection {}: {reply:?} to no request", self.id);
                require(matches!(reply, Reply::Error(_)), Check::Answered, text)
            }
        }
    }

    /// Adds a reply to the trace in one line; a page could fill many.
    fn note_reply(&self, observer: &mut Observer<'_>, number: u32, reply: &Reply) {
        let id = self.id;
        match reply {
            Reply::Page(page) => {
                let mails = page.mails.len();
                observer.note(format_args!("{id}: {number} a page of {mails} mails"));
            }
            Reply::Hello(_) | Reply::Pong {} => {}
            reply => observer.note(format_args!("{id}: {number} {reply:?}")),
        }
    }

    /// Checks a login with a ticket: it was given to this account, has not expired, and neither was
    /// the password changed nor the account disabled since.
    fn resumed(
        &mut self,
        observer: &mut Observer<'_>,
        (since, wall): (u64, Timestamp),
        resume: &Resume,
    ) -> Result<(), Violation> {
        let ledger = &*observer.ledger;
        let username = &resume.username;
        let credentials = match ledger.tickets.used(resume, [wall, observer.wall]) {
            Some(used) => {
                // A session that a new password has not ended yet, on another server, may still be
                // given tickets: they must not be valid.
                let mut credentials = used.credentials.iter();
                let is_present =
                    credentials.any(|it| ledger.passwords.was_right(username, it, since));
                let is_unchanged = ledger.passwords.was_unchanged(username, used.given_at, since);
                let text = || format!("{username} was let in with a ticket of before a change");
                require(is_present && is_unchanged, Check::LoggedIn, text)?;
                used.credentials.clone()
            }
            None => {
                let text = || format!("{username} was let in with a ticket that is not valid");
                require(!ledger.tickets.is_whole(), Check::LoggedIn, text)?;
                Vec::new()
            }
        };
        let text = || format!("{username} was let in while disabled");
        require(!ledger.was_disabled_before(username, since), Check::LoggedIn, text)?;
        self.began(username, credentials);
        Ok(())
    }

    /// Checks a login with a password.
    fn logged_in(
        &mut self,
        ledger: &Ledger,
        since: u64,
        login: &Login,
        logged_in: &LoggedIn,
    ) -> Result<(), Violation> {
        let Login { username, credential } = login;
        let is_right = *username == logged_in.username
            && ledger.passwords.was_right(username, credential, since);
        let text = || format!("{username} was let in with a wrong password");
        require(is_right, Check::LoggedIn, text)?;
        let text = || format!("{username} was let in while disabled");
        require(!ledger.was_disabled_before(username, since), Check::LoggedIn, text)?;
        self.began(username, vec![credential.clone()]);
        Ok(())
    }

    /// Records that a session began. The client may have asked for new passwords in advance.
    fn began(&mut self, username: &Username, mut credentials: Vec<Credential>) {
        credentials.extend(self.waiting.iter().filter_map(|asked| match &asked.request {
            Some(Request::Account(Account::Password { new, .. })) => Some(new.clone()),
            _ => None,
        }));
        self.user = Some(username.clone());
        self.credentials = credentials;
        self.has_logged_in = true;
    }

    fn check(
        &mut self,
        observer: &mut Observer<'_>,
        since: u64,
        request: Request,
        reply: Reply,
    ) -> Result<(), Violation> {
        let ledger = &mut *observer.ledger;
        let is_free = matches!(
            reply,
            Reply::Error(_) | Reply::Hello(_) | Reply::Pong {} | Reply::Registered {}
        );
        if let (Request::Login(login), Reply::LoggedIn(logged_in)) = (&request, &reply) {
            return self.logged_in(ledger, since, login, logged_in);
        }
        let Some(user) = self.user.clone().filter(|_| !is_free) else {
            let text = || format!("connection {}: {reply:?} and no login", self.id);
            return require(is_free, Check::LoggedIn, text)
                .and_then(|()| self.check_registered(ledger, request, &reply));
        };
        match (request, reply) {
            (Request::Send(mail), Reply::Sent { .. }) => ledger.acknowledge(&user, &mail),
            (Request::Fetch(fetch), Reply::Page(page)) => {
                check_page(ledger, &user, (fetch.after, since), &page)
            }
            (Request::Ticket {}, Reply::Ticket(given)) => {
                let session = (&user, self.credentials.as_slice());
                ledger.tickets.note(session, &given, (observer.now, observer.wall));
                Ok(())
            }
            (Request::Logout {}, Reply::LoggedOut {}) => {
                self.user = None;
                self.anonymous_since = observer.now;
                Ok(())
            }
            (Request::Upload(upload), Reply::Uploaded { staged }) => {
                check_uploaded(observer, &user, &upload, staged)
            }
            (Request::Read(read), Reply::Piece { bytes }) => {
                ledger.check_piece(&user, read, bytes.as_bytes())
            }
            (Request::Confirm(_), Reply::Confirmed { .. }) => Ok(()),
            (Request::Find(find), Reply::Found(found)) => {
                ledger.check_found(&find.text, &found, since)
            }
            (request @ (Request::List(_) | Request::AppPassword(_)), reply)
                if request.is_answered_by(&reply) =>
            {
                Ok(())
            }
            (Request::Account(change), Reply::AccountChanged { .. }) => {
                if matches!(change, Account::Delete { .. }) {
                    self.user = None;
                    self.anonymous_since = observer.now;
                }
                check_change(ledger, &user, since, &change)
            }
            (request, reply) => {
                let text = format!("connection {}: {reply:?} to {request:?}", self.id);
                Err(Violation::new(Check::Answered, text))
            }
        }
    }

    fn check_registered(
        &self,
        ledger: &Ledger,
        request: Request,
        reply: &Reply,
    ) -> Result<(), Violation> {
        match (request, reply) {
            (Request::Register(register), Reply::Registered {}) => {
                let Register { username, credential, .. } = register;
                let exists = ledger.passwords.was_right(&username, &credential, 0);
                let text = || format!("{username} was registered and is not there, or as another");
                require(exists, Check::Acknowledged, text)
            }
            _ => Ok(()),
        }
    }
}

/// A page has mails of the user, and misses none after the number that was asked for at `since`.
fn check_page(
    ledger: &Ledger,
    user: &Username,
    (after, since): (Seq, u64),
    page: &Page,
) -> Result<(), Violation> {
    page.mails.iter().try_for_each(|mail| ledger.check_mail(mail, Some(user)))?;
    ledger.check_none_missed(user, (after, since), page)
}

/// An accepted piece is durable, and within the server's limits.
fn check_uploaded(
    observer: &Observer<'_>,
    user: &Username,
    upload: &Upload,
    staged: u64,
) -> Result<(), Violation> {
    let (size, bytes) = (upload.size.get(), upload.bytes.as_bytes().len() as u64);
    let end = if bytes == 0 { 0 } else { upload.offset.saturating_add(bytes) };
    let is_long = bytes == 0 || end >= size || bytes >= observer.piece_min as u64;
    let is_within = (end..=size).contains(&staged) && size <= observer.content_max && is_long;
    let text = || format!("{staged} bytes are staged after {upload:?}");
    require(is_within, Check::Bounded, text)?;
    observer.ledger.check_staged(user, upload.id, staged)
}

fn check_change(
    ledger: &Ledger,
    user: &Username,
    since: u64,
    change: &Account,
) -> Result<(), Violation> {
    let is_done = match change {
        Account::FullName { full_name } => ledger.was_named(user, full_name),
        Account::Password { new, .. } => ledger.passwords.was_right(user, new, since),
        Account::Delete { .. } => true,
    };
    let text = || format!("a change of {user} was acknowledged and not made");
    require(is_done, Check::Acknowledged, text)
}
