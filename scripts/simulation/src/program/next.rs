//! What a program does after a line of the server.

/// What follows a line of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More lines.
    Wait,
    /// The message was taken; the program quits.
    Accepted,
    /// The message was refused for good; the program quits.
    Refused,
    /// The connection is dropped.
    Leave,
}
