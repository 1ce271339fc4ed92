//! Handlers of the requests about resume tickets: ticket, resume.

use correio_proto::{
    mail::Username,
    message::{ErrorCode, GivenTicket, Reply, Resume},
};

use crate::{
    auth::resume_ticket::{TicketAccount, TicketPolicy, Tickets},
    event::Event,
    session::{
        account::{self, LoginProof},
        context::SessionContext,
        job::{Done, Job},
        pending::{Pending, Resuming},
        response::{Limit, Response},
        state::SessionState,
    },
    store::{AccountRecord, StoreDone, StoreJob},
};

/// Gives the session a ticket. It is bound to the epoch at the session's own login, not to the
/// account's present one: a session that a new password ends gets none that outlives it.
pub(crate) fn ticket(state: &SessionState, context: &SessionContext<'_>) -> Response {
    let Some(open) = state.open() else {
        return Response::account_gone();
    };
    let Some(tickets) = given(context) else {
        return none_given();
    };
    let account = TicketAccount { id: open.identity.account, epoch: open.proof.epoch };
    match tickets.make(account, open.proof.at, context.now.wall) {
        Some((ticket, expires_in)) => {
            Response::succeeded(Reply::Ticket(GivenTicket { ticket, expires_in }))
        }
        None => {
            let text = "the password was given too long ago; log in with it the next time";
            Response::refused(ErrorCode::NotAllowed, text)
        }
    }
}

/// Logs in with a ticket: the account is looked up first.
pub(crate) fn resume(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    resume: &Resume,
) -> Response {
    let Resume { username, ticket } = resume;
    let Some(tickets) = given(context) else {
        return none_given();
    };
    let claim = tickets.read(ticket, context.now.wall);
    // A ticket must not be guessed any faster than a password.
    if let Err(wait) = account::charge(state, context, username) {
        return Response::limited(context, username, Limit::Logins, wait);
    }
    let Some(claim) = claim else {
        // No account can have this ticket, so it is no guess at one, and is not charged as one.
        // After a new key, people who share an address would otherwise lock each other out.
        return Response::refused(ErrorCode::BadCredentials, REFUSED);
    };
    let job = StoreJob::FindAccount { username: username.clone() };
    let resuming = Resuming { username: username.clone(), claim };
    Response::Defer(Job::Store(job), Pending::Resume(Box::new(resuming)))
}

/// Continues after the account was looked up. The result is final: a later change ends the session,
/// also if the store answers the look-up after it ([`RecentEnds`]).
///
/// [`RecentEnds`]: crate::session::recent_ends::RecentEnds
pub(crate) fn complete(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    resuming: &Resuming,
    done: Done,
) -> Response {
    match done {
        Done::Store(StoreDone::Account(account)) => {
            judge(state, context, resuming, account.map(|account| *account))
        }
        Done::Store(StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        Done::Store(_) | Done::Hash(_) | Done::Busy { .. } => Response::unavailable(),
    }
}

fn judge(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    resuming: &Resuming,
    account: Option<AccountRecord>,
) -> Response {
    let Some(tickets) = given(context) else {
        return none_given();
    };
    let found = account.as_ref();
    let found = found.map(|account| TicketAccount { id: account.id, epoch: account.epoch() });
    let is_proved = tickets.is_proved(&resuming.claim, found);
    match account.filter(|_| is_proved) {
        Some(account) => {
            let proof = LoginProof::Ticket { password_given_at: resuming.claim.proved_at };
            account::log_in(state, context, account, proof)
        }
        None => wrong_ticket(context, &resuming.username),
    }
}

/// The text for every ticket that is not accepted; only the log has the reason.
const REFUSED: &str = "unknown username, or a ticket that is wrong, expired or void";

fn wrong_ticket(context: &SessionContext<'_>, username: &Username) -> Response {
    let (connection, address) = (context.connection, context.peer);
    let reason = "wrong or void ticket, or unknown username";
    Event::LoginFailed { username, connection, address, reason }.log();
    Response::denied(ErrorCode::BadCredentials, REFUSED)
}

/// What makes and checks tickets; `None` on a server that gives none.
fn given<'a>(context: &SessionContext<'a>) -> Option<&'a Tickets> {
    match &context.config.tickets {
        TicketPolicy::Given(tickets) => Some(tickets),
        TicketPolicy::Off => None,
    }
}

fn none_given() -> Response {
    Response::refused(ErrorCode::NotAllowed, "this server gives no tickets")
}
