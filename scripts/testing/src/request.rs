//! Builders of requests. The names in them are valid, or the test panics.

use correio_proto::mail::Content;
use correio_proto::{
    credential::Credential,
    mail::MailId,
    message::{Hello, Login, Register, Request, Send, Software},
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
