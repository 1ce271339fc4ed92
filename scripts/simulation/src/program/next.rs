//! The next act of a program after a line of the server.

/// What a program does after a line of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait for more lines.
    Wait,
    /// Drop the message, which the server has accepted, and wait for the reply to `QUIT`.
    Accepted,
    /// Drop the message, which the server has refused for good, and wait for the reply to `QUIT`.
    Refused,
    /// Drop the connection.
    Leave,
}
