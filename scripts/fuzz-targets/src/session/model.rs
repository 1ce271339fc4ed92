//! A model of the server: the replies and notices that it must send.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use correio_proto::{
    app_password::AppPasswordOverview,
    capability::{CONTENTS, FIND, LISTS, RESUME},
    credential::Credential,
    limits,
    mail::{Content, FullName, Mail, MailId, MailRef, Seq, Timestamp, Username},
    message::{
        Account as Change, ErrorCode, Fetch, LoggedIn, Login, NewMail, Notice, Page, Register,
        RegistrationPolicy, Reply, Request, Send,
    },
};
use correio_server::clock::Now;

use correio_testing::world::REALM;

use super::{
    known_ticket::{KnownTicket, Proof},
    lists::Lists,
    refusal::{names_refused, refuses},
    upload::{StagedUpload, whole},
    world::{BODY_MAX, CLIENTS, CONTENT_MAX, IDLE_TIMEOUT, LOGIN_TIMEOUT, QUOTA},
};

/// A number that no mail has.
pub(super) const NO_SEQ: Seq = Seq(u64::MAX);

/// The state of a client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    /// Nothing was sent yet.
    New,
    /// `hello` was exchanged.
    Anonymous,
    /// The client is logged in.
    LoggedIn,
}

#[derive(Clone, Debug)]
struct Client {
    state: SessionState,
    /// The account, if the client is logged in.
    username: Option<Username>,
    /// How it has logged in.
    proof: Option<Proof>,
    anonymous_since: Duration,
    heard: Duration,
    pinged: bool,
    nonsense: u32,
    closed: bool,
    notices: Vec<Notice>,
    /// Notices that came before a logout in the same batch.
    unsure: Vec<Notice>,
}

pub(super) struct Account {
    registered_as: MailId,
    /// No other account has or had it.
    pub(super) number: u64,
    pub(super) full_name: FullName,
    pub(super) credential: Credential,
    /// When it may make all finds at once again, as an uptime.
    pub(super) finds_full_at: Duration,
    /// When it may make all requests about lists at once again, as an uptime.
    pub(super) lists_full_at: Duration,
    /// Oldest first.
    pub(super) app_passwords: Vec<AppPasswordOverview>,
    pub(super) mailbox: Vec<StoredMail>,
    pub(super) sent: BTreeMap<MailId, (Send, Timestamp)>,
    pub(super) uploads: BTreeMap<MailId, StagedUpload>,
}

/// A mail in a mailbox. Its number is known once a page has shown it; mails with a known number
/// come first.
#[derive(Clone)]
pub(super) struct StoredMail {
    pub(super) seq: Option<Seq>,
    from_name: FullName,
    from: Username,
    pub(super) send: Send,
    sent_at: Timestamp,
    /// The content, if it is large.
    pub(super) content: Option<Rc<[u8]>>,
}

impl StoredMail {
    fn is(&self, mail: &Mail) -> bool {
        self.seq.is_none_or(|seq| seq == mail.seq)
            && (&self.from, &self.from_name) == (&mail.from, &mail.from_name)
            && (&self.send.to, &self.send.subject) == (&mail.to, &mail.subject)
            && (self.send.id, self.sent_at) == (mail.id, mail.sent_at)
            && self.send.content == mail.content
    }

    fn bytes(&self) -> u64 {
        size(&self.send)
    }
}

/// The reply to a change, which states this number of app passwords.
fn changed(app_passwords_revoked: Option<u32>) -> Reply {
    Reply::AccountChanged { app_passwords_revoked }
}

fn size(send: &Send) -> u64 {
    send.subject.as_str().len() as u64 + send.content.size()
}

pub(super) struct Model {
    pub(super) accounts: BTreeMap<Username, Account>,
    pub(super) lists: Lists,
    /// All app passwords that were made, as text. No two are the same.
    pub(super) given_out: BTreeSet<String>,
    /// All tickets that were given.
    pub(super) tickets: Vec<KnownTicket>,
    /// Accounts that were made.
    made: u64,
    clients: [Option<Client>; CLIENTS],
}

impl Model {
    pub(super) fn new() -> Self {
        let clients = [const { None }; CLIENTS];
        let (lists, given_out) = (Lists::default(), BTreeSet::new());
        let (accounts, tickets) = (BTreeMap::new(), Vec::new());
        Self { accounts, lists, given_out, tickets, made: 0, clients }
    }

    pub(super) fn connected(&mut self, index: usize, now: Duration) {
        self.clients[index] = Some(Client {
            state: SessionState::New,
            username: None,
            proof: None,
            anonymous_since: now,
            heard: now,
            pinged: false,
            nonsense: 0,
            closed: false,
            notices: Vec::new(),
            unsure: Vec::new(),
        });
    }

    pub(super) fn hung_up(&mut self, index: usize) {
        self.clients[index] = None;
    }

    fn client(&mut self, index: usize) -> &mut Client {
        self.clients[index].as_mut().expect("it has connected")
    }

    pub(super) fn state(&mut self, index: usize) -> SessionState {
        self.client(index).state
    }

    pub(super) fn is_closed(&self, index: usize) -> bool {
        self.clients[index].as_ref().is_none_or(|client| client.closed)
    }

    /// The account of a client that is logged in.
    pub(super) fn account_of(&self, index: usize) -> Option<&Account> {
        let client = self.clients[index].as_ref()?;
        self.accounts.get(client.username.as_ref()?)
    }

    /// Whether these are the notices since the last call.
    pub(super) fn notices(&mut self, index: usize, heard: &[Notice]) -> bool {
        let client = self.client(index);
        let notices = std::mem::take(&mut client.notices);
        let unsure = std::mem::take(&mut client.unsure);
        let certain = heard.len().checked_sub(notices.len()).map(|at| heard.split_at(at));
        certain.is_some_and(|(before, after)| unsure.starts_with(before) && after == notices)
    }

    /// Every account's names, by username.
    pub(super) fn people(&self) -> impl Iterator<Item = (&Username, &FullName)> {
        self.accounts.iter().map(|(username, account)| (username, &account.full_name))
    }

    /// Every account and its credential.
    pub(super) fn accounts(&self) -> Vec<(Username, Credential)> {
        let opened =
            |(name, account): (&Username, &Account)| (name.clone(), account.credential.clone());
        self.accounts.iter().map(opened).collect()
    }

    pub(super) fn mailbox(&self, index: usize) -> &[StoredMail] {
        let username = self.clients[index].as_ref().and_then(|client| client.username.as_ref());
        username.map_or(&[], |username| self.accounts[username].mailbox.as_slice())
    }

    /// Whether it is known which mails are numbered up to `seq`.
    pub(super) fn knows(&self, index: usize, seq: Seq) -> bool {
        seq == Seq(0)
            || seq == NO_SEQ
            || self.mailbox(index).iter().any(|stored| stored.seq == Some(seq))
    }

    /// A known number of a mail, or a number of no mail.
    pub(super) fn seq(&self, index: usize, which: u8) -> Seq {
        match usize::from(which & 0x7f) {
            0 => Seq(0),
            0x7f => NO_SEQ,
            which => {
                let known: Vec<Seq> = self.mailbox(index).iter().filter_map(|it| it.seq).collect();
                known.get(which % known.len().max(1)).copied().unwrap_or(Seq(0))
            }
        }
    }

    pub(super) fn id_of(&self, index: usize, seq: Seq) -> Option<MailId> {
        let mut mailbox = self.mailbox(index).iter();
        mailbox.find(|stored| stored.seq == Some(seq)).map(|stored| stored.send.id)
    }

    /// Advances the model to `now`.
    pub(super) fn passed(&mut self, now: Now) {
        self.pruned(now);
        let now = now.uptime;
        for client in self.clients.iter_mut().flatten().filter(|client| !client.closed) {
            if client.state != SessionState::LoggedIn {
                client.closed = now >= client.anonymous_since + LOGIN_TIMEOUT;
                continue;
            }
            if now >= client.heard + IDLE_TIMEOUT / 2 && !client.pinged {
                client.pinged = true;
                client.notices.push(Notice::Ping {});
            }
            client.closed = now >= client.heard + IDLE_TIMEOUT;
        }
    }

    /// Checks the reply to a malformed value.
    pub(super) fn refused(&mut self, index: usize, is_invalid: bool, text: &str, reply: &Reply) {
        let Reply::Error(error) = reply else { panic!("{reply:?}") };
        let code = if is_invalid { ErrorCode::Invalid } else { ErrorCode::Protocol };
        assert_eq!((error.code, &*error.text), (code, text));
        let client = self.client(index);
        client.nonsense += u32::from(!is_invalid);
        client.closed = client.nonsense >= limits::PROTOCOL_ERRORS_MAX;
    }

    /// Checks the reply to a length that no frame may have.
    pub(super) fn broken(&mut self, index: usize, is_empty: bool, reply: &Reply) {
        let code = if is_empty { ErrorCode::Protocol } else { ErrorCode::TooLarge };
        refuses(reply, code);
        self.client(index).closed = true;
    }

    /// Checks the reply to a request.
    pub(super) fn answered(&mut self, index: usize, now: Now, request: &Request, reply: &Reply) {
        let client = self.client(index);
        client.heard = now.uptime;
        client.pinged = false;
        match (client.state, request) {
            (SessionState::New, Request::Hello(hello)) => self.greeted(index, hello.version, reply),
            (SessionState::New, _) | (_, Request::Hello(_)) => {
                refuses(reply, ErrorCode::NotAllowed);
            }
            (_, Request::Ping {}) => assert_eq!(reply, &Reply::Pong {}),
            (SessionState::Anonymous, Request::Register(register)) => {
                self.registered(register, reply);
            }
            (SessionState::Anonymous, Request::Login(login)) => {
                self.logged_in(index, now, login, reply);
            }
            (SessionState::Anonymous, Request::Resume(resume)) => {
                match self.proof_of(resume, now.wall) {
                    Some(proof) => self.enter(index, &resume.username, proof, reply),
                    None => refuses(reply, ErrorCode::BadCredentials),
                }
            }
            // No account has a code here: the model's operator makes none.
            (SessionState::Anonymous, Request::Recover(_)) => {
                refuses(reply, ErrorCode::BadCredentials);
            }
            (SessionState::Anonymous, _) => refuses(reply, ErrorCode::NotAuthenticated),
            (
                SessionState::LoggedIn,
                Request::Register(_) | Request::Login(_) | Request::Resume(_) | Request::Recover(_),
            ) => {
                refuses(reply, ErrorCode::NotAllowed);
            }
            (SessionState::LoggedIn, request) => self.served(index, now, request, reply),
        }
    }

    /// Checks the reply to a request of a session that is logged in.
    fn served(&mut self, index: usize, now: Now, request: &Request, reply: &Reply) {
        let username = self.client(index).username.clone().expect("it is logged in");
        match request {
            Request::Ticket {} => {
                let proof = self.client(index).proof.clone().expect("it is logged in");
                self.answered_ticket(&username, proof, now.wall, reply);
            }
            Request::Logout {} => {
                assert_eq!(reply, &Reply::LoggedOut {});
                self.leave(index, now.uptime);
                // Notices follow the replies to all requests that the server reads at once: after
                // the logout the session gets none that were not sent before it was read.
                let client = self.client(index);
                let is_mail = |notice: &mut Notice| matches!(notice, Notice::NewMail(_));
                client.unsure.extend(client.notices.extract_if(.., is_mail));
            }
            Request::Send(send) => self.sent(&username, send, now.wall, reply),
            Request::Fetch(fetch) => self.fetched(&username, *fetch, reply),
            Request::Confirm(confirm) => self.confirmed(&username, &confirm.mails, reply),
            Request::Account(Change::FullName { full_name }) => {
                assert_eq!(reply, &changed(None));
                self.account(&username).full_name = full_name.clone();
            }
            Request::Account(Change::Password { current, new }) => {
                let revoked = self.account(&username).app_passwords.len() as u32;
                if self.is_opened(&username, current, reply, Some(revoked)) {
                    let account = self.account(&username);
                    account.credential = new.clone();
                    account.app_passwords.clear();
                    let proof = Proof { credential: new.clone(), at: now.wall };
                    self.client(index).proof = Some(proof);
                    self.end_others(index, &username);
                }
            }
            Request::Account(Change::Delete { credential }) => {
                if self.is_opened(&username, credential, reply, None) {
                    self.end_others(index, &username);
                    self.leave(index, now.uptime);
                    self.accounts.remove(&username);
                    self.lists.forget(&username);
                }
            }
            Request::Upload(upload) => self.uploaded(&username, upload, now.wall, reply),
            Request::Read(read) => self.read(&username, *read, reply),
            Request::Find(find) => self.looked_up(&username, &find.text, now.uptime, reply),
            Request::List(request) => self.listed(&username, request, now.uptime, reply),
            Request::AppPassword(request) => {
                self.answered_app_password(&username, request, now, reply);
            }
            Request::Hello(_)
            | Request::Register(_)
            | Request::Login(_)
            | Request::Resume(_)
            | Request::Recover(_)
            | Request::Ping {} => {
                unreachable!("answered already");
            }
        }
    }

    pub(super) fn account(&mut self, username: &Username) -> &mut Account {
        self.accounts.get_mut(username).expect("a session has an account")
    }

    fn leave(&mut self, index: usize, now: Duration) {
        let client = self.client(index);
        client.state = SessionState::Anonymous;
        client.username = None;
        client.proof = None;
        client.anonymous_since = now;
    }

    /// Checks the reply to a change, which succeeds if the credential is the account's, and then
    /// states this number of app passwords. Returns whether it does.
    fn is_opened(
        &mut self,
        username: &Username,
        with: &Credential,
        reply: &Reply,
        revoked: Option<u32>,
    ) -> bool {
        let opens = self.account(username).credential.as_bytes() == with.as_bytes();
        match opens {
            true => assert_eq!(reply, &changed(revoked)),
            false => refuses(reply, ErrorCode::BadCredentials),
        }
        opens
    }

    fn end_others(&mut self, index: usize, username: &Username) {
        for (other, client) in self.clients.iter_mut().enumerate() {
            let Some(client) = client.as_mut().filter(|client| !client.closed) else {
                continue;
            };
            if other != index && client.username.as_ref() == Some(username) {
                client.notices.push(Notice::SessionEnded {});
                client.closed = true;
            }
        }
    }

    fn greeted(&mut self, index: usize, version: u32, reply: &Reply) {
        if version != 1 {
            let Reply::Error(error) = reply else { panic!("{reply:?}") };
            assert_eq!((error.code, &*error.versions), (ErrorCode::Version, &[1][..]));
            self.client(index).closed = true;
            return;
        }
        let Reply::Hello(welcome) = reply else { panic!("{reply:?}") };
        assert_eq!((welcome.version, welcome.realm), (1, REALM));
        assert_eq!(welcome.limits.body as usize, BODY_MAX);
        assert_eq!(welcome.limits.content, CONTENT_MAX);
        assert_eq!(welcome.limits.piece as usize, limits::PIECE_MAX);
        assert!(welcome.capabilities.contains(FIND) && welcome.capabilities.contains(RESUME));
        assert!(welcome.capabilities.contains(CONTENTS) && welcome.capabilities.contains(LISTS));
        assert_eq!(welcome.registration, RegistrationPolicy::Open {});
        self.client(index).state = SessionState::Anonymous;
    }

    fn registered(&mut self, register: &Register, reply: &Reply) {
        if let Some(account) = self.accounts.get(&register.username) {
            return match account.registered_as == register.id {
                true => assert_eq!(reply, &Reply::Registered {}),
                false => refuses(reply, ErrorCode::UsernameTaken),
            };
        }
        if self.lists.has_name(&register.username) {
            return refuses(reply, ErrorCode::UsernameTaken);
        }
        assert_eq!(reply, &Reply::Registered {});
        self.made += 1;
        let account = Account {
            registered_as: register.id,
            number: self.made,
            full_name: register.full_name.clone(),
            credential: register.credential.clone(),
            finds_full_at: Duration::ZERO,
            lists_full_at: Duration::ZERO,
            app_passwords: Vec::new(),
            mailbox: Vec::new(),
            sent: BTreeMap::new(),
            uploads: BTreeMap::new(),
        };
        self.accounts.insert(register.username.clone(), account);
    }

    fn logged_in(&mut self, index: usize, now: Now, login: &Login, reply: &Reply) {
        let account = self.accounts.get(&login.username);
        let with = &login.credential;
        if account.is_none_or(|it| it.credential.as_bytes() != with.as_bytes()) {
            return refuses(reply, ErrorCode::BadCredentials);
        }
        let proof = Proof { credential: with.clone(), at: now.wall };
        self.enter(index, &login.username, proof, reply);
    }

    /// Checks the reply to a login that must succeed.
    fn enter(&mut self, index: usize, username: &Username, proof: Proof, reply: &Reply) {
        let account = &self.accounts[username];
        let Reply::LoggedIn(LoggedIn { usage: Some(usage), .. }) = reply else {
            panic!("a login was expected, not {reply:?}");
        };
        let expected = LoggedIn {
            username: username.clone(),
            full_name: account.full_name.clone(),
            waiting: account.mailbox.len() as u32,
            usage: Some(*usage),
        };
        assert_eq!(reply, &Reply::LoggedIn(expected));
        assert_eq!(usage.mails, account.mailbox.len() as u64);
        let client = self.client(index);
        client.state = SessionState::LoggedIn;
        client.username = Some(username.clone());
        client.proof = Some(proof);
    }

    fn sent(&mut self, from: &Username, send: &Send, now: Timestamp, reply: &Reply) {
        let max = match send.content {
            Content::Body(_) | Content::Message(_) => BODY_MAX as u64,
            Content::Large(_) => CONTENT_MAX,
        };
        if send.content.size() > max {
            return refuses(reply, ErrorCode::TooLarge);
        }
        let sender = &self.accounts[from];
        if let Some((before, sent_at)) = sender.sent.get(&send.id) {
            return match before == send {
                true => assert_eq!(reply, &Reply::Sent { sent_at: *sent_at }),
                false => refuses(reply, ErrorCode::Conflict),
            };
        }
        if let Content::Large(large) = &send.content
            && !whole(sender.uploads.get(&send.id), large.size, reply)
        {
            return;
        }
        let reached = match self.reached(from, &send.to) {
            Ok(reached) => reached,
            Err((code, names)) => return names_refused(reply, code, &names),
        };
        let full = reached.iter().filter(|name| is_full(&self.accounts[*name], send));
        let full: Vec<_> = full.cloned().collect();
        if !full.is_empty() {
            return names_refused(reply, ErrorCode::MailboxFull, &full);
        }
        assert_eq!(reply, &Reply::Sent { sent_at: now });
        let from_name = sender.full_name.clone();
        let sender = self.account(from);
        sender.sent.insert(send.id, (send.clone(), now));
        let content = match send.content {
            Content::Body(_) | Content::Message(_) => None,
            Content::Large(_) => sender.uploads.remove(&send.id).map(|upload| upload.bytes.into()),
        };
        let stored = StoredMail {
            seq: None,
            from: from.clone(),
            from_name: from_name.clone(),
            send: send.clone(),
            sent_at: now,
            content,
        };
        for username in &reached {
            self.account(username).mailbox.push(stored.clone());
        }
        let subject = send.subject.clone();
        let notice = Notice::NewMail(NewMail { from: from.clone(), from_name, subject });
        for client in self.clients.iter_mut().flatten().filter(|client| !client.closed) {
            if client.username.as_ref().is_some_and(|name| reached.contains(name)) {
                client.notices.push(notice.clone());
            }
        }
    }

    fn fetched(&mut self, username: &Username, fetch: Fetch, reply: &Reply) {
        let Reply::Page(Page { mails, more }) = reply else { panic!("{reply:?}") };
        let max = match fetch.max {
            0 => limits::PAGE_MAILS_MAX,
            max => max.min(limits::PAGE_MAILS_MAX),
        };
        let mailbox = &mut self.account(username).mailbox;
        let is_before = |stored: &&StoredMail| stored.seq.is_some_and(|seq| seq <= fetch.after);
        let start = match fetch.after {
            NO_SEQ => mailbox.len(),
            _ => mailbox.iter().take_while(is_before).count(),
        };
        let later = &mut mailbox[start..];
        assert_eq!(mails.len(), later.len().min(max as usize));
        assert_eq!(*more, later.len() > mails.len());
        let mut last = fetch.after;
        for (stored, mail) in later.iter_mut().zip(mails) {
            assert!(stored.is(mail), "{mail:?}");
            assert!(mail.seq > last, "numbers grow");
            last = mail.seq;
            stored.seq = Some(mail.seq);
        }
    }

    fn confirmed(&mut self, username: &Username, mails: &[MailRef], reply: &Reply) {
        let named: BTreeSet<(u64, [u8; 16])> =
            mails.iter().map(|mail| (mail.seq.0, *mail.id.as_bytes())).collect();
        let mailbox = &mut self.account(username).mailbox;
        let before = mailbox.len();
        mailbox.retain(|stored| {
            let key = stored.seq.map(|seq| (seq.0, *stored.send.id.as_bytes()));
            key.is_none_or(|key| !named.contains(&key))
        });
        let deleted = (before - mailbox.len()) as u32;
        assert_eq!(reply, &Reply::Confirmed { deleted });
    }
}

fn is_full(account: &Account, send: &Send) -> bool {
    let bytes: u64 = account.mailbox.iter().map(StoredMail::bytes).sum();
    account.mailbox.len() >= QUOTA.mails as usize || bytes + size(send) > QUOTA.bytes
}
