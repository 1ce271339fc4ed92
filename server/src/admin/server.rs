//! The replies to the requests about a running server.

use super::{
    next::Next,
    question::ServerAnswer,
    reply::{AdminErrorCode, AdminReply, ServerView, StatusView},
};
use crate::store::admin::Totals;

/// The reply to a question about a running server.
pub(super) fn reply(answer: ServerAnswer) -> Next {
    match answer {
        ServerAnswer::NotRunning => {
            Next::refused(AdminErrorCode::NotRunning, "no server runs with this data directory")
        }
        ServerAnswer::Sessions { sessions, more } => {
            Next::Reply(AdminReply::Sessions { sessions, more })
        }
        ServerAnswer::Ended(0) => {
            Next::refused(AdminErrorCode::NoSession, "there is no such session")
        }
        ServerAnswer::Ended(sessions) => Next::Reply(AdminReply::Ended { sessions }),
        ServerAnswer::Forgotten(forgotten) => Next::Reply(AdminReply::Unblocked { forgotten }),
        ServerAnswer::Status(_) | ServerAnswer::Waited => {
            Next::refused(AdminErrorCode::Unavailable, "the server gave an unexpected answer")
        }
    }
}

/// The reply with the state of a server, if one runs, and of its store.
pub(super) fn status(server: Option<ServerView>, totals: Totals) -> Next {
    Next::Reply(AdminReply::Status(Box::new(StatusView { server, store: totals.into() })))
}
