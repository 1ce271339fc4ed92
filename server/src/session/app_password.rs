//! Handlers of the requests about app passwords.

use correio_proto::{
    app_password::{AppPassword, AppPasswordId, AppPasswordRequest},
    limits::APP_PASSWORDS_MAX,
    message::{ErrorCode, Reply},
};

use crate::{
    auth::app_password,
    event::Event,
    session::{
        charge::Charge,
        context::SessionContext,
        job::{Done, Job},
        pending::{AppPasswordStep, Pending},
        response::{Limit, Response, Transition},
        state::{Identity, SessionState},
    },
    store::{
        StoreDone, StoreJob,
        app_password::{AppPasswordDone, AppPasswordJob},
    },
};

/// Makes, lists or revokes app passwords.
pub(crate) fn handle(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    request: AppPasswordRequest,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    let account = identity.account;
    if let Err(wait) = context.throttle.list(context.now.uptime, account) {
        return Response::limited(context, &identity.username, Limit::AppPasswords, wait);
    }
    state.charge = Some(Charge::List(account));
    let (job, step) = match request {
        AppPasswordRequest::Create { label } => {
            let Ok(password) = app_password::make() else {
                let text = "no app password was made: the system gives no random bytes";
                Event::ServerWarning { text }.log();
                return Response::unavailable();
            };
            let (digest, now) = (app_password::digest(&password), context.now.wall);
            let job = AppPasswordJob::Create { account, label, digest, now };
            (job, AppPasswordStep::Creating(password))
        }
        AppPasswordRequest::List {} => (AppPasswordJob::List { account }, AppPasswordStep::Reading),
        AppPasswordRequest::Revoke { id } => {
            (AppPasswordJob::Revoke { account, id }, AppPasswordStep::Revoking(id))
        }
    };
    Response::Defer(Job::Store(StoreJob::AppPassword(job)), Pending::AppPassword(step))
}

/// Continues after `step`'s job, whose result is `done`.
pub(crate) fn complete(
    state: &SessionState,
    context: &SessionContext<'_>,
    step: AppPasswordStep,
    done: Done,
) -> Response {
    let (Done::Store(done), Some(identity)) = (done, state.identity()) else {
        return Response::unavailable();
    };
    match (step, done) {
        (_, StoreDone::NoAccount) => Response::account_gone(),
        (_, StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (step, StoreDone::AppPassword(done)) => answer(context, identity, step, done),
        _ => Response::unavailable(),
    }
}

fn answer(
    context: &SessionContext<'_>,
    identity: &Identity,
    step: AppPasswordStep,
    done: AppPasswordDone,
) -> Response {
    match (step, done) {
        (AppPasswordStep::Creating(password), AppPasswordDone::Created(id)) => {
            created(context, identity, id, password)
        }
        (_, AppPasswordDone::LabelTaken) => {
            Response::denied(ErrorCode::LabelTaken, "another app password has this label")
        }
        (_, AppPasswordDone::Full) => {
            let text =
                format!("the account has {APP_PASSWORDS_MAX} app passwords; revoke one first");
            Response::denied(ErrorCode::AppPasswordsFull, &text)
        }
        (_, AppPasswordDone::List(passwords)) => {
            Response::succeeded(Reply::AppPasswords { passwords })
        }
        (AppPasswordStep::Revoking(_), AppPasswordDone::Revoked(None)) => {
            // A store that lost the result of its commit has done the job again, and found nothing.
            let revoked = Transition::AppPasswordRevoked(identity.account);
            Response::repeated_with(Reply::AppPasswordRevoked {}, revoked)
        }
        (AppPasswordStep::Revoking(id), AppPasswordDone::Revoked(Some(_))) => {
            let (username, connection) = (&identity.username, context.connection);
            Event::AppPasswordRevoked { username, id: id.0, connection }.log();
            let revoked = Transition::AppPasswordRevoked(identity.account);
            Response::transitioned(Reply::AppPasswordRevoked {}, revoked)
        }
        _ => Response::unavailable(),
    }
}

fn created(
    context: &SessionContext<'_>,
    identity: &Identity,
    id: AppPasswordId,
    password: AppPassword,
) -> Response {
    let (username, connection) = (&identity.username, context.connection);
    Event::AppPasswordCreated { username, id: id.0, connection }.log();
    Response::succeeded(Reply::AppPasswordCreated { id, password })
}
