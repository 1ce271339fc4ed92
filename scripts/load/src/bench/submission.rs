//! SMTP sessions (RFC 5321) that send mails as fast as they are accepted, from one thread: the same
//! client for correio and for its reference. Plaintext, so that the servers' work is compared.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use serde_json::Value;

use super::tally::Tally;

/// How often the clock is checked.
const TICK: Duration = Duration::from_millis(50);

/// Longest wait for the last answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A login.
#[derive(Clone, Debug)]
pub struct Login {
    /// The username.
    pub username: String,
    /// The app password.
    pub password: String,
}

/// When the commands of a mail are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// Each after the reply to the one before it.
    Off,
    /// Those before the message together (RFC 2920).
    On,
}

/// What the sessions send.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Address of the sender.
    pub from: String,
    /// Address of the recipient.
    pub to: String,
    /// Bytes of the message.
    pub size: usize,
    /// When the commands are sent.
    pub pipelining: Pipelining,
    /// The login before the first mail; `None` for a server that wants none.
    pub login: Option<Login>,
}

/// The reply that a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Ehlo,
    Auth,
    MailFrom,
    Recipient,
    Go,
    Accepted,
}

impl Awaited {
    fn code(self) -> &'static [u8] {
        match self {
            Self::Greeting => b"220",
            Self::Auth => b"235",
            Self::Go => b"354",
            Self::Ehlo | Self::MailFrom | Self::Recipient | Self::Accepted => b"250",
        }
    }
}

struct Session {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    awaited: VecDeque<Awaited>,
    /// Makes each message another one.
    number: u64,
    begun: Instant,
}

impl Session {
    fn connect(server: SocketAddr, number: usize) -> Result<Self> {
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            input: Vec::new(),
            output: Vec::new(),
            awaited: VecDeque::from([Awaited::Greeting]),
            number: (number as u64) << 32,
            begun: Instant::now(),
        })
    }

    fn say(&mut self, line: &str, awaited: Awaited) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.awaited.push_back(awaited);
    }

    fn begin_mail(&mut self, mail: &Mail) {
        self.begun = Instant::now();
        self.say(&format!("MAIL FROM:<{}>", mail.from), Awaited::MailFrom);
        if mail.pipelining == Pipelining::On {
            self.say(&format!("RCPT TO:<{}>", mail.to), Awaited::Recipient);
            self.say("DATA", Awaited::Go);
        }
    }

    fn write_message(&mut self, mail: &Mail) {
        self.number += 1;
        let head = format!(
            "From: {}\r\nTo: {}\r\nSubject: Elevador {}\r\nDate: Thu, 26 Nov 2026 12:00:00 +0000\r\n\
             Message-ID: <{}@load>\r\n\r\n",
            mail.from, mail.to, self.number, self.number
        );
        self.output.extend_from_slice(head.as_bytes());
        let mut left = mail.size.saturating_sub(head.len());
        while left > 0 {
            let line = left.min(76);
            self.output.resize(self.output.len() + line, b'x');
            self.output.extend_from_slice(b"\r\n");
            left -= line;
        }
        self.say(".", Awaited::Accepted);
    }

    /// Takes one reply, if it is whole. Returns whether it was.
    fn take_reply(&mut self, mail: &Mail, tally: &mut Tally, goes_on: bool) -> Result<bool> {
        let Some(length) = reply_length(&self.input) else {
            return Ok(false);
        };
        let Some(awaited) = self.awaited.pop_front() else { bail!("a reply to nothing") };
        let reply = self.input.get(..length).unwrap_or_default();
        ensure!(
            reply.starts_with(awaited.code()),
            "{awaited:?}: {}",
            String::from_utf8_lossy(reply).trim()
        );
        self.input.drain(..length);
        match (awaited, &mail.login) {
            (Awaited::Greeting, _) => self.say("EHLO load.localhost", Awaited::Ehlo),
            (Awaited::Ehlo, Some(Login { username, password })) => {
                let plain = STANDARD.encode(format!("\0{username}\0{password}"));
                self.say(&format!("AUTH PLAIN {plain}"), Awaited::Auth);
            }
            (Awaited::Ehlo | Awaited::Auth, _) if goes_on => self.begin_mail(mail),
            (Awaited::MailFrom, _) if mail.pipelining == Pipelining::Off => {
                self.say(&format!("RCPT TO:<{}>", mail.to), Awaited::Recipient);
            }
            (Awaited::Recipient, _) if mail.pipelining == Pipelining::Off => {
                self.say("DATA", Awaited::Go);
            }
            (Awaited::Go, _) => {
                self.write_message(mail);
                // The time of the next mail would begin before that of this one has ended.
            }
            (Awaited::Accepted, _) => {
                tally.answered(self.begun, Instant::now(), 1);
                if goes_on {
                    self.begin_mail(mail);
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn fill(&mut self, scratch: &mut [u8]) -> Result<()> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => {
                    self.input.extend_from_slice(scratch.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => {
                    self.output.drain(..count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Bytes of the first reply, of one line or several; `None` while it is not whole.
fn reply_length(input: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = input.get(at..)?;
        let end = line.iter().position(|byte| *byte == b'\n')?;
        at += end + 1;
        if line.get(3) != Some(&b'-') {
            return Some(at);
        }
    }
}

/// Sends mails over this many sessions until the tally's end, and reports the figures.
///
/// # Errors
///
/// A connection fails, or the server refuses a command.
pub fn run(server: SocketAddr, sessions: usize, mail: &Mail, tally: &mut Tally) -> Result<Value> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; 16 * 1024];
    let mut clients = Vec::new();
    for number in 0..sessions {
        let mut session = Session::connect(server, number)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut session.stream, Token(number), interest)?;
        clients.push(session);
    }
    loop {
        poll.poll(&mut events, Some(TICK))?;
        let goes_on = Instant::now() < tally.until();
        for event in &events {
            let Some(session) = clients.get_mut(event.token().0) else { continue };
            if event.is_readable() {
                session.fill(&mut scratch)?;
                while session.take_reply(mail, tally, goes_on)? {}
            }
            session.flush()?;
        }
        let now = Instant::now();
        tally.observe(now);
        let is_done = clients.iter().all(|session| session.awaited.is_empty());
        if !goes_on && (is_done || now >= tally.until() + PATIENCE) {
            break;
        }
    }
    let under_way = clients.iter().filter(|session| !session.awaited.is_empty());
    tally.lost = under_way.count() as u64;
    let shares = tally.shares(Instant::now());
    tally.report(shares)
}

#[cfg(test)]
mod tests {
    use super::reply_length;

    #[test]
    fn a_reply_ends_with_its_last_line() {
        assert_eq!(reply_length(b"250 ok\r\n354 go\r\n"), Some(8));
        assert_eq!(reply_length(b"250-a\r\n250 b\r\n"), Some(14));
        assert_eq!(reply_length(b"250-a\r\n"), None);
        assert_eq!(reply_length(b"250 a"), None);
    }
}
