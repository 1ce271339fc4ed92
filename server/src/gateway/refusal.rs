//! Refusals of both gateways: their equivalents in correio's own protocol, and the texts that both
//! protocols word alike.

use correio_proto::message::ErrorCode;

use super::{ending::Ending, sasl::SaslError};
use crate::metrics::counts::RequestKind;

/// A refused command or mail, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GatewayRefusal {
    /// The equivalent error of correio's own protocol.
    pub(crate) code: ErrorCode,
    /// The kind of the refused request, where it is refused before it asks the store. `None` for
    /// the kind of what was asked; if nothing was asked, the refusal counts for no kind.
    pub(crate) kind: Option<RequestKind>,
}

/// Whether a refusal is logged as an event of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logging {
    /// The refusal is logged.
    Own,
    /// Another event reports the refusal, and says more.
    Other,
}

/// The line is not a command.
pub(super) const UNKNOWN_COMMAND: &str = "there is no such command";

/// The line has more bytes than the server reads.
pub(super) const LONG_LINE: &str = "the line is too long";

/// The program is logged in already.
pub(super) const LOGGED_IN: &str = "the program is logged in already";

/// The mechanism is not offered.
pub(super) const MECHANISMS: &str = "the mechanisms are PLAIN and LOGIN";

/// The account does not exist any more.
pub(super) const NO_ACCOUNT: &str = "the account does not exist any more";

/// A queue is full.
pub(super) const BUSY: &str = "the server has too much to do; try again later";

/// The store could not do its job.
pub(super) const UNAVAILABLE: &str = "the server could not do this now; try again later";

/// The text for an exchange that ended without a name and a password.
pub(super) fn sasl(error: SaslError) -> &'static str {
    match error {
        SaslError::Cancelled => "authentication was cancelled",
        SaslError::Encoding => "the answer must be in base64",
        SaslError::Malformed => "the answer does not have the form of this mechanism",
    }
}

/// The text for the end of a connection.
pub(super) fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::ShuttingDown => "the server stops; try again later",
        Ending::SessionEnded => "the account was changed; log in again",
        Ending::Rejected(_) => "too many connections; try again later",
        Ending::NoRoom => "the server has no memory for this now; try again later",
        Ending::TimedOut => "the connection was silent for too long",
    }
}
