//! The result of handling a request of the operator: an answer, or something to wait for.

use correio_proto::mail::Username;

use super::{
    announcing::Announcing,
    question::ServerQuestion,
    reply::{AdminError, AdminErrorCode, AdminReply, CodeView},
};
use crate::store::admin::{AdminJob, Totals};

/// What a handler of a request wants.
#[derive(Debug)]
pub(super) enum Next {
    /// The request is answered.
    Reply(AdminReply),
    /// The request waits for a job of the store.
    Job(AdminJob, Pending),
    /// The request waits for an answer of the server.
    Ask(ServerQuestion, Pending),
}

/// Where a request continues after that.
#[derive(Debug)]
pub(super) enum Pending {
    /// Something is read; the result is the answer.
    Reading,
    /// A change, which is logged under this word with the name that was changed.
    Changing(Change),
    /// Accounts are made, or get codes.
    Coding(Vec<CodeView>),
    /// Sessions of the account of this username are to be ended, once its id is known.
    FindingSessions(Username),
    /// The server acts on this: sessions of an account, a connection, or a blocked address or
    /// account. It is logged under the word if something was changed.
    Acting(&'static str, String),
    /// Mailboxes get an announcement.
    Announcing(Box<Announcing>),
    /// The store counts.
    Counting,
    /// The server is asked for its state, after the store has counted this.
    Asking(Totals),
}

/// A change that a job makes.
#[derive(Debug)]
pub(super) struct Change {
    /// The change's word in the log.
    pub(super) action: &'static str,
    /// Name of the account, list or invite that is changed.
    pub(super) name: String,
    /// What becomes of the account's sessions.
    pub(super) sessions: Sessions,
}

/// What becomes of the sessions of an account that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    /// They go on.
    Continue,
    /// They end.
    End,
}

impl From<AdminError> for Next {
    fn from(error: AdminError) -> Self {
        Self::Reply(AdminReply::Error(error))
    }
}

impl Next {
    /// The request is refused.
    pub(super) fn refused(code: AdminErrorCode, text: impl Into<String>) -> Self {
        AdminError::new(code, text).into()
    }

    /// The request is refused because of names.
    pub(super) fn refused_names(
        code: AdminErrorCode,
        text: impl Into<String>,
        names: Vec<Username>,
    ) -> Self {
        AdminError { names, ..AdminError::new(code, text) }.into()
    }
}
