//! Counts the sessions of mail programs, for the metrics.

use crate::protocol::Protocol;

/// Numbers of sessions of mail programs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProgramSessions {
    /// Sessions of submission.
    pub(super) submission: usize,
    /// Sessions of POP3.
    pub(super) pop3: usize,
}

impl ProgramSessions {
    /// The number for a protocol; `None` if the protocol is not a gateway's.
    pub(super) fn of(&mut self, protocol: Protocol) -> Option<&mut usize> {
        match protocol {
            Protocol::Submission => Some(&mut self.submission),
            Protocol::Pop3 => Some(&mut self.pop3),
            Protocol::Correio | Protocol::Http | Protocol::Admin => None,
        }
    }
}
