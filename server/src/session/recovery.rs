//! Handler of the request to set a password by a code of the operator: recover.

use correio_proto::{
    credential::Credential,
    mail::Username,
    message::{ErrorCode, Recover, Reply},
};

use crate::{
    auth::{
        hashing::{HashDone, HashJob},
        recovery,
    },
    event::Event,
    ids::CodeDigest,
    session::{
        account,
        context::SessionContext,
        job::{Done, Job},
        pending::RecoverStep,
        response::{Limit, Response, Transition},
        state::SessionState,
    },
    store::{AccountRecord, StoreDone, StoreJob},
};

/// Sets a password: the code is compared before the password is hashed, and again when it is
/// stored.
pub(crate) fn recover(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    recover: Recover,
) -> Response {
    let Recover { username, code, credential } = recover;
    // A code must not be guessed any faster than a password.
    if let Err(wait) = account::charge(state, context, &username) {
        return Response::limited(context, &username, Limit::Logins, wait);
    }
    let code = recovery::digest(&code);
    let job = StoreJob::FindAccount { username: username.clone() };
    Response::Defer(Job::Store(job), RecoverStep::Finding(username, code, credential).into())
}

/// Continues after `step`'s job, whose result is `done`.
pub(crate) fn complete(
    context: &mut SessionContext<'_>,
    step: RecoverStep,
    done: Done,
) -> Response {
    match (step, done) {
        (_, Done::Store(StoreDone::Unavailable(text))) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        (
            RecoverStep::Finding(username, code, credential),
            Done::Store(StoreDone::Account(account)),
        ) => compare(context, (username, code, credential), account.as_deref()),
        (RecoverStep::Hashing(username, code), Done::Hash(HashDone::Made(hash))) => {
            let now = context.now.wall;
            let job = StoreJob::Recover { username: username.clone(), code, hash, now };
            Response::Defer(Job::Store(job), RecoverStep::Storing(username).into())
        }
        (
            RecoverStep::Storing(username),
            Done::Store(StoreDone::Recovered { account, revoked }),
        ) => {
            let (username, connection) = (&username, context.connection);
            Event::AccountRecovered { username, connection, address: context.peer }.log();
            let reply = Reply::Recovered { app_passwords_revoked: Some(revoked) };
            Response::transitioned(reply, Transition::PasswordChanged(account))
        }
        (RecoverStep::Storing(username), Done::Store(StoreDone::WrongCode)) => {
            wrong_code(context, &username, "the code was used or replaced meanwhile")
        }
        (_, Done::Hash(_) | Done::Store(_) | Done::Busy { .. }) => Response::unavailable(),
    }
}

fn compare(
    context: &SessionContext<'_>,
    (username, code, credential): (Username, CodeDigest, Credential),
    account: Option<&AccountRecord>,
) -> Response {
    let known = account.and_then(|account| account.code);
    match known.filter(|known| known.digest == code) {
        Some(known) if context.now.wall < known.expires_at => {
            let step = RecoverStep::Hashing(username, code);
            Response::Defer(Job::Hash(HashJob::Make { credential }), step.into())
        }
        Some(_) => wrong_code(context, &username, "the code has expired"),
        None => wrong_code(context, &username, "wrong code or unknown username"),
    }
}

/// Gives the same reply for every reason; only the log has it.
fn wrong_code(context: &SessionContext<'_>, username: &Username, reason: &str) -> Response {
    let (connection, address) = (context.connection, context.peer);
    Event::LoginFailed { username, connection, address, reason }.log();
    let text = "unknown username, or a code that is wrong, expired or used";
    Response::denied(ErrorCode::BadCredentials, text)
}
