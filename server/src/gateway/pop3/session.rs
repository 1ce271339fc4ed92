//! The state machine of one connection that speaks POP3.

use super::{
    authorization::{self, Authorization, AuthorizationStep},
    command::{Command, NoCommand},
    line::{ANSWER_MAX, COMMAND_MAX, Line, LineReader},
    reply::{self, Code},
    transaction::{self, Transaction, TransactionStep},
};
use crate::{
    event::Event,
    gateway::{
        Ending, GatewayStep, GatewayTaken, Protection,
        domain::MailDomain,
        login::{self, FAILED_LOGINS_MAX, GatewayProtocol, LoginRefusal, PendingLogin},
        sasl::Credentials,
    },
    ids::{ConnId, Ticket},
    session::{Charge, Done, Identity, Job, SessionContext, Settlement, Waiting, effect::Effect},
};

/// Lines of one connection that are no command, after which it closes: somebody else's program
/// speaks, or a browser that an attacker lured here.
const ERRORS_MAX: u32 = 3;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Pop3Session {
    domain: MailDomain,
    protection: Protection,
    phase: Phase,
    lines: LineReader,
    waiting: Waiting<Pending>,
    /// Throttle charge of the login in progress.
    charge: Option<Charge>,
    /// Lines that were no command.
    errors: u32,
    failed_logins: u32,
}

/// How far a program has come.
#[derive(Debug)]
enum Phase {
    /// The program must be greeted.
    New,
    /// The program is not logged in.
    Authorization(Authorization),
    /// The program is logged in.
    Transaction(Box<Transaction>),
}

/// What a session waits for.
#[derive(Debug)]
enum Pending {
    Login(PendingLogin),
    Transaction(transaction::Pending),
}

impl Pop3Session {
    /// A session that has not greeted yet. `domain` stands after the `@` of addresses.
    pub(crate) fn new(protection: Protection, domain: MailDomain) -> Self {
        Self {
            domain,
            protection,
            phase: Phase::New,
            lines: LineReader::default(),
            waiting: Waiting::default(),
            charge: None,
            errors: 0,
            failed_logins: 0,
        }
    }

    /// Whether [`Pop3Session::take`] would do something with this input.
    pub(crate) fn has_work(&self, input: &[u8]) -> bool {
        let has_output = match &self.phase {
            Phase::New => true,
            Phase::Authorization(_) => false,
            Phase::Transaction(transaction) => transaction.is_sending(),
        };
        has_output || self.lines.has_line(input, self.line_max())
    }

    /// Sends the next part of a reply, or handles one command. Must not be called while the session
    /// waits for a job.
    pub(crate) fn take(
        &mut self,
        context: &mut SessionContext<'_>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayTaken {
        match &mut self.phase {
            Phase::New => {
                reply::ok(output, "correio is ready");
                self.phase = Phase::Authorization(Authorization::default());
                return GatewayTaken { consumed: 0, step: GatewayStep::Continue };
            }
            Phase::Transaction(transaction) if transaction.is_sending() => {
                let step = transaction.send(context, output);
                return GatewayTaken { consumed: 0, step: self.follow(context, step) };
            }
            Phase::Transaction(_) | Phase::Authorization(_) => {}
        }
        let (line, consumed) = self.lines.take(input, self.line_max());
        let step = match line {
            Line::Partial => GatewayStep::Continue,
            Line::Whole(line) => self.hear(context, line, output),
            Line::TooLong => {
                if let Phase::Authorization(authorization) = &mut self.phase {
                    authorization.cancel();
                }
                self.refuse_line(context, output, "the line is too long")
            }
            Line::Endless => {
                reply::refused(output, "the line does not end");
                report(context, "a line that does not end");
                GatewayStep::Close
            }
        };
        GatewayTaken { consumed, step }
    }

    /// Continues with a job's result. `None` if the session does not wait for this job.
    pub(crate) fn complete(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
        output: &mut Vec<u8>,
    ) -> Option<GatewayStep> {
        let pending = self.waiting.take(ticket)?;
        Some(match (pending, &mut self.phase) {
            (Pending::Login(pending), _) => {
                match login::complete(context, &mut self.charge, &pending, done) {
                    Ok((identity, _)) => {
                        let (transaction, step) = Transaction::begin(identity, self.domain.clone());
                        self.phase = Phase::Transaction(Box::new(transaction));
                        self.follow(context, step)
                    }
                    Err(refusal) => self.login_refused(refusal, output),
                }
            }
            (Pending::Transaction(pending), Phase::Transaction(transaction)) => {
                let step = transaction.complete(context, pending, done, output);
                self.follow(context, step)
            }
            (Pending::Transaction(_), Phase::New | Phase::Authorization(_)) => GatewayStep::Close,
        })
    }

    /// Tells the program why the server ends the connection, unless that would become a part of a
    /// mail or of a list. A program that was silent is told nothing (RFC 1939, 3).
    pub(crate) fn end(
        &mut self,
        _context: &mut SessionContext<'_>,
        ending: Ending,
        output: &mut Vec<u8>,
    ) {
        if matches!(&self.phase, Phase::Transaction(transaction) if transaction.is_sending()) {
            return;
        }
        let (code, text) = match ending {
            Ending::TimedOut => return,
            Ending::ShuttingDown => (Code::Temporary, "the server stops; try again later"),
            Ending::SessionEnded => (Code::Temporary, "the account was changed; log in again"),
            Ending::Rejected(_) => (Code::Temporary, "too many connections; try again later"),
            Ending::NoRoom => (Code::Temporary, "the server has no memory left; try again later"),
        };
        reply::failed(output, code, text);
    }

    /// The account that is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.phase {
            Phase::New | Phase::Authorization(_) => None,
            Phase::Transaction(transaction) => Some(transaction.identity()),
        }
    }

    /// Bytes that the session holds of the mailbox: its list, and mails that were read. They count
    /// towards the budget that the connection has for output, which they become.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        match &self.phase {
            Phase::New | Phase::Authorization(_) => 0,
            Phase::Transaction(transaction) => transaction.held(),
        }
    }

    /// The ticket of the job that the session waits for.
    #[must_use]
    pub(crate) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.waiting.ticket(connection)
    }

    /// Whether the session waits for a store job. Store jobs cannot be cancelled.
    #[must_use]
    pub(crate) fn is_storing(&self) -> bool {
        self.waiting.is_storing()
    }

    /// Settles the charge of the login in progress, if there is one, with the throttle.
    pub(crate) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        if let Some(charge) = self.charge.take() {
            charge.settle(context, settlement);
        }
    }

    /// The connection discarded this step (it is closing). If the step was a job, stop waiting for
    /// its result.
    pub(crate) fn discarded(&mut self, step: &GatewayStep) {
        if matches!(step, GatewayStep::Defer(..)) {
            self.waiting.give_up();
        }
    }

    /// Longest line that is taken now, in bytes with its end.
    fn line_max(&self) -> usize {
        match &self.phase {
            Phase::Authorization(authorization) if authorization.awaits_answer() => ANSWER_MAX,
            Phase::New | Phase::Authorization(_) | Phase::Transaction(_) => COMMAND_MAX,
        }
    }

    /// Handles a line: a command, or an answer to a challenge.
    fn hear(
        &mut self,
        context: &mut SessionContext<'_>,
        line: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let step = match &mut self.phase {
            Phase::New => return GatewayStep::Continue,
            Phase::Authorization(authorization) if authorization.awaits_answer() => {
                authorization.answer(line, output)
            }
            Phase::Authorization(authorization) => match Command::parse(line) {
                Ok(command) => authorization.handle(self.protection, command, output),
                Err(error) => return self.refuse_command(context, error, output),
            },
            Phase::Transaction(transaction) => match Command::parse(line) {
                Ok(command) => {
                    let step = transaction.handle(&command, output);
                    return self.follow(context, step);
                }
                Err(error) => return self.refuse_command(context, error, output),
            },
        };
        match step {
            AuthorizationStep::Replied => GatewayStep::Continue,
            AuthorizationStep::Close => GatewayStep::Close,
            AuthorizationStep::LogIn(credentials) => self.log_in(context, &credentials, output),
            AuthorizationStep::StartTls => {
                self.protection = Protection::Protected;
                self.phase = Phase::Authorization(Authorization::default());
                self.errors = 0;
                GatewayStep::StartTls
            }
        }
    }

    fn log_in(
        &mut self,
        context: &mut SessionContext<'_>,
        credentials: &Credentials,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let gateway = (GatewayProtocol::Pop3, &self.domain);
        match login::begin(context, &mut self.charge, gateway, credentials) {
            Ok((job, pending)) => self.defer(context, Job::Store(job), Pending::Login(pending)),
            Err(refusal) => self.login_refused(refusal, output),
        }
    }

    /// Tells the program that it is not logged in, and closes the connection after some failures:
    /// each is logged.
    fn login_refused(&mut self, refusal: LoginRefusal, output: &mut Vec<u8>) -> GatewayStep {
        authorization::refuse(refusal, output);
        self.failed_logins = self.failed_logins.saturating_add(1);
        match self.failed_logins < FAILED_LOGINS_MAX {
            true => GatewayStep::Continue,
            false => GatewayStep::Close,
        }
    }

    fn follow(&mut self, context: &mut SessionContext<'_>, step: TransactionStep) -> GatewayStep {
        match step {
            TransactionStep::Replied => GatewayStep::Continue,
            TransactionStep::Close => GatewayStep::Close,
            TransactionStep::Defer(job, pending) => {
                self.defer(context, Job::Store(job), Pending::Transaction(pending))
            }
            TransactionStep::LoggedOut => {
                if let Some(account) = self.identity().map(|identity| identity.account) {
                    let connection = context.connection;
                    context.effects.push(Effect::LoggedOut { connection, account });
                }
                self.phase = Phase::Authorization(Authorization::default());
                GatewayStep::Continue
            }
        }
    }

    fn defer(&mut self, context: &SessionContext<'_>, job: Job, pending: Pending) -> GatewayStep {
        let ticket = self.waiting.wait(context.connection, &job, pending);
        GatewayStep::Defer(ticket, job)
    }

    /// Answers a line that is no command.
    fn refuse_command(
        &mut self,
        context: &mut SessionContext<'_>,
        error: NoCommand,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        match error {
            NoCommand::Arguments(text) => reply::refused(output, text),
            NoCommand::NoMechanism => {
                reply::refused(output, "the server has the mechanisms PLAIN and LOGIN");
            }
            NoCommand::NotOffered => {
                reply::refused(
                    output,
                    "the server does not offer this command; CAPA lists what it does",
                );
            }
            NoCommand::Unknown => {
                return self.refuse_line(context, output, "there is no such command");
            }
            NoCommand::Http => {
                reply::refused(output, "this is a mail server");
                report(context, "a request of HTTP");
                return GatewayStep::Close;
            }
        }
        GatewayStep::Continue
    }

    /// Answers a line that is none of this protocol, and closes the connection after some.
    fn refuse_line(
        &mut self,
        context: &mut SessionContext<'_>,
        output: &mut Vec<u8>,
        text: &str,
    ) -> GatewayStep {
        reply::refused(output, text);
        self.errors = self.errors.saturating_add(1);
        if self.errors < ERRORS_MAX {
            return GatewayStep::Continue;
        }
        report(context, text);
        GatewayStep::Close
    }
}

/// Logs and counts input for which the connection closes.
fn report(context: &mut SessionContext<'_>, text: &str) {
    context.counts.protocol_error(context.peer.ip());
    Event::ProtocolError { connection: context.connection, address: context.peer, text }.log();
}
