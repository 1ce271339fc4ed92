//! The state machine of one connection that speaks POP3: greeting, STLS and QUIT.

use crate::{
    gateway::{Ending, GatewayStep, GatewayTaken, Protection, domain::MailDomain},
    ids::{ConnId, Ticket},
    session::{Done, Identity, SessionContext, Settlement},
};

/// Longest line, in bytes, with its end.
const LINE_MAX: usize = 512;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Pop3Session {
    protection: Protection,
    domain: MailDomain,
    has_greeted: bool,
}

impl Pop3Session {
    /// A session that has not greeted yet.
    pub(crate) fn new(protection: Protection, domain: MailDomain) -> Self {
        Self { protection, domain, has_greeted: false }
    }

    /// Whether `take` would do something.
    pub(crate) fn has_work(&self, input: &[u8]) -> bool {
        !self.has_greeted || input.len() >= LINE_MAX || memchr::memchr(b'\n', input).is_some()
    }

    /// Greets, or handles one command.
    pub(crate) fn take(
        &mut self,
        _context: &mut SessionContext<'_>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayTaken {
        if !std::mem::replace(&mut self.has_greeted, true) {
            let greeting = format!("+OK {} POP3\r\n", self.domain);
            output.extend_from_slice(greeting.as_bytes());
            return GatewayTaken { consumed: 0, step: GatewayStep::Continue };
        }
        let Some(end) = memchr::memchr(b'\n', input) else {
            output.extend_from_slice(b"-ERR the line is too long\r\n");
            return GatewayTaken { consumed: input.len(), step: GatewayStep::Close };
        };
        let line = input.get(..end).unwrap_or_default().trim_ascii().to_ascii_uppercase();
        let step = match line.as_slice() {
            b"QUIT" => {
                output.extend_from_slice(b"+OK goodbye\r\n");
                GatewayStep::Close
            }
            b"STLS" if self.protection == Protection::Startable => {
                output.extend_from_slice(b"+OK begin TLS\r\n");
                self.protection = Protection::Protected;
                GatewayStep::StartTls
            }
            _ => {
                output.extend_from_slice(b"-ERR not implemented\r\n");
                GatewayStep::Continue
            }
        };
        GatewayTaken { consumed: end + 1, step }
    }

    /// Continues with a job's result.
    pub(crate) fn complete(
        &mut self,
        _context: &mut SessionContext<'_>,
        _ticket: Ticket,
        _done: Done,
        _output: &mut Vec<u8>,
    ) -> Option<GatewayStep> {
        None
    }

    /// Tells the client why the server ends the connection.
    pub(crate) fn end(
        &mut self,
        _context: &mut SessionContext<'_>,
        _ending: Ending,
        output: &mut Vec<u8>,
    ) {
        output.extend_from_slice(b"-ERR the server ends the connection\r\n");
    }

    /// The account that is logged in.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        None
    }

    /// The ticket of the job that the session waits for.
    pub(crate) fn waiting_for(&self, _connection: ConnId) -> Option<Ticket> {
        None
    }

    /// Whether the session waits for a store job.
    pub(crate) fn is_storing(&self) -> bool {
        false
    }

    /// Settles the charge of the command in progress.
    pub(crate) fn settle(&mut self, _context: &mut SessionContext<'_>, _settlement: Settlement) {}

    /// Bytes that the session holds in memory.
    pub(crate) fn held(&self) -> usize {
        0
    }

    /// The connection discarded this step.
    pub(crate) fn discarded(&mut self, _step: &GatewayStep) {}
}
