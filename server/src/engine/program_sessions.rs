//! Counts the sessions of mail programs.

use crate::protocol::Protocol;

/// Numbers of sessions of mail programs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProgramSessions {
    /// Of submission.
    pub(super) submission: usize,
    /// Of POP3.
    pub(super) pop3: usize,
}

impl ProgramSessions {
    /// The number of a protocol's sessions; `None` for a protocol that is no gateway's.
    pub(super) fn of(&mut self, protocol: Protocol) -> Option<&mut usize> {
        match protocol {
            Protocol::Submission => Some(&mut self.submission),
            Protocol::Pop3 => Some(&mut self.pop3),
            Protocol::Correio | Protocol::Http | Protocol::Admin => None,
        }
    }
}
