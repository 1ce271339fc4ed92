//! The examples of PROTOCOL.md, byte by byte.
//!
//! `UPDATE_GOLDEN=1 cargo test -p correio-proto --test golden` writes the bytes of this crate into
//! the document, for a change of the protocol that is meant.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{collections::BTreeMap, fmt::Write, fs};

use correio_proto::{
    credential::Credential,
    frame::{self, HEADER},
    limits,
    mail::{Mail, MailId, Seq, Timestamp},
    message::{
        Account, ClientMessage, Confirm, ErrorCode, ErrorReply, Fetch, Hello, Limits, LoggedIn,
        Login, NewMail, Notice, Page, Realm, Register, Registration, Reply, Request, Send,
        ServerMessage, Software, Welcome,
    },
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/PROTOCOL.md");

#[derive(Debug, PartialEq)]
enum Message {
    Client(ClientMessage),
    Server(ServerMessage),
}

fn software(name: &'static str) -> Software {
    // The version is this crate's own and would change the bytes with every release.
    let value = map(&[("name", name), ("version", "1.0.0")]);
    frame::decode(&value).unwrap()
}

fn map(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![0x80 | entries.len() as u8];
    for text in entries.iter().flat_map(|(key, value)| [key, value]) {
        bytes.push(0xa0 | text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn id() -> MailId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn mail() -> Mail {
    Mail {
        seq: Seq(7),
        id: id(),
        from: "peter".parse().unwrap(),
        from_name: "Peter Parker".parse().unwrap(),
        to: "tony".parse().unwrap(),
        sent_at: Timestamp(1_790_000_000_000),
        subject: "Senhor Stark?".parse().unwrap(),
        body: "A tia May quer saber.\n".parse().unwrap(),
    }
}

/// Names are exhaustive: a new variant does not compile without one, and is then missing from the
/// document.
fn name(message: &Message) -> &'static str {
    match message {
        Message::Client(message) => match &message.request {
            Request::Hello(_) => "hello",
            Request::Register(_) => "register",
            Request::Login(_) => "login",
            Request::Logout {} => "logout",
            Request::Send(_) => "send",
            Request::Fetch(_) => "fetch",
            Request::Confirm(_) => "confirm",
            Request::Account(Account::FullName { .. }) => "account-full-name",
            Request::Account(Account::Password { .. }) => "account-password",
            Request::Account(Account::Delete { .. }) => "account-delete",
            Request::Ping {} => "ping",
        },
        Message::Server(ServerMessage::Reply { reply, .. }) => match reply {
            Reply::Hello(_) => "reply-hello",
            Reply::Registered {} => "reply-registered",
            Reply::LoggedIn(_) => "reply-logged-in",
            Reply::LoggedOut {} => "reply-logged-out",
            Reply::Sent { .. } => "reply-sent",
            Reply::Page(_) => "reply-page",
            Reply::Confirmed { .. } => "reply-confirmed",
            Reply::AccountChanged {} => "reply-account-changed",
            Reply::Pong {} => "reply-pong",
            Reply::Error(_) => "reply-error",
        },
        Message::Server(ServerMessage::Notice(notice)) => match notice {
            Notice::NewMail(_) => "notice-new-mail",
            Notice::Ping {} => "notice-ping",
            Notice::SessionEnded {} => "notice-session-ended",
            Notice::ShuttingDown {} => "notice-shutting-down",
        },
    }
}

fn requests() -> Vec<Request> {
    let credential = || Credential::from([0xc1; 23]);
    vec![
        Request::Hello(Hello { version: 1, software: software("correio") }),
        Request::Register(Register {
            id: id(),
            username: "tony".parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
            credential: credential(),
        }),
        Request::Login(Login { username: "tony".parse().unwrap(), credential: credential() }),
        Request::Logout {},
        Request::Send(Send {
            id: id(),
            to: "tony".parse().unwrap(),
            subject: "Senhor Stark?".parse().unwrap(),
            body: "A tia May quer saber.\n".parse().unwrap(),
        }),
        Request::Fetch(Fetch { after: Seq(0), max: 0 }),
        Request::Confirm(Confirm { mails: vec![mail().reference()] }),
        Request::Account(Account::FullName { full_name: "Anthony Stark".parse().unwrap() }),
        Request::Account(Account::Password {
            current: credential(),
            new: Credential::from([0xc2; 23]),
        }),
        Request::Account(Account::Delete { credential: credential() }),
        Request::Ping {},
    ]
}

fn replies() -> Vec<Reply> {
    let mut error = ErrorReply::new(ErrorCode::UnknownRecipient, "no such recipient");
    error.recipients = vec!["nobody".parse().unwrap()];
    vec![
        Reply::Hello(Welcome {
            version: 1,
            software: software("correiod"),
            realm: Realm([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            limits: Limits { body: 1_048_576, recipients: 100, page: 200, frame: 16_000_000 },
            registration: Registration::Open {},
        }),
        Reply::Registered {},
        Reply::LoggedIn(LoggedIn {
            username: "tony".parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
            waiting: 4,
        }),
        Reply::LoggedOut {},
        Reply::Sent { sent_at: Timestamp(1_790_000_000_000) },
        Reply::Page(Page { mails: vec![mail()], more: false }),
        Reply::Confirmed { deleted: 1 },
        Reply::AccountChanged {},
        Reply::Pong {},
        Reply::Error(error),
    ]
}

fn notices() -> Vec<Notice> {
    vec![
        Notice::NewMail(NewMail {
            from: "peter".parse().unwrap(),
            from_name: "Peter Parker".parse().unwrap(),
            subject: "Senhor Stark?".parse().unwrap(),
        }),
        Notice::Ping {},
        Notice::SessionEnded {},
        Notice::ShuttingDown {},
    ]
}

fn examples() -> Vec<Message> {
    let client = |request| Message::Client(ClientMessage { number: 1, request });
    let reply = |reply| Message::Server(ServerMessage::Reply { number: 1, reply });
    let notice = |notice| Message::Server(ServerMessage::Notice(notice));
    requests()
        .into_iter()
        .map(client)
        .chain(replies().into_iter().map(reply))
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

/// Lines of 16 bytes in hex.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(16) {
        let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", line.join(" ")).unwrap();
    }
    text
}

fn unhex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The examples of the document: names, and the text between the fences.
fn documented(document: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in document.split("```frame ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        assert_eq!(found.insert(name.to_owned(), text.to_owned()), None, "{name} twice");
    }
    found
}

fn update(document: &str) {
    let mut updated = document.to_owned();
    for message in examples() {
        let start = format!("```frame {}\n", name(&message));
        let (before, rest) = updated.split_once(&start).unwrap();
        let (_, behind) = rest.split_once("```").unwrap();
        updated = format!("{before}{start}{}```{behind}", hex(&encode(&message)));
    }
    fs::write(DOCUMENT, updated).unwrap();
}

#[test]
fn the_document_shows_the_bytes() {
    let mut document = fs::read_to_string(DOCUMENT).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        update(&document);
        document = fs::read_to_string(DOCUMENT).unwrap();
    }
    let mut documented = documented(&document);
    for message in examples() {
        let name = name(&message);
        let text = documented.remove(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(text, hex(&encode(&message)), "{name}");
        assert_eq!(decode(&message, &unhex(&text)), message, "{name}");
    }
    assert!(documented.is_empty(), "in the document only: {:?}", documented.keys());
}

#[test]
fn every_error_code_is_documented() {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    for code in ErrorCode::ALL {
        assert!(document.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn the_vectors_hold() {
    use correio_proto::credential::Password;
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let realm = Realm([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let a = |count| "a".repeat(count);
    for (password, username, cost, expected) in [
        ("jarvis-is-here".into(), "tony", 12, "b61609cd64f09da1245572a36e79c1822790f66bbf7267"),
        ("jarvis-is-here".into(), "tony", 4, "1283ec9be7b48aa198409356756b05b3e2107008b378ac"),
        ("meu coração".into(), "pepper", 4, "b1ce80e155fdddb0b1d49a998285af4987f3851dd54410"),
        (
            "meu corac\u{327}a\u{303}o".into(),
            "pepper",
            4,
            "b1ce80e155fdddb0b1d49a998285af4987f3851dd54410",
        ),
        (a(71), "tony", 4, "49f6b2eb3d1789ab5be999109d71381b67f36d5597952f"),
        (a(72), "tony", 4, "0c3cf329ca0bdb5d4049c3dbdc3658f48a92ae2eb4a8b6"),
        (a(73), "tony", 4, "1c2031f8b68fb15f80c611bc3307b35927c58b03ca307d"),
        ("aaaaaaaa\0b".into(), "tony", 4, "1e2855144251592315615d48584e8e37f48fe15213ea48"),
    ] {
        let username = username.parse().unwrap();
        let derived =
            Credential::derive_at(cost, &Password::new(&password).unwrap(), realm, &username);
        let hex: String = derived.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{password:?} at cost {cost}");
        assert!(document.contains(expected), "{expected} is documented");
    }
}
