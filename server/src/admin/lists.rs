//! Handlers of the requests about lists.

use correio_proto::{limits, mail::Username, message::ListChange};

use super::{
    reply::{AdminErrorCode, AdminReply},
    step::{Change, Next, Pending, Sessions, taken},
};
use crate::{
    event::Event,
    store::admin::{AdminDone, AdminJob, AdminRefusal},
};

/// Lists in one reply.
const LISTS_PAGE: usize = 500;

/// Reads lists.
pub(super) fn lists(after: Option<Username>) -> Next {
    Next::Job(AdminJob::Lists { after, lists: LISTS_PAGE }, Pending::Reading)
}

/// Reads members.
pub(super) fn members(name: Username, after: Option<Username>) -> Next {
    let job = AdminJob::Members { name, after, members: limits::MEMBERS_PAGE_MAX };
    Next::Job(job, Pending::Reading)
}

/// Changes a list.
pub(super) fn change(name: Username, change: ListChange) -> Next {
    let action = match &change {
        ListChange::Create { .. } => "list_create",
        ListChange::Set { .. } => "list_set",
        ListChange::Add { .. } => "list_add",
        ListChange::Remove { .. } => "list_remove",
        ListChange::Delete {} => "list_delete",
    };
    let logged = name.as_str().to_owned();
    let pending = Change { action, name: logged, sessions: Sessions::Continue };
    Next::Job(AdminJob::ChangeList { name, change }, Pending::Changing(pending))
}

/// The reply with members.
pub(super) fn page(page: correio_proto::message::MembersPage) -> Next {
    let correio_proto::message::MembersPage { list, members, more } = page;
    Next::Reply(AdminReply::Members { list, members, more })
}

/// Why the store refused a change.
pub(super) fn refused(refusal: AdminRefusal) -> Next {
    let text = match refusal {
        AdminRefusal::Taken => return taken(Vec::new()),
        AdminRefusal::UnknownAccounts(names) => {
            let text = "there are no such accounts; nothing was changed";
            return Next::refused_names(AdminErrorCode::NoAccount, text, names);
        }
        AdminRefusal::FixedList => "all accounts are members of this list, which stays",
        AdminRefusal::LastOwner => "the list would have no owner",
        AdminRefusal::ListFull => {
            "the list would have too many members, or an account too many lists"
        }
        AdminRefusal::Conflict => "the store refused the change",
        AdminRefusal::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return Next::refused(AdminErrorCode::Unavailable, text.as_ref());
        }
    };
    Next::refused(AdminErrorCode::Refused, text)
}

/// The reply with lists.
pub(super) fn listed(done: AdminDone) -> Next {
    match done {
        AdminDone::Lists { lists, more } => Next::Reply(AdminReply::Lists { lists, more }),
        other => Next::unexpected(&other),
    }
}
