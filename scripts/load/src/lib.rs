//! What the programs that put a server under load share: a client that waits for each answer.

pub mod bench;
pub mod dial;
pub mod driver;
pub mod guard;
pub mod interrupts;
pub mod intruder;
pub mod ledger;

pub mod proxy;
pub mod results;
pub mod run;
pub mod scenario;
pub mod target;
pub mod user;

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use correio_proto::{
    channel::Channel,
    credential::Credential,
    limits,
    mail::MailId,
    message::{ClientMessage, Hello, Login, Register, Reply, Request, ServerMessage, Software},
};
use uuid::Uuid;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that waits.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    channel: Channel,
    number: u32,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("connecting")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, channel: Channel::plaintext(limits::REPLY_FRAME_MAX), number: 0 })
    }

    /// Sends a request without waiting for the answer.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn begin(&mut self, request: Request) -> Result<()> {
        self.number += 1;
        self.channel.push(&ClientMessage { number: self.number, request })?;
        while self.channel.pending_output() > 0 {
            self.channel.write_to(&mut self.stream)?;
        }
        Ok(())
    }

    /// Waits for the next reply, passing over notices.
    ///
    /// # Errors
    ///
    /// The connection broke, or no reply came in time.
    pub fn reply(&mut self) -> Result<Reply> {
        loop {
            match self.channel.next_message()? {
                Some(ServerMessage::Reply { reply, .. }) => return Ok(reply),
                Some(ServerMessage::Notice(_)) => {}
                None if self.channel.read_from(&mut self.stream)? == 0 => {
                    bail!("the server closed the connection")
                }
                None => {}
            }
        }
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    ///
    /// As [`Client::begin`] and [`Client::reply`].
    pub fn ask(&mut self, request: Request) -> Result<Reply> {
        self.begin(request)?;
        self.reply()
    }
}

/// The greeting.
#[must_use]
pub fn hello() -> Request {
    Request::Hello(Hello { version: correio_proto::VERSION, software: Software::named("load") })
}

/// A new id.
///
/// # Errors
///
/// None but a fault of the id's own source.
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
