//! Replies of one line, which begin with `+OK` or `-ERR`.

use std::fmt::Display;

/// Code of an error (RFC 2449, RFC 3206). By it a program decides whether it asks its user for the
/// password again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The name or the password is wrong.
    Auth,
    /// The server cannot do it now; the name and the password may be right.
    Temporary,
    /// The command cannot succeed until the account or the mailbox is changed.
    Permanent,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "AUTH",
            Self::Temporary => "SYS/TEMP",
            Self::Permanent => "SYS/PERM",
        }
    }
}

/// Appends a success.
pub(super) fn ok(output: &mut Vec<u8>, text: impl Display) {
    output.extend_from_slice(format!("+OK {text}\r\n").as_bytes());
}

/// Appends an error without a code, which concerns this command alone.
pub(super) fn refused(output: &mut Vec<u8>, text: impl Display) {
    output.extend_from_slice(format!("-ERR {text}\r\n").as_bytes());
}

/// Appends an error with a code.
pub(super) fn failed(output: &mut Vec<u8>, code: Code, text: impl Display) {
    refused(output, format_args!("[{}] {text}", code.as_str()));
}

/// Appends a challenge of an exchange, which is in base64.
pub(super) fn challenge(output: &mut Vec<u8>, challenge: &str) {
    output.extend_from_slice(format!("+ {challenge}\r\n").as_bytes());
}
