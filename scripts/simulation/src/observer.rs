//! Where what is seen of all connections is recorded.

use std::fmt::Arguments;

use correio_proto::{mail::Timestamp, message::ErrorCode};

use crate::{ledger::Ledger, trace::Trace};

/// Where the wire observer records what it sees.
pub(crate) struct Observer<'a> {
    pub(crate) now: u64,
    /// The server's wall clock.
    pub(crate) wall: Timestamp,
    /// Number of the server whose connections are observed.
    pub(crate) server: usize,
    /// Largest content, and shortest piece within a content, that the server takes.
    pub(crate) content_max: u64,
    pub(crate) piece_min: usize,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) failed_logins: &'a mut Vec<LoginTrace>,
    pub(crate) trace: &'a mut Trace,
}

/// A failed login as an attacker sees it: the protocol's name, jobs, error code and text.
pub(crate) type LoginTrace = (&'static str, Vec<&'static str>, ErrorCode, String);

impl Observer<'_> {
    /// Adds something that the server does to the trace.
    pub(crate) fn note(&mut self, what: Arguments<'_>) {
        let name = if self.server == 0 { "server" } else { "server 1" };
        self.trace.note(name, what);
    }
}
