//! A session of a mail program that is logged in and sends nothing.

use std::{io, net::SocketAddr};

use correio_client::Trust;

use super::{line::LineStream, pop3, received::security, smtp};

/// The protocol of a mail program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgramProtocol {
    /// SMTP submission.
    Submission,
    /// POP3.
    Pop3,
}

/// See the module's description. Dropping it ends the connection.
pub struct HeldSession {
    _stream: LineStream,
}

impl HeldSession {
    /// Connects and logs in with an app password.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses the login.
    pub fn log_in(
        protocol: ProgramProtocol,
        server: SocketAddr,
        trust: Trust,
        username: &str,
        password: &str,
    ) -> io::Result<Self> {
        let mut stream = LineStream::connect(server, &security(server, trust))?;
        match protocol {
            ProgramProtocol::Submission => {
                smtp::greeted(&mut stream)?;
                smtp::log_in(&mut stream, username, password)?;
            }
            ProgramProtocol::Pop3 => {
                pop3::ok(&mut stream)?;
                pop3::log_in(&mut stream, username, password)?;
            }
        }
        Ok(Self { _stream: stream })
    }
}
