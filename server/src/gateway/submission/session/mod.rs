//! The state machine of one connection that speaks SMTP submission.

mod authentication;
mod transaction;

use std::sync::Arc;

use correio_proto::mail::Username;

use super::{
    command::{self, Command, CommandError},
    envelope::Envelope,
    incoming::{self, Incoming},
    line::{self, Line},
    reply::{Order, Refused, Reply},
};
use crate::{
    gateway::{
        Ending, GatewayStep, GatewayTaken, Protection,
        common::Common,
        domain::MailDomain,
        login::{self, PendingLogin},
        sasl::Exchange,
    },
    ids::{AccountSecret, ConnId, Ticket},
    session::{Done, Identity, Job, SessionContext},
    store::{NewMailRecord, StoreDone, StoreJob, gateway::GatewayJob},
};

/// Unknown commands after which the connection ends: a browser that an attacker makes speak to this
/// port (ALPACA) sends lines of HTTP.
const UNKNOWN_MAX: u32 = 3;

/// Most bytes of a mail that one call takes.
const CHUNK_MAX: usize = 64 * 1024;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct SubmissionSession {
    /// What every gateway's session has.
    pub(in crate::gateway) common: Common<Pending>,
    phase: Phase,
    hello: Hello,
    identity: Option<Box<Identity>>,
    /// The account's secret, which is the key of the ids of its mails.
    secret: Option<AccountSecret>,
    /// The mail that `MAIL` has begun.
    envelope: Option<Envelope>,
    /// Mails that `DATA` has begun.
    mails: u64,
    unknown: u32,
    /// The job that forgets the staged part of a mail that the end of the connection has cut off.
    left: Option<StoreJob>,
}

/// The input that the session expects.
#[derive(Debug)]
enum Phase {
    /// None: the session has not greeted the program.
    Greeting,
    /// A command.
    Command,
    /// The rest of an overlong line.
    LongLine,
    /// The answer to a challenge.
    Sasl(Exchange),
    /// The data of a mail.
    Mail(Box<Incoming>),
    /// None: the connection ends.
    Closed,
}

/// Whether the program has sent `EHLO` or `HELO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hello {
    Due,
    Said,
}

/// The job that the session waits for.
#[derive(Debug)]
pub(in crate::gateway) enum Pending {
    /// A login.
    Login(PendingLogin),
    /// The job that looks this recipient up.
    Recipient(Username),
    /// The job that stages a piece of the mail.
    Staging,
    /// The job that forgets the staged part of a refused mail, which the program still sends.
    Discarding,
    /// The job that stores this mail in the mailboxes.
    Sending(Arc<NewMailRecord>),
    /// The job that forgets the staged part of a mail that is answered.
    Forgetting,
}

impl From<PendingLogin> for Pending {
    fn from(login: PendingLogin) -> Self {
        Self::Login(login)
    }
}

impl SubmissionSession {
    /// A session that has not greeted the program. `domain` stands after the `@` of addresses.
    pub(crate) fn new(protection: Protection, domain: &MailDomain) -> Self {
        Self {
            common: Common::new(protection, domain.clone()),
            phase: Phase::Greeting,
            hello: Hello::Due,
            identity: None,
            secret: None,
            envelope: None,
            mails: 0,
            unknown: 0,
            left: None,
        }
    }

    /// Whether `take` would do something.
    pub(crate) fn has_work(&self, input: &[u8]) -> bool {
        match &self.phase {
            Phase::Greeting => true,
            Phase::Command | Phase::Sasl(_) => line::is_complete(input),
            Phase::LongLine | Phase::Mail(_) => !input.is_empty(),
            Phase::Closed => false,
        }
    }

    /// Greets, or takes one line or one chunk of a mail. Must not be called while the session waits
    /// for a job.
    pub(crate) fn take(
        &mut self,
        context: &mut SessionContext<'_>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayTaken {
        let taken = |consumed, step| GatewayTaken { consumed, step };
        match &mut self.phase {
            Phase::Greeting => {
                Reply::Greeting(&self.common.domain).write(output);
                self.phase = Phase::Command;
                taken(0, GatewayStep::Continue)
            }
            Phase::LongLine => {
                let (consumed, has_ended) = line::skip(input);
                if has_ended {
                    self.phase = Phase::Command;
                }
                taken(consumed, GatewayStep::Continue)
            }
            Phase::Mail(incoming) => {
                let chunk = input.get(..CHUNK_MAX).unwrap_or(input);
                let consumed = incoming.read(chunk);
                taken(consumed, self.proceed(context, output))
            }
            Phase::Command | Phase::Sasl(_) => match line::read(input) {
                Line::Missing => taken(0, GatewayStep::Continue),
                Line::Complete { text, consumed } => {
                    taken(consumed, self.take_line(context, text, output))
                }
                Line::BareEnd { consumed } => {
                    self.phase = Phase::Command;
                    taken(consumed, self.unknown(context, &Refused::LineEnd, output))
                }
                Line::TooLong { consumed } => {
                    self.phase = Phase::LongLine;
                    taken(consumed, self.unknown(context, &Refused::LongLine, output))
                }
            },
            Phase::Closed => taken(input.len(), GatewayStep::Continue),
        }
    }

    /// Continues with a job's result. `None` if the session does not wait for this job.
    pub(crate) fn complete(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
        output: &mut Vec<u8>,
    ) -> Option<GatewayStep> {
        let step = match self.common.take(ticket)? {
            Pending::Login(pending) => self.logged_in(context, &pending, done, output),
            Pending::Recipient(recipient) => self.found(context, recipient, done, output),
            Pending::Staging => {
                self.staged(context, done);
                self.proceed(context, output)
            }
            Pending::Discarding => self.proceed(context, output),
            Pending::Sending(mail) => self.sent(context, &mail, done, output),
            Pending::Forgetting => GatewayStep::Continue,
        };
        Some(step)
    }

    /// Tells the program why the server ends the connection.
    pub(crate) fn end(
        &mut self,
        _context: &mut SessionContext<'_>,
        ending: Ending,
        output: &mut Vec<u8>,
    ) {
        self.left = self.staged_job();
        self.phase = Phase::Closed;
        Reply::End(ending).write(output);
    }

    /// Returns the last job of a session whose connection is over, if there is one. Nothing waits
    /// for its result. The job forgets the staged part of a mail that is cut off, so that the
    /// program can send the mail again at once.
    pub(crate) fn give_up(&mut self, connection: ConnId) -> Option<(Ticket, StoreJob)> {
        let job = self.staged_job()?;
        let wrapped = Job::Store(job.clone());
        Some((self.common.wait(connection, &wrapped, Pending::Forgetting), job))
    }

    /// The job that forgets the staged part of the mail in progress. Returns it once.
    fn staged_job(&mut self) -> Option<StoreJob> {
        match &mut self.phase {
            Phase::Mail(incoming) => incoming.give_up(),
            Phase::Greeting | Phase::Command | Phase::LongLine | Phase::Sasl(_) | Phase::Closed => {
                None
            }
        }
        .or_else(|| self.left.take())
    }

    /// The account that is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The connection discarded this step (it is closing). If the step was a job, the session does
    /// not wait for its result.
    pub(crate) fn discarded(&mut self, step: &GatewayStep) {
        self.common.discarded(step);
        let GatewayStep::Defer(_, job) = step else {
            return;
        };
        match job {
            Job::Store(job @ StoreJob::Gateway(GatewayJob::Discard { .. })) => {
                self.left = Some(job.clone());
            }
            // The mail has ended, and nobody waits for its reply any more.
            Job::Store(StoreJob::Send { sender, mail, .. }) => {
                self.left = mail.staged.map(|id| incoming::discard(*sender, id));
            }
            Job::Store(_) | Job::Hash(_) => {}
        }
    }

    /// Bytes of a mail that the session holds in memory.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        match &self.phase {
            Phase::Mail(incoming) => incoming.held(),
            Phase::Greeting | Phase::Command | Phase::LongLine | Phase::Sasl(_) | Phase::Closed => {
                0
            }
        }
    }

    fn take_line(
        &mut self,
        context: &mut SessionContext<'_>,
        line: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Sasl(exchange) => {
                // A line that is not text cannot be base64.
                let step = exchange.answer(str::from_utf8(line).unwrap_or("?"));
                self.exchange(context, step, output)
            }
            _ => match command::parse(line) {
                Ok(command) => self.command(context, command, output),
                Err(error @ (CommandError::Unknown | CommandError::Characters)) => {
                    self.unknown(context, &Refused::Command(error), output)
                }
                Err(error) => self.refuse(context, &Refused::Command(error), output),
            },
        }
    }

    fn command(
        &mut self,
        context: &mut SessionContext<'_>,
        command: Command<'_>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let reply = match command {
            Command::Ehlo => {
                (self.hello, self.envelope) = (Hello::Said, None);
                let size_max = incoming::size_max(context.config.content_max);
                let (domain, protection) = (&self.common.domain, self.common.protection);
                Reply::Extensions { domain, protection, size_max }
            }
            Command::Helo => {
                (self.hello, self.envelope) = (Hello::Said, None);
                Reply::Hello(&self.common.domain)
            }
            Command::Mail { from, size } => return self.mail(context, from, size, output),
            Command::Rcpt(address) => return self.rcpt(context, address, output),
            Command::Data => return self.data(context, output),
            Command::Rset => {
                self.envelope = None;
                Reply::Reset
            }
            Command::Noop => Reply::Nothing,
            Command::Vrfy => Reply::Unverified,
            Command::Help => Reply::Help,
            Command::Quit => {
                Reply::Bye.write(output);
                return self.close();
            }
            Command::StartTls => return self.start_tls(context, output),
            Command::Auth { mechanism, initial } => {
                return self.auth(context, mechanism, initial, output);
            }
            Command::Http => {
                context.report_protocol_error("the client speaks HTTP");
                return self.close();
            }
        };
        reply.write(output);
        GatewayStep::Continue
    }

    /// Begins TLS, and forgets everything that the program has sent before.
    fn start_tls(&mut self, context: &mut SessionContext<'_>, output: &mut Vec<u8>) -> GatewayStep {
        if self.common.protection != Protection::Startable {
            return self.refuse(context, &Refused::Order(Order::NoTls), output);
        }
        Reply::StartTls.write(output);
        *self = Self {
            common: self.common.renewed(),
            phase: Phase::Command,
            ..Self::new(Protection::Protected, &self.common.domain)
        };
        GatewayStep::StartTls
    }

    fn close(&mut self) -> GatewayStep {
        self.phase = Phase::Closed;
        GatewayStep::Close
    }

    /// Refuses a command or a mail: replies, and counts and logs the refusal.
    fn refuse(
        &mut self,
        context: &mut SessionContext<'_>,
        refused: &Refused<'_>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        self.common.report(context, refused.refusal(), refused.logging(), &refused.text());
        refused.write(output);
        GatewayStep::Continue
    }

    /// Refuses a line that is not a command. Closes the connection after [`UNKNOWN_MAX`] of them.
    fn unknown(
        &mut self,
        context: &mut SessionContext<'_>,
        refused: &Refused<'_>,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        context.report_protocol_error(&refused.text());
        refused.write(output);
        self.unknown = self.unknown.saturating_add(1);
        if self.unknown < UNKNOWN_MAX { GatewayStep::Continue } else { self.close() }
    }

    /// Answers a command whose job the store did not do.
    fn store_failed(
        &mut self,
        context: &mut SessionContext<'_>,
        done: Done,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let refused = match done {
            Done::Busy { queue, .. } => {
                login::report_full(context, queue);
                Refused::Busy
            }
            Done::Store(StoreDone::NoAccount) => {
                let _ = self.refuse(context, &Refused::NoAccount, output);
                return self.close();
            }
            Done::Store(StoreDone::Unavailable(text)) => {
                login::report_unavailable(context, &text);
                Refused::Unavailable
            }
            Done::Store(_) | Done::Hash(_) => {
                login::report_unexpected(context);
                Refused::Unavailable
            }
        };
        self.refuse(context, &refused, output)
    }
}

#[cfg(test)]
mod tests;
