//! Handler of the request about the directory: find.

use correio_proto::{
    limits,
    message::{Find, Reply},
};

use crate::{
    event::Event,
    session::{
        context::SessionContext,
        job::{Done, Job},
        pending::Pending,
        response::Response,
        state::SessionState,
    },
    store::{StoreDone, StoreJob},
};

/// Looks people up.
pub(crate) fn find(state: &SessionState, _context: &SessionContext<'_>, find: Find) -> Response {
    if state.identity().is_none() {
        return Response::account_gone();
    }
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
