//! Why the store refused a job of the operator, as errors for the operator.

use correio_proto::mail::Username;

use super::{next::Next, reply::AdminErrorCode};
use crate::{
    event::Event,
    store::admin::{AdminDone, AdminRefusal},
};

/// The reply to a job that the store refused. A result that is no refusal does not belong to its
/// job: the store has a fault.
pub(super) fn refused(done: AdminDone) -> Next {
    let (code, text) = match done {
        AdminDone::NoAccount => (AdminErrorCode::NoAccount, "there is no such account"),
        AdminDone::NoList => (AdminErrorCode::NoList, "there is no such list"),
        AdminDone::Taken(names) => return taken(names),
        AdminDone::InviteUsed => (
            AdminErrorCode::InviteUsed,
            "the invite is useless already: it has made an account, or it was revoked without being \
             recorded",
        ),
        AdminDone::Refused(refusal) => return by_rule(refusal),
        _ => (AdminErrorCode::Unavailable, "the store gave an unexpected answer"),
    };
    Next::refused(code, text)
}

/// Names are taken.
pub(super) fn taken(names: Vec<Username>) -> Next {
    let text =
        "accounts or lists have these names already, or the server reserves them; nothing was made";
    Next::refused_names(AdminErrorCode::Taken, text, names)
}

/// A rule is against the change, or the store cannot make it now.
fn by_rule(refusal: AdminRefusal) -> Next {
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
        AdminRefusal::Conflict => "another mail of the postmaster has this id",
        AdminRefusal::Unavailable(text) => {
            Event::StoreUnavailable { text: &text }.log();
            return Next::refused(AdminErrorCode::Unavailable, text.as_ref());
        }
    };
    Next::refused(AdminErrorCode::Refused, text)
}
