//! The values that pass between a dialogue and its connection.

use crate::{limits::admission::Rejection, session::effect::Arrival};

/// What the connection must do after its dialogue handled a request or a job's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on: the dialogue has replied, or waits for a job.
    Continue,
    /// Go on with a client that has logged out, or that never logs in and was answered: the login
    /// timeout starts anew.
    Restarted,
    /// Begin TLS once the pending output is sent. No request is taken before.
    StartTls,
    /// Close after the pending output.
    Close,
}

/// The result of taking a request from the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is no complete request.
    Nothing,
    /// A request was handled.
    Request(Step),
    /// A chunk of a mail was handled, too little to be a sign of life.
    Chunk(Step),
    /// The input was not a request.
    Refused(Step),
}

/// Something that the server tells a client without being asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notification<'a> {
    /// A mail arrived in the mailbox of the session's account.
    MailArrived(&'a Arrival),
    /// The client must give a sign of life.
    Ping,
    /// The session has ended because its account was changed.
    SessionEnded,
    /// The server stops.
    ShuttingDown,
    /// The connection was rejected.
    Rejected(Rejection),
    /// There is no memory for an incomplete request.
    NoRoom,
    /// The client was silent for too long, or did not log in in time.
    TimedOut,
}
