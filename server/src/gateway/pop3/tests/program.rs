//! A scripted mail program, and its connection to a session.

use super::mailbox::{Mailbox, PASSWORD};
use crate::{
    gateway::{
        Ending, GatewayStep, Protection,
        harness::{Harness, domain},
        pop3::Pop3Session,
    },
    ids::Ticket,
    session::Job,
};

/// The state of the program's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// TLS must begin; this many bytes of input were sent before it.
    StartTls(usize),
    Closed,
}

/// See the module's description.
pub(super) struct Program {
    pub(super) harness: Harness,
    pub(super) session: Pop3Session,
    pub(super) state: State,
    /// Most bytes that one call of the session appended.
    pub(super) largest: usize,
    input: Vec<u8>,
    output: Vec<u8>,
    deferred: Option<(Ticket, Job)>,
}

impl Program {
    /// A program that was not greeted yet.
    pub(super) fn new(protection: Protection) -> Self {
        Self {
            harness: Harness::new(),
            session: Pop3Session::new(protection, domain()),
            state: State::Open,
            largest: 0,
            input: Vec::new(),
            output: Vec::new(),
            deferred: None,
        }
    }

    /// A program that was greeted over TLS.
    pub(super) fn connect(mailbox: &mut Mailbox) -> Self {
        let mut program = Self::new(Protection::Protected);
        assert_eq!(program.say(mailbox, ""), "+OK correio is ready\r\n");
        program
    }

    /// A program that has logged in as `tony`.
    pub(super) fn log_in(mailbox: &mut Mailbox) -> Self {
        let mut program = Self::connect(mailbox);
        assert!(program.say(mailbox, "USER tony\r\n").starts_with("+OK "));
        let reply = program.say(mailbox, &format!("PASS {PASSWORD}\r\n"));
        assert!(reply.starts_with("+OK "), "{reply}");
        program
    }

    /// Sends a text, and returns the server's output.
    pub(super) fn say(&mut self, mailbox: &mut Mailbox, text: &str) -> String {
        let output = self.send(mailbox, text.as_bytes());
        String::from_utf8(output).unwrap()
    }

    /// As [`Program::say`], for bytes.
    pub(super) fn send(&mut self, mailbox: &mut Mailbox, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        while self.state == State::Open && self.step(mailbox) {}
        std::mem::take(&mut self.output)
    }

    /// Sends a text, and makes only this many calls of the session.
    pub(super) fn begin(&mut self, mailbox: &mut Mailbox, text: &str, calls: usize) -> String {
        self.input.extend_from_slice(text.as_bytes());
        for _ in 0..calls {
            assert!(self.step(mailbox));
        }
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    /// Ends the connection from the server's side. Returns the output.
    pub(super) fn end(&mut self, ending: Ending) -> String {
        self.session.end(&mut self.harness.context(), ending, &mut self.output);
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    /// Bytes of input that the session has not consumed.
    pub(super) fn input_left(&self) -> usize {
        self.input.len()
    }

    /// Makes one call of the session. Returns false if none is due.
    fn step(&mut self, mailbox: &mut Mailbox) -> bool {
        let (context, before) = (&mut self.harness.context(), self.output.len());
        let step = if let Some((ticket, job)) = self.deferred.take() {
            assert_eq!(self.session.common.waiting_for(ticket.connection), Some(ticket));
            assert!(self.session.common.is_storing());
            let done = mailbox.run(job);
            self.session.complete(context, ticket, done, &mut self.output).unwrap()
        } else if self.session.has_work(&self.input) {
            let taken = self.session.take(context, &self.input, &mut self.output);
            self.input.drain(..taken.consumed);
            taken.step
        } else {
            return false;
        };
        self.largest = self.largest.max(self.output.len() - before);
        match step {
            GatewayStep::Continue => {}
            GatewayStep::Defer(ticket, job) => self.deferred = Some((ticket, job)),
            GatewayStep::StartTls => self.state = State::StartTls(self.input.len()),
            GatewayStep::Close => self.state = State::Closed,
        }
        true
    }
}

/// The lines of a multi-line reply, unstuffed, without the first and the last line.
pub(super) fn lines(reply: &str) -> Vec<&str> {
    assert!(reply.starts_with("+OK"), "{reply}");
    let (_, rest) = reply.split_once("\r\n").unwrap();
    let body = rest.strip_suffix(".\r\n").unwrap();
    body.split_terminator("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect()
}

/// The mail in a reply to RETR.
pub(super) fn mail(reply: &str) -> String {
    lines(reply).iter().map(|line| format!("{line}\r\n")).collect()
}
