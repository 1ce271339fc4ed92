//! The examples of PROTOCOL.md, byte by byte.
//!
//! `UPDATE_GOLDEN=1 cargo test -p correio-proto --test all golden` writes the examples of this
//! crate into the document, after an intended change of the protocol. A new message needs its fence
//! in the document first.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write},
    fs,
};

use correio_proto::{
    app_password::{
        AppPassword, AppPasswordId, AppPasswordOverview, AppPasswordRequest, AppPasswordUse,
    },
    capability::Capability,
    credential::Credential,
    directory::Person,
    frame::{self, HEADER},
    limits,
    mail::{
        Content, ContentKind, LargeContent, Mail, MailId, Piece, Recipients, Seq, Sha256, Timestamp,
    },
    message::{
        Account, ClientMessage, Confirm, ErrorCode, ErrorReply, Fetch, Find, Found, GivenTicket,
        Hello, Limits, ListChange, ListMember, ListOverview, ListRequest, LoggedIn, Login,
        MailboxUsage, MembersPage, NewMail, Notice, Page, Read, Realm, Recover, Register,
        RegistrationPolicy, Reply, Request, Resume, Role, Send, SendPolicy, ServerMessage,
        Software, Upload, Welcome,
    },
    resume::ResumeTicket,
};
use serde::{
    Deserialize,
    de::{
        IntoDeserializer,
        value::{Error, StrDeserializer},
    },
};

use crate::support::{self, Value};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/PROTOCOL.md");

/// Width of the lines in which a message is shown.
const WIDTH: usize = 100;

#[derive(Debug, PartialEq)]
enum Message {
    Client(ClientMessage),
    Server(ServerMessage),
}

fn software(name: &str) -> Software {
    // `Software::named` has this crate's version, which would change the bytes with every release.
    let text = |text: &str| Value::Text(text.to_owned());
    let map = vec![("name".into(), text(name)), ("version".into(), text("1.0.0"))];
    frame::decode(&Value::Map(map).wide()).unwrap()
}

fn id() -> MailId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn recipients() -> Recipients {
    "tony,pepper".parse().unwrap()
}

/// The credentials of `jarvis-is-here` at cost 12 and 4, from the vectors.
fn credentials() -> (Credential, Credential) {
    let mut made = support::blocks(support::DOCUMENT, "vector").into_iter().map(|(_, text)| {
        let hex = text.split_once("credential").unwrap().1.trim();
        let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2).unwrap(), 16);
        let bytes: [u8; 23] = std::array::from_fn(|at| byte(at).unwrap());
        Credential::from(bytes)
    });
    (made.next().unwrap(), made.next().unwrap())
}

fn tony() -> Person {
    Person { username: "tony".parse().unwrap(), full_name: "Tony Stark".parse().unwrap() }
}

fn mail() -> Mail {
    Mail {
        seq: Seq(7),
        id: id(),
        from: "peter".parse().unwrap(),
        from_name: "Peter Parker".parse().unwrap(),
        to: recipients(),
        sent_at: Timestamp(1_790_000_000_000),
        subject: "Senhor Stark, o que significa 'sem benefícios de estágio'?".parse().unwrap(),
        content: Content::Body("A tia May quer saber.\n".parse().unwrap()),
    }
}

fn large_id() -> MailId {
    "01890a5d-ac96-7b2e-9c4f-5d6e7f8091a2".parse().unwrap()
}

/// A content of six pieces and some bytes.
fn large_content() -> LargeContent {
    let sha256 = Sha256(std::array::from_fn(|at| 0xe0 + at as u8));
    LargeContent { kind: Default::default(), size: 1_600_000.try_into().unwrap(), sha256 }
}

/// The beginning of a message, so that the example is short.
fn message() -> Content {
    Content::Message(b"Subject: Fotos\r\n\r\nOi!\r\n"[..].try_into().unwrap())
}

fn message_mail() -> Mail {
    let subject = "Fotos".parse().unwrap();
    Mail { seq: Seq(9), id: message_id(), subject, content: message(), ..mail() }
}

fn message_id() -> MailId {
    "01890a5d-ac96-7d3f-8e1a-2b3c4d5e6f70".parse().unwrap()
}

fn large_mail() -> Mail {
    let content = Content::Large(large_content());
    let subject = "Relatório do estágio".parse().unwrap();
    Mail { seq: Seq(8), id: large_id(), subject, content, ..mail() }
}

/// The beginning of a piece, so that the example is short.
fn piece() -> Piece {
    b"Dia 1: salvei um gato.\n"[..].try_into().unwrap()
}

/// The name of a message's example. The match is exhaustive: a new variant does not compile without
/// a name.
fn name(message: &Message) -> String {
    let name = match message {
        Message::Client(message) => match &message.request {
            Request::Hello(_) => "hello",
            Request::Register(_) => "register",
            Request::Login(_) => "login",
            Request::Ticket {} => "ticket",
            Request::Resume(_) => "resume",
            Request::Logout {} => "logout",
            Request::Send(Send { content: Content::Body(_), .. }) => "send",
            Request::Send(Send { content: Content::Message(_), .. }) => "send-message",
            Request::Send(Send { content: Content::Large(large), .. }) => match large.kind {
                ContentKind::Text {} => "send-content",
                ContentKind::Message {} => "send-content-message",
            },
            Request::Upload(_) => "upload",
            Request::Fetch(_) => "fetch",
            Request::Read(_) => "read",
            Request::Confirm(_) => "confirm",
            Request::Account(Account::FullName { .. }) => "account-full-name",
            Request::Account(Account::Password { .. }) => "account-password",
            Request::Account(Account::Delete { .. }) => "account-delete",
            Request::Find(_) => "find",
            Request::Recover(_) => "recover",
            Request::List(ListRequest::Mine {}) => "list-mine",
            Request::List(ListRequest::Members { .. }) => "list-members",
            Request::List(ListRequest::Change { change, .. }) => match change {
                ListChange::Create { .. } => "list-create",
                ListChange::Set { .. } => "list-set",
                ListChange::Add { .. } => "list-add",
                ListChange::Remove { .. } => "list-remove",
                ListChange::Delete {} => "list-delete",
            },
            Request::AppPassword(AppPasswordRequest::Create { .. }) => "app-password-create",
            Request::AppPassword(AppPasswordRequest::List {}) => "app-password-list",
            Request::AppPassword(AppPasswordRequest::Revoke { .. }) => "app-password-revoke",
            Request::Ping {} => "ping",
        },
        Message::Server(ServerMessage::Reply { reply, .. }) => match reply {
            Reply::Hello(_) => "reply-hello",
            Reply::Registered {} => "reply-registered",
            Reply::LoggedIn(_) => "reply-logged-in",
            Reply::Ticket(_) => "reply-ticket",
            Reply::LoggedOut {} => "reply-logged-out",
            Reply::Sent { .. } => "reply-sent",
            Reply::Page(_) => "reply-page",
            Reply::Uploaded { .. } => "reply-uploaded",
            Reply::Piece { .. } => "reply-piece",
            Reply::Confirmed { .. } => "reply-confirmed",
            Reply::AccountChanged { app_passwords_revoked: Some(_) } => "reply-account-password",
            Reply::AccountChanged { app_passwords_revoked: None } => "reply-account-changed",
            Reply::Found(_) => "reply-found",
            Reply::Recovered { .. } => "reply-recovered",
            Reply::Lists { .. } => "reply-lists",
            Reply::Members(_) => "reply-members",
            Reply::ListChanged {} => "reply-list-changed",
            Reply::AppPasswordCreated { .. } => "reply-app-password-created",
            Reply::AppPasswords { .. } => "reply-app-passwords",
            Reply::AppPasswordRevoked {} => "reply-app-password-revoked",
            Reply::Pong {} => "reply-pong",
            Reply::Error(error) => return format!("error-{}", error.code).replace('_', "-"),
        },
        Message::Server(ServerMessage::Notice(notice)) => match notice {
            Notice::NewMail(_) => "notice-new-mail",
            Notice::Ping {} => "notice-ping",
            Notice::SessionEnded {} => "notice-session-ended",
            Notice::ShuttingDown {} => "notice-shutting-down",
        },
    };
    name.to_owned()
}

fn list() -> ListOverview {
    ListOverview {
        name: "vingadores".parse().unwrap(),
        title: "Os Vingadores".parse().unwrap(),
        senders: SendPolicy::Members {},
        members: 3,
        role: Some(Role::Owner {}),
    }
}

/// The requests about lists.
fn list_requests() -> Vec<(u32, Request)> {
    let ListOverview { name, title, .. } = list();
    let changes = [
        ListChange::Create { title: title.clone(), senders: SendPolicy::Members {} },
        ListChange::Set { title, senders: SendPolicy::Everybody {} },
        ListChange::Add { members: recipients(), role: Role::Member {} },
        ListChange::Remove { members: "peter".parse::<Recipients>().unwrap() },
        ListChange::Delete {},
    ];
    let change = |change| ListRequest::Change { name: name.clone(), change };
    let after = Some("pepper".parse().unwrap());
    let members = ListRequest::Members { name: name.clone(), after };
    let lists = [ListRequest::Mine {}, members].into_iter().chain(changes.map(change));
    (16..).zip(lists.map(Request::List)).collect()
}

/// The replies to these.
fn list_replies() -> Vec<(u32, Reply)> {
    let member = ListMember {
        username: "tony".parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        role: Role::Owner {},
    };
    let other = ListOverview {
        name: "estagio".parse().unwrap(),
        title: "Estágio".parse().unwrap(),
        senders: SendPolicy::Owners {},
        members: 40,
        role: Some(Role::Member {}),
    };
    vec![
        (16, Reply::Lists { lists: vec![other, list()] }),
        (17, Reply::Members(MembersPage { list: list(), members: vec![member], more: false })),
        (18, Reply::ListChanged {}),
    ]
}

/// The app password whose digits are in their order, as far as they go.
fn app_password() -> AppPassword {
    "0123-4567-89AB-CDEF-GHJK-MNPQ-RS".parse().unwrap()
}

/// The requests about app passwords.
fn app_password_requests() -> Vec<(u32, Request)> {
    let requests = [
        AppPasswordRequest::Create { label: "telefone".parse().unwrap() },
        AppPasswordRequest::List {},
        AppPasswordRequest::Revoke { id: AppPasswordId(7) },
    ];
    (27..).zip(requests.map(Request::AppPassword)).collect()
}

/// The replies to these.
fn app_password_replies() -> Vec<(u32, Reply)> {
    let unused = AppPasswordOverview {
        id: AppPasswordId(7),
        label: "telefone".parse().unwrap(),
        made_at: Timestamp(1_790_000_000_000),
        used: None,
    };
    let used = AppPasswordOverview {
        id: AppPasswordId(3),
        label: "Thunderbird".parse().unwrap(),
        made_at: Timestamp(1_780_000_000_000),
        used: Some(AppPasswordUse {
            day: Timestamp(1_789_948_800_000),
            from: "2001:db8::7".parse().unwrap(),
        }),
    };
    vec![
        (27, Reply::AppPasswordCreated { id: AppPasswordId(7), password: app_password() }),
        (28, Reply::AppPasswords { passwords: vec![used, unused] }),
        (29, Reply::AppPasswordRevoked {}),
    ]
}

/// A ticket as a server may make it: 53 bytes.
fn ticket() -> ResumeTicket {
    let bytes: [u8; 53] = std::array::from_fn(|at| at as u8);
    bytes.as_slice().try_into().unwrap()
}

/// The requests to ask for a ticket, and to log in with it.
fn ticket_requests() -> Vec<(u32, Request)> {
    let resume = Resume { username: "tony".parse().unwrap(), ticket: ticket() };
    vec![(30, Request::Ticket {}), (31, Request::Resume(resume))]
}

fn requests() -> Vec<(u32, Request)> {
    [own_requests(), list_requests(), app_password_requests(), ticket_requests()].concat()
}

fn own_requests() -> Vec<(u32, Request)> {
    let (credential, another) = credentials();
    vec![
        (1, Request::Hello(Hello { version: 1, software: software("correio") })),
        (
            2,
            Request::Register(Register {
                id: id(),
                username: "tony".parse().unwrap(),
                full_name: "Tony Stark".parse().unwrap(),
                credential: credential.clone(),
                invite: Some(std::array::from_fn(|at| at as u8).into()),
            }),
        ),
        (
            3,
            Request::Login(Login {
                username: "tony".parse().unwrap(),
                credential: credential.clone(),
            }),
        ),
        (
            4,
            Request::Send(Send {
                id: id(),
                to: recipients(),
                subject: mail().subject,
                content: mail().content,
            }),
        ),
        (5, Request::Fetch(Fetch { after: Seq(6), max: 50 })),
        (6, Request::Confirm(Confirm { mails: vec![mail().reference()] })),
        (7, Request::Account(Account::FullName { full_name: "Anthony Stark".parse().unwrap() })),
        (8, Request::Account(Account::Password { current: credential.clone(), new: another })),
        (9, Request::Account(Account::Delete { credential: credential.clone() })),
        (10, Request::Ping {}),
        (11, Request::Logout {}),
        (
            13,
            Request::Upload(Upload {
                id: large_id(),
                size: large_content().size,
                offset: limits::PIECE_MAX as u64,
                bytes: piece(),
            }),
        ),
        (
            14,
            Request::Send(Send {
                id: large_id(),
                to: recipients(),
                subject: large_mail().subject,
                content: large_mail().content,
            }),
        ),
        (15, Request::Read(Read { seq: Seq(8), id: large_id(), offset: 262_144 })),
        (
            26,
            Request::Recover(Recover {
                username: "tony".parse().unwrap(),
                code: "0G40-R40M-30E2-091T".parse().unwrap(),
                credential,
            }),
        ),
        (23, Request::Find(Find { text: "Star".parse().unwrap() })),
        (
            24,
            Request::Send(Send {
                id: message_id(),
                to: recipients(),
                subject: message_mail().subject,
                content: message(),
            }),
        ),
        (
            25,
            Request::Send(Send {
                id: large_id(),
                to: recipients(),
                subject: large_mail().subject,
                content: Content::Large(LargeContent {
                    kind: ContentKind::Message {},
                    ..large_content()
                }),
            }),
        ),
    ]
}

fn replies() -> Vec<(u32, Reply)> {
    [own_replies(), list_replies(), app_password_replies()].concat()
}

fn own_replies() -> Vec<(u32, Reply)> {
    vec![
        (
            1,
            Reply::Hello(Welcome {
                version: 1,
                software: software("correiod"),
                realm: Realm(std::array::from_fn(|at| at as u8)),
                limits: Limits {
                    body: limits::BODY_DEFAULT_MAX as u32,
                    recipients: limits::RECIPIENTS_MAX as u32,
                    page: limits::PAGE_MAILS_MAX,
                    frame: limits::REPLY_FRAME_MAX as u32,
                    content: limits::CONTENT_DEFAULT_MAX,
                    piece: limits::PIECE_MAX as u32,
                },
                registration: RegistrationPolicy::Open {},
                capabilities: [Capability::contents(), Capability::messages()].into(),
            }),
        ),
        (2, Reply::Registered {}),
        (
            3,
            Reply::LoggedIn(LoggedIn {
                username: "tony".parse().unwrap(),
                full_name: "Tony Stark".parse().unwrap(),
                waiting: 4,
                usage: Some(MailboxUsage {
                    mails: 4,
                    mails_max: 10_000,
                    bytes: 120_000,
                    bytes_max: 1 << 30,
                }),
            }),
        ),
        (26, Reply::Recovered { app_passwords_revoked: Some(0) }),
        (30, Reply::Ticket(GivenTicket { ticket: ticket(), expires_in: 3600 })),
        (4, Reply::Sent { sent_at: Timestamp(1_790_000_000_000) }),
        (5, Reply::Page(Page { mails: vec![mail(), large_mail(), message_mail()], more: false })),
        (6, Reply::Confirmed { deleted: 1 }),
        (7, Reply::AccountChanged { app_passwords_revoked: None }),
        (8, Reply::AccountChanged { app_passwords_revoked: Some(2) }),
        (10, Reply::Pong {}),
        (11, Reply::LoggedOut {}),
        (13, Reply::Uploaded { staged: 262_144 + piece().as_bytes().len() as u64 }),
        (15, Reply::Piece { bytes: piece() }),
        (23, Reply::Found(Found { people: vec![tony()], more: false })),
    ]
}

/// An example of each error that can be sent, with its fields. The match is exhaustive.
fn error(code: ErrorCode) -> Option<(u32, ErrorReply)> {
    let (number, text) = match code {
        ErrorCode::BadCredentials => (3, "unknown username or wrong password"),
        ErrorCode::UsernameTaken => (2, "this username is taken"),
        ErrorCode::UnknownRecipient => {
            (4, "one or more recipients do not exist; nobody got the mail")
        }
        ErrorCode::MailboxFull => {
            (4, "the mailbox of one or more recipients is full; nobody got the mail")
        }
        ErrorCode::TooLarge => (0, "a frame of 5000 bytes is above the limit of 4096"),
        ErrorCode::Invalid => (2, "username must not contain '/'"),
        ErrorCode::Disabled => (3, "the operator has disabled this account"),
        ErrorCode::NotAuthenticated => (5, "log in first"),
        ErrorCode::NotAllowed => (1, "hello was said already"),
        ErrorCode::Busy => (3, "the server has too much to do; try again later"),
        ErrorCode::RateLimited => {
            (3, "too many attempts to log in from this address; try again later")
        }
        ErrorCode::Conflict => (4, "another mail was sent with this id"),
        ErrorCode::Incomplete => {
            (14, "the upload does not reach that far; go on from what is staged")
        }
        ErrorCode::NoSuchMail => (15, "the mailbox has no such mail with a content in pieces"),
        ErrorCode::NoSuchList => (17, "there is no such list"),
        ErrorCode::MayNotSend => {
            (4, "one or more lists take no mail from you; nobody got the mail")
        }
        ErrorCode::ListFull => (20, "the list has too many members, or you own too many lists"),
        ErrorCode::LabelTaken => (27, "another app password has this label"),
        ErrorCode::AppPasswordsFull => (27, "the account has 20 app passwords; revoke one first"),
        ErrorCode::Unavailable => (4, "the server could not do this now; try again"),
        ErrorCode::Protocol => (12, "there are bytes after the message"),
        ErrorCode::Version => (1, "this server speaks version 1"),
        ErrorCode::Other => return None,
    };
    let mut error = ErrorReply::new(code, text);
    match code {
        ErrorCode::UnknownRecipient | ErrorCode::MailboxFull | ErrorCode::MayNotSend => {
            error.recipients = vec!["pepper".parse().unwrap()];
        }
        ErrorCode::Busy | ErrorCode::RateLimited => error.retry_after = Some(5),
        ErrorCode::Incomplete => error.staged = Some(262_144),
        ErrorCode::Version => error.versions = vec![1],
        _ => {}
    }
    Some((number, error))
}

fn notices() -> Vec<Notice> {
    vec![
        Notice::NewMail(NewMail {
            from: "steve".parse().unwrap(),
            from_name: "Steve Rogers".parse().unwrap(),
            subject: "Pode parar de colocar AC/DC como meu despertador?".parse().unwrap(),
        }),
        Notice::Ping {},
        Notice::SessionEnded {},
        Notice::ShuttingDown {},
    ]
}

fn examples() -> Vec<Message> {
    let client = |(number, request)| Message::Client(ClientMessage { number, request });
    let reply = |(number, reply)| Message::Server(ServerMessage::Reply { number, reply });
    let notice = |notice| Message::Server(ServerMessage::Notice(notice));
    let errors = ErrorCode::ALL.into_iter().filter_map(error);
    requests()
        .into_iter()
        .map(client)
        .chain(replies().into_iter().map(reply))
        .chain(errors.map(|(number, error)| reply((number, Reply::Error(error)))))
        .chain(notices().into_iter().map(notice))
        .collect()
}

fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    match message {
        Message::Client(message) => frame::encode(message, &mut bytes).unwrap(),
        Message::Server(message) => frame::encode(message, &mut bytes).unwrap(),
    }
    bytes
}

fn decode(like: &Message, frame: &[u8]) -> Message {
    let length = frame::value_length(frame, limits::REPLY_FRAME_MAX).unwrap().unwrap();
    let value = frame.get(HEADER..).unwrap();
    assert_eq!(value.len(), length);
    match like {
        Message::Client(_) => Message::Client(frame::decode(value).unwrap()),
        Message::Server(_) => Message::Server(frame::decode(value).unwrap()),
    }
}

/// The text of an example: the message, in lines, and the frame's bytes, 16 a line.
fn shown(frame: &[u8]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in Value::read(frame.get(HEADER..).unwrap()).to_string().split_inclusive(", ") {
        if column > 0 && column + word.trim_end().len() > WIDTH {
            text.truncate(text.trim_end().len());
            text.push_str("\n  ");
            column = 2;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
    for line in frame.chunks(16) {
        let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", line.join(" ")).unwrap();
    }
    text
}

fn update(document: &str) -> String {
    let mut updated = document.to_owned();
    for message in examples() {
        let start = format!("```frame {}\n", name(&message));
        let (before, rest) = updated.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
        let (_, behind) = rest.split_once("```").unwrap();
        updated = format!("{before}{start}{}```{behind}", shown(&encode(&message)));
    }
    updated
}

#[test]
fn the_document_shows_the_bytes() {
    let mut document = fs::read_to_string(DOCUMENT).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        document = update(&document);
        fs::write(DOCUMENT, &document).unwrap();
    }
    let blocks = support::blocks(&document, "frame");
    let mut documented: BTreeMap<_, _> = blocks.iter().copied().collect();
    assert_eq!(documented.len(), blocks.len(), "a name stands twice");
    for message in examples() {
        let name = name(&message);
        let text = documented.remove(&*name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(text, shown(&encode(&message)), "{name}");
        assert_eq!(decode(&message, &support::bytes(text)), message, "{name}");
    }
    assert!(documented.is_empty(), "in the document only: {:?}", documented.keys());
}

/// The names that a choice has in the code, as serde lists them.
fn choices<T: for<'de> Deserialize<'de> + Debug>() -> BTreeSet<String> {
    let unknown: StrDeserializer<'_, Error> = "?".into_deserializer();
    let text = T::deserialize(unknown).unwrap_err().to_string();
    // "unknown variant `?`, expected one of `a`, `b`"
    text.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

/// The names that stand in the examples at the end of a path.
fn shown_choices(path: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, frame) in support::frames() {
        let value = Value::read(&frame[HEADER..]);
        if let Some(value) = path.iter().try_fold(&value, |value, name| value.at(name)) {
            found.insert(value.choice().to_owned());
        }
    }
    found
}

/// The examples have every request and reply, and the same number where the two belong together.
#[test]
fn a_request_is_answered_by_its_own_reply_and_by_errors_alone() {
    let replies = replies();
    for (number, request) in requests() {
        for (answered, reply) in &replies {
            let is_account = |number| (7..=9).contains(&number);
            let is_list_change = |number| (18..=22).contains(&number);
            let is_login = |number| matches!(number, 3 | 31);
            let is_send = |number| matches!(number, 4 | 14 | 24 | 25);
            let belongs = number == *answered
                || is_account(number) && is_account(*answered)
                || is_login(number) && is_login(*answered)
                || is_send(number) && is_send(*answered)
                || is_list_change(number) && is_list_change(*answered);
            assert_eq!(request.is_answered_by(reply), belongs, "{request:?}: {reply:?}");
        }
        for code in ErrorCode::ALL {
            assert!(request.is_answered_by(&Reply::Error(ErrorReply::new(code, "no"))));
        }
    }
    for (_, reply) in &replies {
        assert!(requests().iter().any(|(_, request)| request.is_answered_by(reply)), "{reply:?}");
    }
}

#[test]
fn every_choice_of_the_code_has_an_example() {
    assert_eq!(shown_choices(&["request"]), choices::<Request>());
    assert_eq!(shown_choices(&["request", "account"]), choices::<Account>());
    assert_eq!(shown_choices(&["request", "list"]), choices::<ListRequest>());
    assert_eq!(shown_choices(&["request", "list", "change", "change"]), choices::<ListChange>());
    assert_eq!(shown_choices(&["reply"]), choices::<Reply>());
    assert_eq!(shown_choices(&["notice"]), choices::<Notice>());
    assert_eq!(choices::<ContentKind>(), ["message", "text"].map(String::from).into());
    assert_eq!(
        choices::<RegistrationPolicy>(),
        ["closed", "invite", "open"].map(String::from).into()
    );
}

#[test]
fn every_request_and_error_stands_in_its_table() {
    for request in choices::<Request>() {
        let heading = format!("\n## {request}\n");
        assert!(support::DOCUMENT.contains(&heading), "{request} has no section");
    }
    let rows = support::DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows.map(|line| line.split('|').nth(1).unwrap()).collect();
    for request in choices::<Request>() {
        assert!(rows.iter().any(|row| row.contains(&format!("`{request}`"))), "{request}");
    }
    for code in ErrorCode::ALL {
        assert!(rows.iter().any(|row| row.trim() == format!("`{code}`")), "{code}");
    }
}

/// The document's figures are the limits of the code.
#[test]
fn the_limits_are_the_codes() {
    let thousands = |number: usize| match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    };
    let words: Vec<_> = support::DOCUMENT.split_whitespace().collect();
    let document = words.join(" ");
    for sentence in [
        format!("{} bytes", thousands(limits::FRAME_BEFORE_LOGIN_MAX)),
        format!("`limits.piece`, + {} bytes", thousands(limits::FRAME_OVERHEAD_MAX)),
        format!("at most {} MiB", limits::CONTENT_MAX >> 20),
        format!("at most {} KiB", limits::PIECE_MAX / 1024),
        format!("has at least {} KiB", limits::PIECE_MIN / 1024),
        format!(
            "{} hours after its last piece that added bytes",
            limits::UPLOAD_KEPT_SECONDS / 3600
        ),
        format!("1 to {} of `a`–`z`", limits::USERNAME_MAX),
        format!("1 to {} bytes that only the server can read", limits::TICKET_MAX),
        format!("1 to {} characters on one line", limits::FULL_NAME_MAX),
        format!("1 to {} characters, otherwise", limits::SUBJECT_MAX),
        format!("1 to {} entries", limits::RECIPIENTS_MAX),
        format!("up to {} entries", limits::CONFIRM_MAX),
        format!("up to {} visible ASCII characters", limits::SOFTWARE_MAX),
        format!("after {} mails", limits::PAGE_MAILS_MAX),
        format!("reach {} KiB", limits::PAGE_BYTES_MAX / 1024),
        format!("at most {} deep", limits::DEPTH_MAX),
        format!("{} to {} characters after NFC", limits::PASSWORD_MIN, limits::PASSWORD_MAX),
        format!("for {} days", limits::IDEMPOTENCY_KEPT_SECONDS / (24 * 60 * 60)),
        format!("at most {} names", limits::CAPABILITIES_MAX),
        format!("each 1 to {} of `a`–`z`, `0`–`9` and `_`", limits::CAPABILITY_MAX),
        format!("at most {} members, and an account", thousands(limits::MEMBERS_MAX as usize)),
        format!("makes at most {} lists", limits::LISTS_MAX),
        format!("at most {} lists in the order", limits::LISTS_MAX),
        format!("at most {} members and the list", limits::MEMBERS_PAGE_MAX),
        "the third one closes".to_owned(),
        "port 8888".to_owned(),
    ] {
        assert!(document.contains(&sentence), "not in the document: {sentence}");
    }
    assert_eq!(limits::PROTOCOL_ERRORS_MAX, 3);
    assert_eq!(correio_proto::DEFAULT_PORT, 8888);
}
