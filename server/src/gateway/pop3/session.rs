//! The state machine of one connection that speaks POP3.

use super::{
    authorization::{Authorization, AuthorizationStep},
    command::{Command, NoCommand},
    line::{ANSWER_MAX, COMMAND_MAX, Line, LineReader},
    refused::Refused,
    reply::{self, Code},
    transaction::{self, AfterRefusal, Transaction, TransactionStep},
};
use crate::{
    gateway::{
        Ending, GatewayStep, GatewayTaken, Protection,
        common::{AfterFailure, Common},
        domain::MailDomain,
        login::{GatewayProtocol, LoginRefusal, PendingLogin},
        refusal,
        sasl::Credentials,
    },
    ids::Ticket,
    session::{Done, Identity, SessionContext, effect::Effect},
};

/// Lines of one connection that are no commands, after which it closes: the peer does not speak
/// POP3, or is a browser that an attacker has lured to this port.
const ERRORS_MAX: u32 = 3;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Pop3Session {
    /// What every gateway's session has.
    pub(in crate::gateway) common: Common<Pending>,
    phase: Phase,
    lines: LineReader,
    /// Lines that were no command.
    errors: u32,
}

/// The state of the dialogue.
#[derive(Debug)]
enum Phase {
    /// The program was not greeted.
    New,
    /// The program is not logged in.
    Authorization(Authorization),
    /// The program is logged in.
    Transaction(Box<Transaction>),
}

/// The job that a session waits for.
#[derive(Debug)]
pub(in crate::gateway) enum Pending {
    Login(PendingLogin),
    Transaction(transaction::Pending),
}

impl From<PendingLogin> for Pending {
    fn from(login: PendingLogin) -> Self {
        Self::Login(login)
    }
}

impl Pop3Session {
    /// A session that has not greeted the program. `domain` stands after the `@` of addresses.
    pub(crate) fn new(protection: Protection, domain: MailDomain) -> Self {
        Self {
            common: Common::new(protection, domain),
            phase: Phase::New,
            lines: LineReader::default(),
            errors: 0,
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

    /// Sends the next chunk of a reply, or handles one command. Must not be called while the
    /// session waits for a job.
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
                return GatewayTaken { consumed: 0, step: self.follow(context, step, output) };
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
                self.unknown(context, Refused::LongLine, output)
            }
            Line::Endless => {
                let _ = self.unknown(context, Refused::EndlessLine, output);
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
        let pending = self.common.take(ticket)?;
        Some(match (pending, &mut self.phase) {
            (Pending::Login(pending), _) => {
                match self.common.complete_login(context, &pending, done) {
                    Ok((identity, _)) => {
                        let (transaction, step) = Transaction::begin(
                            identity,
                            self.common.domain.clone(),
                            context.connection,
                        );
                        self.phase = Phase::Transaction(Box::new(transaction));
                        self.follow(context, step, output)
                    }
                    Err(refusal) => self.login_refused(context, refusal, output),
                }
            }
            (Pending::Transaction(pending), Phase::Transaction(transaction)) => {
                let step = transaction.complete(context, pending, done, output);
                self.follow(context, step, output)
            }
            (Pending::Transaction(_), Phase::New | Phase::Authorization(_)) => GatewayStep::Close,
        })
    }

    /// Tells the program why the server ends the connection. Appends nothing while a reply is being
    /// sent, since the program would read the reason as a part of it, and nothing to a program that
    /// was silent (RFC 1939, section 3).
    pub(crate) fn end(
        &mut self,
        _context: &mut SessionContext<'_>,
        ending: Ending,
        output: &mut Vec<u8>,
    ) {
        if matches!(&self.phase, Phase::Transaction(transaction) if transaction.is_sending()) {
            return;
        }
        if ending != Ending::TimedOut {
            reply::failed(output, Code::Temporary, refusal::ended(ending));
        }
    }

    /// The account that is logged in.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.phase {
            Phase::New | Phase::Authorization(_) => None,
            Phase::Transaction(transaction) => Some(transaction.identity()),
        }
    }

    /// Bytes that the session holds of the mailbox: the list, and the mails that were read. They
    /// count in the connection's budget for output, since they become output.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        match &self.phase {
            Phase::New | Phase::Authorization(_) => 0,
            Phase::Transaction(transaction) => transaction.held(),
        }
    }

    /// The connection discarded this step.
    pub(crate) fn discarded(&mut self, step: &GatewayStep) {
        self.common.discarded(step);
    }

    /// Longest line that the session takes now, in bytes with its end.
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
                Ok(command) => authorization.handle(self.common.protection, command, output),
                Err(error) => return self.refuse_command(context, error, output),
            },
            Phase::Transaction(transaction) => match Command::parse(line) {
                Ok(command) => {
                    let step = transaction.handle(&command, output);
                    return self.follow(context, step, output);
                }
                Err(error) => return self.refuse_command(context, error, output),
            },
        };
        match step {
            AuthorizationStep::Replied => GatewayStep::Continue,
            AuthorizationStep::Refused(refused) => self.refuse(context, refused, output),
            AuthorizationStep::Close => GatewayStep::Close,
            AuthorizationStep::LogIn(credentials) => self.log_in(context, &credentials, output),
            AuthorizationStep::StartTls => {
                self.common = self.common.renewed();
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
        let begun = self.common.log_in(context, GatewayProtocol::Pop3, credentials);
        begun.unwrap_or_else(|refusal| self.login_refused(context, refusal, output))
    }

    /// Tells the program that it is not logged in, and closes the connection after some failures.
    fn login_refused(
        &mut self,
        context: &mut SessionContext<'_>,
        refusal: LoginRefusal,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let step = self.refuse(context, Refused::Login(refusal), output);
        match self.common.login_failed(refusal) {
            AfterFailure::Continue => step,
            AfterFailure::Close => GatewayStep::Close,
        }
    }

    fn follow(
        &mut self,
        context: &mut SessionContext<'_>,
        step: TransactionStep,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        match step {
            TransactionStep::Replied => GatewayStep::Continue,
            TransactionStep::Close => GatewayStep::Close,
            TransactionStep::CutOff(refused) => {
                self.report(context, refused);
                GatewayStep::Close
            }
            TransactionStep::Refused(refused, after) => {
                let step = self.refuse(context, refused, output);
                match after {
                    AfterRefusal::Continue => step,
                    AfterRefusal::LogOut => self.log_out(context),
                    AfterRefusal::Close => GatewayStep::Close,
                }
            }
            TransactionStep::Defer(job, pending) => {
                self.common.defer(context.connection, job, Pending::Transaction(pending))
            }
        }
    }

    /// Logs out a program whose mailbox cannot be listed. The connection stays.
    fn log_out(&mut self, context: &mut SessionContext<'_>) -> GatewayStep {
        if let Some(account) = self.identity().map(|identity| identity.account) {
            let connection = context.connection;
            context.effects.push(Effect::LoggedOut { connection, account });
        }
        self.phase = Phase::Authorization(Authorization::default());
        GatewayStep::Continue
    }

    /// Refuses a command: replies, and counts and logs the refusal.
    fn refuse(
        &mut self,
        context: &mut SessionContext<'_>,
        refused: Refused,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        self.report(context, refused);
        refused.write(output);
        GatewayStep::Continue
    }

    fn report(&mut self, context: &mut SessionContext<'_>, refused: Refused) {
        self.common.report(context, refused.refusal(), refused.logging(), &refused.text());
    }

    /// Answers a line that is no command.
    fn refuse_command(
        &mut self,
        context: &mut SessionContext<'_>,
        error: NoCommand,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        let refused = Refused::Command(error);
        match error {
            NoCommand::Arguments(_) | NoCommand::NoMechanism | NoCommand::NotOffered => {
                self.refuse(context, refused, output)
            }
            NoCommand::Unknown => self.unknown(context, refused, output),
            NoCommand::Http => {
                context.report_protocol_error("the client speaks HTTP");
                refused.write(output);
                GatewayStep::Close
            }
        }
    }

    /// Refuses a line that is not of this protocol. Closes the connection after [`ERRORS_MAX`] of
    /// them.
    fn unknown(
        &mut self,
        context: &mut SessionContext<'_>,
        refused: Refused,
        output: &mut Vec<u8>,
    ) -> GatewayStep {
        context.report_protocol_error(&refused.text());
        refused.write(output);
        self.errors = self.errors.saturating_add(1);
        if self.errors < ERRORS_MAX { GatewayStep::Continue } else { GatewayStep::Close }
    }
}
