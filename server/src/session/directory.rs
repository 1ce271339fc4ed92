//! Handler of the request about the directory: find.

use correio_proto::{
    limits,
    message::{ErrorCode, Find, Reply},
};

use crate::{
    event::Event,
    session::{
        charge::Charge,
        config::DirectoryPolicy,
        context::SessionContext,
        job::{Done, Job},
        pending::Pending,
        response::{Limit, Response},
        state::SessionState,
    },
    store::{StoreDone, StoreJob},
};

/// Looks people up.
pub(crate) fn find(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
    find: Find,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    match context.config.directory {
        DirectoryPolicy::Members => {}
        DirectoryPolicy::Off => {
            return Response::refused(ErrorCode::NotAllowed, "this server shows no directory");
        }
    }
    let account = identity.account;
    if let Err(wait) = context.throttle.find(context.now.uptime, account) {
        return Response::limited(context, &identity.username, Limit::Finds, wait);
    }
    state.charge = Some(Charge::Find(account));
    let job = StoreJob::Find { query: find.text, people: limits::FOUND_MAX };
    Response::Defer(Job::Store(job), Pending::Directory)
}

/// Continues after the job.
pub(crate) fn complete(done: Done) -> Response {
    match done {
        Done::Store(StoreDone::Found(found)) => Response::succeeded(Reply::Found(found)),
        Done::Store(StoreDone::Unavailable(text)) => {
            Event::StoreUnavailable { text: &text }.log();
            Response::unavailable()
        }
        _ => Response::unavailable(),
    }
}
