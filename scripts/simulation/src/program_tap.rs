//! Observes the dialogue of a mail program from outside: SMTP submission and POP3. The simulation's
//! programs wait for each reply before they send more.

use std::{collections::VecDeque, net::SocketAddr};

use correio_proto::{mail::MailId, message::ErrorCode};
use correio_server::{ids::ConnId, protocol::Protocol};

use crate::{
    check::{Check, Violation, require},
    observer::Observer,
};

/// First byte of the addresses of attackers.
const ATTACKERS: u8 = 203;

/// Bytes of a mail that count as a sign of life.
const PROGRESS_MIN: usize = 1024;

/// The protocol of a connection, and how it is observed.
#[derive(Debug)]
pub(crate) enum WatchedTalk {
    /// Correio's own protocol, which is observed request by request.
    Correio,
    /// The dialogue of an honest user's mail program.
    Program(Box<ProgramTap>),
    /// An attacker on the port of a gateway, whose input is not observed.
    Hostile(Protocol),
}

impl WatchedTalk {
    pub(crate) fn new(protocol: Protocol, peer: SocketAddr) -> Self {
        let is_hostile = matches!(peer, SocketAddr::V4(peer) if peer.ip().octets()[0] == ATTACKERS);
        match protocol.is_gateway() {
            false => Self::Correio,
            true if is_hostile => Self::Hostile(protocol),
            true => Self::Program(Box::new(ProgramTap::new(protocol))),
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Correio => Protocol::Correio,
            Self::Program(program) => program.protocol,
            Self::Hostile(protocol) => *protocol,
        }
    }
}

/// The effect of a reply on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyEffect {
    None,
    LoggedIn,
    /// The server ends the connection.
    Closing,
}

/// A reply that the server owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The greeting, or a reply of one line.
    Line,
    Login,
    /// The reply to `DATA`.
    Data,
    /// The reply to a mail.
    Mail,
    /// A reply that is multi-line if it is a success.
    Lines,
    Quit,
}

/// The input that the program sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Commands,
    Mail,
}

/// The output that the server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Replies,
    /// The lines after the first line of a multi-line reply.
    Lines,
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct ProgramTap {
    protocol: Protocol,
    requests: Vec<u8>,
    replies: Vec<u8>,
    input: Input,
    output: Output,
    waiting: VecDeque<Expected>,
    /// Bytes of a mail since the last sign of life.
    part: usize,
}

impl ProgramTap {
    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            requests: Vec::new(),
            replies: Vec::new(),
            input: Input::Commands,
            output: Output::Replies,
            waiting: VecDeque::from([Expected::Line]),
            part: 0,
        }
    }

    /// Number of replies that the server owes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Observes bytes that the server has read. Returns whether they are a sign of life.
    pub(crate) fn observe_requests(&mut self, read: &[u8]) -> bool {
        self.requests.extend_from_slice(read);
        let mut is_heard = false;
        loop {
            match self.input {
                Input::Commands => {
                    let Some(line) = take_line(&mut self.requests) else {
                        return is_heard;
                    };
                    self.waiting.push_back(self.expected(&line));
                }
                Input::Mail => {
                    let Some(end) = end_of_mail(&self.requests) else {
                        self.part += read.len();
                        if self.part >= PROGRESS_MIN {
                            self.part = 0;
                            return true;
                        }
                        return is_heard;
                    };
                    self.requests.drain(..end);
                    self.input = Input::Commands;
                    self.waiting.push_back(Expected::Mail);
                }
            }
            self.part = 0;
            is_heard = true;
        }
    }

    fn expected(&self, line: &[u8]) -> Expected {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        match (self.protocol, words.next(), words.next()) {
            (_, Some("QUIT"), _) => Expected::Quit,
            (Protocol::Submission, Some("AUTH"), _) | (Protocol::Pop3, Some("PASS"), _) => {
                Expected::Login
            }
            (Protocol::Submission, Some("DATA"), _) => Expected::Data,
            (Protocol::Pop3, Some("UIDL" | "LIST"), None)
            | (Protocol::Pop3, Some("RETR" | "TOP"), Some(_)) => Expected::Lines,
            _ => Expected::Line,
        }
    }

    /// Observes bytes that the server has written, and checks each reply. `jobs` are the jobs of
    /// the answered command.
    pub(crate) fn observe_replies(
        &mut self,
        observer: &mut Observer<'_>,
        (id, written): (ConnId, &[u8]),
        jobs: &mut Vec<&'static str>,
    ) -> Result<ReplyEffect, Violation> {
        self.replies.extend_from_slice(written);
        let mut effect = ReplyEffect::None;
        while let Some(line) = take_line(&mut self.replies) {
            if self.output == Output::Lines {
                if line == b"." {
                    self.output = Output::Replies;
                }
                continue;
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            if self.protocol == Protocol::Submission && text.get(3..4) == Some("-") {
                continue;
            }
            observer.note(format_args!("{id}: {text}"));
            match self.replied(observer, &text, std::mem::take(jobs))? {
                ReplyEffect::None => {}
                other => effect = other,
            }
        }
        Ok(effect)
    }

    fn replied(
        &mut self,
        observer: &mut Observer<'_>,
        text: &str,
        jobs: Vec<&'static str>,
    ) -> Result<ReplyEffect, Violation> {
        let is_end = text.starts_with("421 ") || text.starts_with("-ERR [SYS/TEMP]");
        let Some(expected) = self.waiting.pop_front() else {
            let text = || format!("{}: a reply to nothing: {text:?}", self.protocol.as_str());
            return require(is_end, Check::Answered, text).map(|()| ReplyEffect::Closing);
        };
        if text.starts_with("421 ") {
            self.waiting.clear();
            return Ok(ReplyEffect::Closing);
        }
        match expected {
            Expected::Data if text.starts_with("354") => self.input = Input::Mail,
            Expected::Mail if text.starts_with("250") => accepted(observer, text)?,
            Expected::Lines if text.starts_with("+OK") => self.output = Output::Lines,
            Expected::Login if text.starts_with("235") || text.starts_with("+OK") => {
                return Ok(ReplyEffect::LoggedIn);
            }
            Expected::Login if text.contains("5.7.8") || text.contains("[AUTH]") => {
                let (code, text) = (ErrorCode::BadCredentials, text.to_owned());
                observer.failed_logins.push((self.protocol.as_str(), jobs, code, text));
            }
            Expected::Quit => return Ok(ReplyEffect::Closing),
            _ => {}
        }
        Ok(ReplyEffect::None)
    }
}

/// Checks that a mail is stored, after the program was told that it is accepted.
fn accepted(observer: &mut Observer<'_>, text: &str) -> Result<(), Violation> {
    let id = text.rsplit(' ').next().and_then(|id| id.parse::<MailId>().ok());
    let Some(id) = id else {
        let text = format!("a mail is accepted without an id: {text:?}");
        return Err(Violation::new(Check::Answered, text));
    };
    observer.ledger.acknowledge_submitted(id)
}

fn take_line(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let mut line: Vec<u8> = bytes.drain(..end + 2).collect();
    line.truncate(end);
    Some(line)
}

/// The bytes of a mail with its end; `None` if the end has not arrived.
fn end_of_mail(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n.\r\n";
    if bytes.starts_with(b".\r\n") {
        return Some(3);
    }
    bytes.windows(END.len()).position(|part| part == END).map(|at| at + END.len())
}
