//! A session of either gateway. A connection calls it without knowing the protocol.

use super::{
    Ending, GatewayRefusal, GatewayStep, GatewayTaken, Protection, domain::MailDomain,
    pop3::Pop3Session, submission::SubmissionSession,
};
use crate::{
    ids::{ConnId, Ticket},
    session::{Done, Identity, SessionContext, Settlement},
    store::StoreJob,
};

/// See the module's description. [`super`] describes the calls.
#[derive(Debug)]
pub(crate) enum GatewaySession {
    /// SMTP submission.
    Submission(SubmissionSession),
    /// POP3.
    Pop3(Pop3Session),
}

/// Makes a call on the session of either protocol, or on a field of it.
macro_rules! call {
    ($session:expr, $($name:ident).+($($argument:expr),*)) => {
        match $session {
            GatewaySession::Submission(session) => session.$($name).+($($argument),*),
            GatewaySession::Pop3(session) => session.$($name).+($($argument),*),
        }
    };
}

impl GatewaySession {
    /// A session of submission that has not greeted the program.
    pub(crate) fn submission(protection: Protection, domain: &MailDomain) -> Self {
        Self::Submission(SubmissionSession::new(protection, domain))
    }

    /// A session of POP3 that has not greeted the program.
    pub(crate) fn pop3(protection: Protection, domain: &MailDomain) -> Self {
        Self::Pop3(Pop3Session::new(protection, domain.clone()))
    }

    /// Whether `take` would do something.
    pub(crate) fn has_work(&self, input: &[u8]) -> bool {
        call!(self, has_work(input))
    }

    /// Handles one command or one chunk of a mail, or sends more.
    pub(crate) fn take(
        &mut self,
        context: &mut SessionContext<'_>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> GatewayTaken {
        call!(self, take(context, input, output))
    }

    /// Continues with a job's result.
    pub(crate) fn complete(
        &mut self,
        context: &mut SessionContext<'_>,
        ticket: Ticket,
        done: Done,
        output: &mut Vec<u8>,
    ) -> Option<GatewayStep> {
        call!(self, complete(context, ticket, done, output))
    }

    /// Tells the program why the server ends the connection.
    pub(crate) fn end(
        &mut self,
        context: &mut SessionContext<'_>,
        ending: Ending,
        output: &mut Vec<u8>,
    ) {
        call!(self, end(context, ending, output));
    }

    /// Returns the last job of a session whose connection is over. Nothing waits for its result.
    pub(crate) fn give_up(&mut self, connection: ConnId) -> Option<(Ticket, StoreJob)> {
        match self {
            Self::Submission(session) => session.give_up(connection),
            Self::Pop3(_) => None,
        }
    }

    /// The account that is logged in.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        call!(self, identity())
    }

    /// The ticket of the job that the session waits for.
    pub(crate) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        call!(self, common.waiting_for(connection))
    }

    /// Whether the session waits for a store job.
    pub(crate) fn is_storing(&self) -> bool {
        call!(self, common.is_storing())
    }

    /// Settles the throttle's charge of the command in progress.
    pub(crate) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        call!(self, common.settle(context, settlement));
    }

    /// The last refusal, once.
    pub(crate) fn take_refusal(&mut self) -> Option<GatewayRefusal> {
        call!(self, common.take_refusal())
    }

    /// The connection discarded this step.
    pub(crate) fn discarded(&mut self, step: &GatewayStep) {
        call!(self, discarded(step));
    }
}
