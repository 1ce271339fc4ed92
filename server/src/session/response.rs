//! The result of handling a request: an answer, or a job to wait for.

use correio_proto::{
    mail::Username,
    message::{ErrorCode, ErrorReply, Reply},
};

use crate::{
    event::Event,
    ids::AccountId,
    limits::throttle::Wait,
    session::{charge::Settlement, context::SessionContext, job::Job, pending::Pending},
};

/// The result of a request's handler.
#[derive(Debug)]
pub(crate) enum Response {
    /// The request is answered.
    Reply(Answer),
    /// The request is answered, and the connection ends.
    Close(Answer),
    /// The request waits for a job.
    Defer(Job, Pending),
}

/// A reply, and its consequences for the server. The handler states them; nothing infers them from
/// the reply.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The reply to the client.
    pub(crate) reply: Reply,
    /// How the request's charge to the throttle is settled, if there is a charge.
    pub(crate) settlement: Settlement,
    /// The change to the session.
    pub(crate) transition: Transition,
}

/// A change of the account that a session is logged in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Nothing changed.
    Unchanged,
    /// The session is logged in as this account now.
    LoggedIn(AccountId),
    /// The session, which was logged in as this account, is anonymous now.
    LoggedOut(AccountId),
    /// The password of the session's account was changed. The account's other sessions end.
    PasswordChanged(AccountId),
    /// An app password of the session's account was revoked. Sessions of gateways end.
    AppPasswordRevoked(AccountId),
    /// The session's account was deleted. The session is anonymous now; the account's other
    /// sessions end.
    AccountDeleted(AccountId),
}

/// A limit that the throttle enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Failed logins, and other wrong passwords.
    Logins,
    /// Registrations from one prefix.
    Registrations,
    /// Mails from one account.
    Mails,
    /// Finds of one account.
    Finds,
    /// Requests of one account about lists.
    Lists,
    /// Requests of one account about app passwords, which count as those about lists.
    AppPasswords,
}

impl Response {
    /// The request succeeded.
    pub(crate) fn succeeded(reply: Reply) -> Self {
        Self::transitioned(reply, Transition::Unchanged)
    }

    /// The request succeeded and changed the session.
    pub(crate) fn transitioned(reply: Reply, transition: Transition) -> Self {
        Self::Reply(Answer { reply, settlement: Settlement::Succeeded, transition })
    }

    /// The same request had succeeded before, and was charged then: this one does not count as a
    /// success.
    pub(crate) fn repeated(reply: Reply) -> Self {
        Self::repeated_with(reply, Transition::Unchanged)
    }

    /// As [`Response::repeated`], with the transition of the first request, of whose success the
    /// server may not have heard.
    pub(crate) fn repeated_with(reply: Reply, transition: Transition) -> Self {
        Self::Reply(Answer { reply, settlement: Settlement::Repeated, transition })
    }

    /// The request was judged and refused: its charge counts as a failure.
    pub(crate) fn denied(code: ErrorCode, text: &str) -> Self {
        Self::judged(ErrorReply::new(code, text))
    }

    /// As [`Response::denied`], with an error that has details.
    pub(crate) fn judged(error: ErrorReply) -> Self {
        Self::Reply(Answer {
            reply: Reply::Error(error),
            settlement: Settlement::Failed,
            transition: Transition::Unchanged,
        })
    }

    /// The request was refused without being judged: its charge is refunded.
    pub(crate) fn refused(code: ErrorCode, text: &str) -> Self {
        Self::error(ErrorReply::new(code, text))
    }

    /// As [`Response::refused`], with an error that has details.
    pub(crate) fn error(error: ErrorReply) -> Self {
        Self::Reply(Answer::unjudged(error))
    }

    /// The client asks too often. Logs the limit.
    pub(crate) fn limited(
        context: &SessionContext<'_>,
        username: &Username,
        limit: Limit,
        wait: Wait,
    ) -> Self {
        let seconds = wait.seconds();
        let (connection, address) = (context.connection, context.peer);
        let wait = seconds;
        Event::RequestLimited { username, connection, address, limit: limit.as_str(), wait }.log();
        let mut error = ErrorReply::new(ErrorCode::RateLimited, limit.text());
        error.retry_after = Some(seconds);
        Self::error(error)
    }

    /// The store or a worker could not do its job.
    pub(crate) fn unavailable() -> Self {
        Self::refused(ErrorCode::Unavailable, "the server could not do this now; try again")
    }

    /// The session's account does not exist any more.
    pub(crate) fn account_gone() -> Self {
        let text = "the account does not exist any more";
        Self::closing(ErrorReply::new(ErrorCode::NotAuthenticated, text))
    }

    /// As [`Response::error`]; the connection ends after the error.
    pub(crate) fn closing(error: ErrorReply) -> Self {
        Self::Close(Answer::unjudged(error))
    }
}

impl Answer {
    fn unjudged(error: ErrorReply) -> Self {
        let reply = Reply::Error(error);
        Self { reply, settlement: Settlement::Unanswered, transition: Transition::Unchanged }
    }
}

impl Limit {
    /// The limit's name in the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Logins => "logins",
            Self::Registrations => "registrations",
            Self::Mails => "mails",
            Self::Finds => "finds",
            Self::Lists => "lists",
            Self::AppPasswords => "app_passwords",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Logins => "too many attempts to log in from this address; try again later",
            Self::Registrations => "too many registrations from this address; try again later",
            Self::Mails => "too many mails from this account; try again later",
            Self::Finds => "this account looks people up too often; try again later",
            Self::Lists => "too many requests about lists from this account; try again later",
            Self::AppPasswords => {
                "too many requests about app passwords from this account; try again later"
            }
        }
    }
}
