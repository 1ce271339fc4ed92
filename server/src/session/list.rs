//! Handlers of the requests about lists.

use correio_proto::{
    limits,
    message::{ErrorCode, ErrorReply, ListChange, ListRequest, Reply},
};

use crate::{
    event::Event,
    limits::list_creation::ListCreation,
    session::{
        context::SessionContext,
        job::{Done, Job},
        pending::Pending,
        response::Response,
        state::SessionState,
    },
    store::{StoreDone, StoreJob},
};

/// Reads or changes a list.
pub(crate) fn handle(
    state: &SessionState,
    context: &SessionContext<'_>,
    request: ListRequest,
) -> Response {
    let Some(identity) = state.identity() else {
        return Response::account_gone();
    };
    if let ListRequest::Change { change: ListChange::Create { .. }, .. } = request
        && context.config.lists == ListCreation::Off
    {
        return Response::refused(ErrorCode::NotAllowed, "this server lets nobody make lists");
    }
    let account = identity.account;
    let job = match request {
        ListRequest::Mine {} => StoreJob::ListsOf { account },
        ListRequest::Members { name, after } => {
            StoreJob::Members { account, name, after, members: limits::MEMBERS_PAGE_MAX }
        }
        ListRequest::Change { name, change } => StoreJob::ChangeList { account, name, change },
    };
    Response::Defer(Job::Store(job), Pending::List)
}

/// Continues after the job.
pub(crate) fn complete(done: Done) -> Response {
    let Done::Store(done) = done else {
        return Response::unavailable();
    };
    let (code, text) = match done {
        StoreDone::Lists(lists) => return Response::succeeded(Reply::Lists { lists }),
        StoreDone::Members(page) => return Response::succeeded(Reply::Members(page)),
        StoreDone::Changed => return Response::succeeded(Reply::ListChanged {}),
        StoreDone::NoAccount => return Response::account_gone(),
        StoreDone::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return Response::unavailable();
        }
        StoreDone::UnknownRecipients(recipients) => {
            let text = "one or more members are no accounts (a list is no member of a list); nothing \
                        was changed";
            let error = ErrorReply::new(ErrorCode::UnknownRecipient, text);
            return Response::error(ErrorReply { recipients, ..error });
        }
        StoreDone::NoSuchList => (ErrorCode::NoSuchList, "there is no such list"),
        StoreDone::NotOwner => (ErrorCode::NotAllowed, "only an owner of the list may do this"),
        StoreDone::FixedList => {
            (ErrorCode::NotAllowed, "all accounts are members of this list, which stays")
        }
        StoreDone::LastOwner => (ErrorCode::NotAllowed, "the list would have no owner"),
        StoreDone::UsernameTaken => (ErrorCode::UsernameTaken, "the name is taken"),
        StoreDone::ListFull => {
            (ErrorCode::ListFull, "the list has too many members, or an owner owns too many lists")
        }
        _ => return Response::unavailable(),
    };
    Response::refused(code, text)
}
