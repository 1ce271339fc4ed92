//! Handlers of the requests about lists.

use correio_proto::{
    limits,
    message::{ErrorCode, ErrorReply, ListChange, ListMember, ListRequest, MembersPage, Reply},
};

use crate::{
    event::Event,
    limits::list_creation::ListCreation,
    session::{
        charge::Charge,
        config::DirectoryPolicy,
        context::SessionContext,
        job::{Done, Job},
        pending::{ListStep, Pending},
        response::{Limit, Response},
        state::{Identity, SessionState},
    },
    store::{StoreDone, StoreJob},
};

/// Reads or changes a list.
pub(crate) fn handle(
    state: &mut SessionState,
    context: &mut SessionContext<'_>,
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
    if let Err(wait) = context.throttle.list(context.now.uptime, account) {
        return Response::limited(context, &identity.username, Limit::Lists, wait);
    }
    state.charge = Some(Charge::List(account));
    let (job, step) = match request {
        ListRequest::Mine {} => (StoreJob::ListsOf { account }, ListStep::Reading),
        ListRequest::Members { name, after } => {
            let members = limits::MEMBERS_PAGE_MAX;
            (StoreJob::Members { account, name, after, members }, ListStep::Reading)
        }
        ListRequest::Change { name, change } => {
            let step = match change {
                ListChange::Create { .. } => ListStep::Creating(name.clone()),
                ListChange::Set { .. } | ListChange::Add { .. } | ListChange::Remove { .. } => {
                    ListStep::Changing(name.clone())
                }
                ListChange::Delete {} => ListStep::Deleting(name.clone()),
            };
            (StoreJob::ChangeList { account, name, change }, step)
        }
    };
    Response::Defer(Job::Store(job), Pending::List(step))
}

/// Continues after `step`'s job, whose result is `done`.
pub(crate) fn complete(
    state: &SessionState,
    context: &SessionContext<'_>,
    step: &ListStep,
    done: Done,
) -> Response {
    let (Done::Store(done), Some(identity)) = (done, state.identity()) else {
        return Response::unavailable();
    };
    let (code, text) = match done {
        StoreDone::Lists(lists) => return Response::succeeded(Reply::Lists { lists }),
        StoreDone::Members(page) => {
            let page = shown(context.config.directory, page);
            return Response::succeeded(Reply::Members(page));
        }
        StoreDone::Changed => {
            log(context, identity, step);
            return Response::succeeded(Reply::ListChanged {});
        }
        StoreDone::NoAccount => return Response::account_gone(),
        StoreDone::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return Response::unavailable();
        }
        StoreDone::UnknownRecipients(recipients) => {
            let text = "one or more members are no accounts (a list is no member of a list); nothing \
                        was changed";
            let error = ErrorReply::new(ErrorCode::UnknownRecipient, text);
            return Response::judged(ErrorReply { recipients, ..error });
        }
        StoreDone::NoSuchList => (ErrorCode::NoSuchList, "there is no such list"),
        StoreDone::NotOwner => (ErrorCode::NotAllowed, "only an owner of the list may do this"),
        StoreDone::FixedList => {
            (ErrorCode::NotAllowed, "all accounts are members of this list, which stays")
        }
        StoreDone::LastOwner => (ErrorCode::NotAllowed, "the list would have no owner"),
        StoreDone::UsernameTaken => (ErrorCode::UsernameTaken, "the name is taken"),
        StoreDone::ListFull => {
            (ErrorCode::ListFull, "the list has too many members, or you have made too many lists")
        }
        _ => return Response::unavailable(),
    };
    Response::denied(code, text)
}

/// The page as the server shows it. A server without a directory shows no full names: whoever adds
/// guessed usernames to a list would read them there.
fn shown(directory: DirectoryPolicy, page: MembersPage) -> MembersPage {
    match directory {
        DirectoryPolicy::Members => page,
        DirectoryPolicy::Off => {
            let without_name = |member: ListMember| {
                // Every username is a full name, too.
                let full_name = member.username.as_str().parse().ok()?;
                Some(ListMember { full_name, ..member })
            };
            let members = page.members.into_iter().filter_map(without_name).collect();
            MembersPage { members, ..page }
        }
    }
}

fn log(context: &SessionContext<'_>, identity: &Identity, step: &ListStep) {
    let (username, connection) = (&identity.username, context.connection);
    match step {
        ListStep::Reading => {}
        ListStep::Creating(list) => Event::ListCreated { username, list, connection }.log(),
        ListStep::Changing(list) => Event::ListChanged { username, list, connection }.log(),
        ListStep::Deleting(list) => Event::ListDeleted { username, list, connection }.log(),
    }
}
