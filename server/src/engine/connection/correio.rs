//! Messages of correio's own protocol that a connection sends without a handled request.

use correio_proto::message::{ErrorCode, ErrorReply, NewMail, Notice, Reply, ServerMessage};

use crate::{limits::admission::Refusal, session::effect::Arrival};

/// When a client that finds the server full should try again, in seconds.
const FULL_RETRY: u32 = 30;

/// When a client should send a frame again for which there was no memory, in seconds.
const ROOM_RETRY: u32 = 10;

/// A mail arrived in the mailbox of the session's account.
pub(super) fn new_mail(arrival: Arrival) -> ServerMessage {
    let Arrival { from, from_name, subject } = arrival;
    ServerMessage::Notice(Notice::NewMail(NewMail { from, from_name, subject }))
}

/// The client is asked for a sign of life.
pub(super) fn ping() -> ServerMessage {
    ServerMessage::Notice(Notice::Ping {})
}

/// The session has ended because its account was changed.
pub(super) fn session_ended() -> ServerMessage {
    ServerMessage::Notice(Notice::SessionEnded {})
}

/// The server stops.
pub(super) fn shutting_down() -> ServerMessage {
    ServerMessage::Notice(Notice::ShuttingDown {})
}

/// The connection was not admitted.
pub(super) fn not_admitted(refusal: Refusal) -> ServerMessage {
    let text = match refusal {
        Refusal::ServerFull => "the server has no room; try again",
        Refusal::PrefixFull => "there are too many connections from this address; try again",
    };
    busy(text, FULL_RETRY)
}

/// There is no memory for an incomplete frame.
pub(super) fn no_room() -> ServerMessage {
    busy("the server has no room for a frame of this size now; try again", ROOM_RETRY)
}

/// An unsolicited error: it has the request number 0.
fn busy(text: &str, retry_after: u32) -> ServerMessage {
    let mut error = ErrorReply::new(ErrorCode::Busy, text);
    error.retry_after = Some(retry_after);
    ServerMessage::Reply { number: 0, reply: Reply::Error(error) }
}
