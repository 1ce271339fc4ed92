//! Where what is seen of all connections is recorded.

use correio_proto::{mail::Timestamp, message::ErrorCode};

use crate::{ledger::Ledger, trace::Trace};

/// Where the wire observer records what it sees.
pub(crate) struct Observer<'a> {
    pub(crate) now: u64,
    /// The server's wall clock.
    pub(crate) wall: Timestamp,
    /// Largest content, and shortest piece within a content, that the server takes.
    pub(crate) content_max: u64,
    pub(crate) piece_min: usize,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) failed_logins: &'a mut Vec<LoginTrace>,
    pub(crate) trace: &'a mut Trace,
}

/// A failed login as an attacker sees it: the protocol's name, jobs, error code and text.
pub(crate) type LoginTrace = (&'static str, Vec<&'static str>, ErrorCode, String);
