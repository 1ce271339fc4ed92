//! Shared by the programs that put a server under load: clients, requests, ledgers and results.

pub mod backups;
pub mod bench;
pub mod content;
mod database_cuts;
pub mod dial;
pub mod driver;
pub mod history;
pub mod interrupts;
pub mod intruder;
pub mod ledger;
pub mod process;
pub mod programs;
pub mod results;
pub mod run;
pub mod scenario;
pub mod target;
pub mod user;

use anyhow::Result;
use correio_proto::{
    credential::Credential,
    mail::MailId,
    message::{Hello, Login, Register, Request, Software},
};
use uuid::Uuid;

/// The greeting.
#[must_use]
pub fn hello() -> Request {
    Request::Hello(Hello { version: correio_proto::VERSION, software: Software::named("load") })
}

/// A new id.
///
/// # Errors
///
/// The made id is invalid, which does not happen.
pub fn new_id() -> Result<MailId> {
    Ok(MailId::try_from(Uuid::now_v7())?)
}

/// A credential that was not stretched by bcrypt: nobody guesses the passwords of a test server.
fn credential() -> Credential {
    Credential::from([0x2a; 23])
}

/// A registration.
///
/// # Errors
///
/// A username that is none.
pub fn register(username: &str) -> Result<Request> {
    Ok(Request::Register(Register {
        id: new_id()?,
        username: username.parse()?,
        full_name: username.parse()?,
        credential: credential(),
        invite: None,
    }))
}

/// A login to an account that [`register`] made.
///
/// # Errors
///
/// A username that is none.
pub fn login(username: &str) -> Result<Request> {
    Ok(Request::Login(Login { username: username.parse()?, credential: credential() }))
}
