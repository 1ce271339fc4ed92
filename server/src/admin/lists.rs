//! Handlers of the requests about lists.

use correio_proto::{limits, mail::Username, message::ListChange};

use super::{
    next::{Change, Next, Pending, Sessions},
    refusal::refused,
    reply::AdminReply,
};
use crate::store::admin::{AdminDone, AdminJob};

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

/// The reply with lists.
pub(super) fn listed(done: AdminDone) -> Next {
    match done {
        AdminDone::Lists { lists, more } => Next::Reply(AdminReply::Lists { lists, more }),
        other => refused(other),
    }
}
