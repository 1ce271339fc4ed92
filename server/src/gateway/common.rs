//! What the sessions of both gateways share: the job that a session waits for, the throttle's
//! charge of the command in progress, and failed logins.

use super::{
    GatewayRefusal, GatewayStep, Protection,
    domain::MailDomain,
    login::{self, GatewayProtocol, LoginRefusal, PendingLogin},
    refusal::Logging,
    sasl::Credentials,
};
use crate::{
    event::Event,
    ids::{AccountSecret, ConnId, Ticket},
    session::{Charge, Done, Identity, Job, SessionContext, Settlement, Waiting},
    store::StoreJob,
};

/// Failed logins after which a connection ends: each is logged. Programs try each mechanism with
/// each spelling of the name.
const FAILED_LOGINS_MAX: u32 = 6;

/// Refusals of one connection that are logged. A program that goes on after refusals must not fill
/// the log.
const REFUSALS_LOGGED: u32 = 20;

/// See the module's description. `P` is the session's continuation after a job.
#[derive(Debug)]
pub(super) struct Common<P> {
    /// The domain after the `@` of addresses.
    pub(super) domain: MailDomain,
    /// Protection of the connection.
    pub(super) protection: Protection,
    /// Throttle charge of the command in progress.
    pub(super) charge: Option<Charge>,
    waiting: Waiting<P>,
    failed_logins: u32,
    /// Refusals that were logged, or would have been.
    refusals: u32,
    /// The last refusal that the connection has not taken.
    refusal: Option<GatewayRefusal>,
}

/// What follows a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// The program may try again.
    Continue,
    /// The connection ends.
    Close,
}

impl<P> Common<P> {
    /// For a session that has not greeted yet.
    pub(super) fn new(protection: Protection, domain: MailDomain) -> Self {
        Self {
            domain,
            protection,
            charge: None,
            waiting: Waiting::default(),
            failed_logins: 0,
            refusals: 0,
            refusal: None,
        }
    }

    /// The same for the session after STARTTLS or STLS: nothing stays of what was said before.
    /// Only the numbers of jobs and of logged refusals go on.
    pub(super) fn renewed(&mut self) -> Self {
        let waiting = std::mem::take(&mut self.waiting);
        let refusals = self.refusals;
        Self { waiting, refusals, ..Self::new(Protection::Protected, self.domain.clone()) }
    }

    /// Begins to wait for a job, and returns the ticket to submit it under.
    #[must_use]
    pub(super) fn wait(&mut self, connection: ConnId, job: &Job, pending: P) -> Ticket {
        self.waiting.wait(connection, job, pending)
    }

    /// Begins to wait for a job of the store, which the connection must submit.
    pub(super) fn defer(&mut self, connection: ConnId, job: StoreJob, pending: P) -> GatewayStep {
        let job = Job::Store(job);
        GatewayStep::Defer(self.wait(connection, &job, pending), job)
    }

    /// Ends the waiting, and returns the continuation. `None` if the session does not wait for the
    /// job of this ticket.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<P> {
        self.waiting.take(ticket)
    }

    /// The ticket of the job that the session waits for.
    #[must_use]
    pub(super) fn waiting_for(&self, connection: ConnId) -> Option<Ticket> {
        self.waiting.ticket(connection)
    }

    /// Whether the session waits for a store job. Store jobs cannot be cancelled.
    #[must_use]
    pub(super) fn is_storing(&self) -> bool {
        self.waiting.is_storing()
    }

    /// Settles the charge of the command in progress, if there is one, with the throttle.
    pub(super) fn settle(&mut self, context: &mut SessionContext<'_>, settlement: Settlement) {
        if let Some(charge) = self.charge.take() {
            charge.settle(context, settlement);
        }
    }

    /// The connection discarded this step (it is closing). If the step was a job, the session does
    /// not wait for its result.
    pub(super) fn discarded(&mut self, step: &GatewayStep) {
        if matches!(step, GatewayStep::Defer(..)) {
            self.waiting.give_up();
        }
    }

    /// Continues a login with its job's result. Returns the account and its secret.
    ///
    /// # Errors
    ///
    /// The program is not logged in.
    pub(super) fn complete_login(
        &mut self,
        context: &mut SessionContext<'_>,
        pending: &PendingLogin,
        done: Done,
    ) -> Result<(Identity, AccountSecret), LoginRefusal> {
        login::complete(context, &mut self.charge, pending, done)
    }

    /// Counts a refused command or mail for its client's address, and notes it for the metrics.
    /// Logs this text with it unless another event reports the refusal.
    pub(super) fn report(
        &mut self,
        context: &mut SessionContext<'_>,
        refusal: GatewayRefusal,
        logging: Logging,
        text: &str,
    ) {
        let (connection, code) = (context.connection, refusal.code);
        context.counts.refused_request(context.peer.ip(), code);
        self.note(refusal);
        if logging == Logging::Own {
            self.refusals = self.refusals.saturating_add(1);
            if self.refusals <= REFUSALS_LOGGED {
                Event::RequestRefused { connection, code, text }.log();
            }
        }
    }

    /// Notes a refusal for the metrics alone.
    pub(super) fn note(&mut self, refusal: GatewayRefusal) {
        self.refusal = Some(refusal);
    }

    /// The last refusal, once.
    pub(super) fn take_refusal(&mut self) -> Option<GatewayRefusal> {
        self.refusal.take()
    }

    /// Counts a failed login, unless the server could not judge it.
    pub(super) fn login_failed(&mut self, refusal: LoginRefusal) -> AfterFailure {
        match refusal {
            LoginRefusal::WrongPassword | LoginRefusal::Disabled | LoginRefusal::Limited(_) => {
                self.failed_logins = self.failed_logins.saturating_add(1);
            }
            LoginRefusal::Busy | LoginRefusal::Unavailable => {}
        }
        match self.failed_logins < FAILED_LOGINS_MAX {
            true => AfterFailure::Continue,
            false => AfterFailure::Close,
        }
    }
}

impl<P: From<PendingLogin>> Common<P> {
    /// Begins a login.
    ///
    /// # Errors
    ///
    /// The login is refused without a job.
    pub(super) fn log_in(
        &mut self,
        context: &mut SessionContext<'_>,
        protocol: GatewayProtocol,
        credentials: &Credentials,
    ) -> Result<GatewayStep, LoginRefusal> {
        let gateway = (protocol, &self.domain);
        let (job, pending) = login::begin(context, &mut self.charge, gateway, credentials)?;
        Ok(self.defer(context.connection, job, pending.into()))
    }
}
