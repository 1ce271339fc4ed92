//! POP3's AUTHORIZATION state: the commands before the login, and the login itself.

use super::{
    command::Command,
    refused::{Order, Refused},
    reply,
};
use crate::gateway::{
    Protection,
    sasl::{Credentials, Exchange, Mechanism, SaslError, SaslStep},
};

/// A login that has begun and is not complete.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    /// The name that the program gave with `USER`.
    username: Option<String>,
    /// The exchange in which the program must answer a challenge.
    exchange: Option<Exchange>,
}

/// What the session must do after a command.
#[derive(Debug)]
pub(super) enum AuthorizationStep {
    /// Nothing: the command is answered.
    Replied,
    /// Answer that the command is refused.
    Refused(Refused),
    /// Log the program in.
    LogIn(Credentials),
    /// Begin TLS.
    StartTls,
    /// Close the connection.
    Close,
}

use AuthorizationStep::Replied;

impl Authorization {
    /// Whether the next line is the answer to a challenge.
    pub(super) fn awaits_answer(&self) -> bool {
        self.exchange.is_some()
    }

    /// Ends the exchange: the program's answer was too long.
    pub(super) fn cancel(&mut self) {
        self.exchange = None;
    }

    /// Handles a command.
    pub(super) fn handle(
        &mut self,
        protection: Protection,
        command: Command,
        output: &mut Vec<u8>,
    ) -> AuthorizationStep {
        // PASS must be the command right after USER (RFC 1939, section 7).
        let username = self.username.take();
        match (command, protection) {
            (Command::Quit, _) => {
                reply::ok(output, "until next time");
                return AuthorizationStep::Close;
            }
            (Command::Capabilities, protection) => capabilities(protection, output),
            (Command::StartTls, Protection::Startable) => {
                reply::ok(output, "begin TLS");
                return AuthorizationStep::StartTls;
            }
            (Command::StartTls, Protection::Protected) => {
                return AuthorizationStep::Refused(Refused::Order(Order::NoTls));
            }
            (
                Command::User(_)
                | Command::Password(_)
                | Command::Mechanisms
                | Command::Authenticate(..),
                Protection::Startable,
            ) => return AuthorizationStep::Refused(Refused::Order(Order::TlsFirst)),
            (Command::User(name), _) => {
                reply::ok(output, "send the app password with PASS");
                self.username = Some(name);
            }
            (Command::Password(password), _) => match username {
                Some(name) => return AuthorizationStep::LogIn(Credentials { name, password }),
                None => return AuthorizationStep::Refused(Refused::Order(Order::UserFirst)),
            },
            (Command::Mechanisms, _) => mechanisms(output),
            (Command::Authenticate(mechanism, initial), _) => {
                let step = Exchange::begin(mechanism, initial.as_deref().map(String::as_str));
                return self.follow(step, output);
            }
            (Command::Noop, _) => reply::ok(output, "nothing to do"),
            (
                Command::Status
                | Command::List(_)
                | Command::UniqueIds(_)
                | Command::Retrieve(_)
                | Command::Top(..)
                | Command::Delete(_)
                | Command::Reset,
                _,
            ) => return AuthorizationStep::Refused(Refused::Order(Order::LoginFirst)),
        }
        Replied
    }

    /// Continues an exchange with the program's answer.
    pub(super) fn answer(&mut self, line: &[u8], output: &mut Vec<u8>) -> AuthorizationStep {
        let step = match (self.exchange.take(), std::str::from_utf8(line)) {
            (Some(exchange), Ok(line)) => exchange.answer(line),
            (_, _) => SaslStep::Failed(SaslError::Encoding),
        };
        self.follow(step, output)
    }

    fn follow(&mut self, step: SaslStep, output: &mut Vec<u8>) -> AuthorizationStep {
        match step {
            SaslStep::Credentials(credentials) => return AuthorizationStep::LogIn(credentials),
            SaslStep::Challenge(exchange) => {
                reply::challenge(output, exchange.challenge());
                self.exchange = Some(exchange);
            }
            SaslStep::Failed(error) => return AuthorizationStep::Refused(Refused::Sasl(error)),
        }
        Replied
    }
}

/// Appends the capabilities (RFC 2449). Without protection the server offers no way to send a
/// password.
pub(super) fn capabilities(protection: Protection, output: &mut Vec<u8>) {
    reply::ok(output, "the server offers");
    output.extend_from_slice(b"TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n");
    output.extend_from_slice(match protection {
        Protection::Startable => b"STLS\r\n.\r\n",
        Protection::Protected => b"USER\r\nSASL PLAIN LOGIN\r\n.\r\n",
    });
}

/// Appends the mechanisms: Outlook asks for them with AUTH alone.
fn mechanisms(output: &mut Vec<u8>) {
    reply::ok(output, "the server has these mechanisms");
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        output.extend_from_slice(format!("{}\r\n", mechanism.name()).as_bytes());
    }
    output.extend_from_slice(b".\r\n");
}
