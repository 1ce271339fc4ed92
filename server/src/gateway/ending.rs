//! The ends of connections that the server brings about.

use crate::limits::admission::Rejection;

/// Why the server ends a connection before the program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server stops.
    ShuttingDown,
    /// The session has ended because its account was changed.
    SessionEnded,
    /// The connection was rejected.
    Rejected(Rejection),
    /// There is no memory for the input.
    NoRoom,
    /// The program was silent for too long, or did not log in in time.
    TimedOut,
}
