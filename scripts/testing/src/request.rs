//! Builders of requests. The names in them are valid, or the test panics.

use std::ops::Range;

use correio_proto::{
    credential::Credential,
    mail::{Content, ContentKind, LargeContent, MailId, MailRef, Sha256},
    message::{Find, Hello, Login, Read, Register, Request, Resume, Send, Software, Upload},
    resume::ResumeTicket,
};

/// A credential of one byte, repeated.
#[must_use]
pub fn credential(byte: u8) -> Credential {
    Credential::from([byte; 23])
}

/// The id of a number: UUIDs of version 7 that differ in their number only.
#[must_use]
pub fn id(number: u64) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[8] |= 0x80;
    MailId::try_from(bytes).unwrap()
}

/// The greeting of this version.
#[must_use]
pub fn hello() -> Request {
    Request::Hello(Hello { version: correio_proto::VERSION, software: Software::named("test") })
}

/// A registration. Its id follows from the username.
#[must_use]
pub fn register(username: &str, full_name: &str, password: u8) -> Request {
    let number =
        username.bytes().fold(0, |sum: u64, byte| sum * 31 % 0xffff_ffff + u64::from(byte));
    Request::Register(Register {
        id: id(number),
        username: username.parse().unwrap(),
        full_name: full_name.parse().unwrap(),
        invite: None,
        credential: credential(password),
    })
}

/// A login.
#[must_use]
pub fn login(username: &str, password: u8) -> Request {
    let username = username.parse().unwrap();
    Request::Login(Login { username, credential: credential(password) })
}

/// A login with a ticket.
#[must_use]
pub fn resume(username: &str, ticket: &ResumeTicket) -> Request {
    Request::Resume(Resume { username: username.parse().unwrap(), ticket: ticket.clone() })
}

/// A question to the directory.
#[must_use]
pub fn find(text: &str) -> Request {
    Request::Find(Find { text: text.parse().unwrap() })
}

/// A mail with a body of one line, which is its subject.
#[must_use]
pub fn mail(number: u64, to: &str, subject: &str) -> Request {
    Request::Send(Send {
        id: id(number),
        to: to.parse().unwrap(),
        subject: subject.parse().unwrap(),
        content: Content::Body(format!("{subject}\n").parse().unwrap()),
    })
}

/// A mail with a body.
#[must_use]
pub fn mail_with_body(number: u64, to: &str, body: &str) -> Request {
    with_content(number, to, Content::Body(body.parse().unwrap()))
}

/// A part of the content that [`upload`] uploads under this number.
#[must_use]
pub fn content(number: u64, part: Range<u64>) -> Vec<u8> {
    // A prime, so that no part looks like another one nearby.
    part.map(|position| u8::try_from((position * 7 + number) % 251).unwrap()).collect()
}

/// A part of a content of this size, of at most a piece's bytes.
#[must_use]
pub fn upload(number: u64, size: u64, part: Range<u64>) -> Request {
    Request::Upload(Upload {
        id: id(number),
        size: size.try_into().unwrap(),
        offset: part.start,
        bytes: content(number, part).as_slice().try_into().unwrap(),
    })
}

/// A mail with the content that was uploaded under its number. The SHA-256 that it states is not
/// the content's.
#[must_use]
pub fn large_mail(number: u64, to: &str, size: u64) -> Request {
    large(number, to, size, ContentKind::Text {})
}

/// As [`large_mail`], with a message.
#[must_use]
pub fn large_message(number: u64, to: &str, size: u64) -> Request {
    large(number, to, size, ContentKind::Message {})
}

fn large(number: u64, to: &str, size: u64, kind: ContentKind) -> Request {
    let size = size.try_into().unwrap();
    with_content(number, to, Content::Large(LargeContent { kind, size, sha256: Sha256([7; 32]) }))
}

/// A mail whose content is a message.
#[must_use]
pub fn message(number: u64, to: &str, bytes: &[u8]) -> Request {
    with_content(number, to, Content::Message(bytes.try_into().unwrap()))
}

fn with_content(number: u64, to: &str, content: Content) -> Request {
    let (to, subject) = (to.parse().unwrap(), format!("Mail {number}").parse().unwrap());
    Request::Send(Send { id: id(number), to, subject, content })
}

/// The piece of a mail's content from this offset on.
#[must_use]
pub fn read(mail: MailRef, offset: u64) -> Request {
    let MailRef { seq, id } = mail;
    Request::Read(Read { seq, id, offset })
}
