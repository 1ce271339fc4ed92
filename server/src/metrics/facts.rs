//! What is true of the server at the moment when its metrics are asked for.

use std::time::Duration;

/// Number of connections by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Mail clients that are not logged in.
    pub(crate) anonymous: usize,
    /// Mail clients that are logged in.
    pub(crate) logged_in: usize,
    /// Those of submission that are logged in.
    pub(crate) submission: usize,
    /// Those of POP3 that are logged in.
    pub(crate) pop3: usize,
    /// Rejected clients that are being told so.
    pub(crate) rejected: usize,
    /// Connections of HTTP.
    pub(crate) http: usize,
    /// Most mail clients.
    pub(crate) max: usize,
}

impl Connections {
    /// The sessions of each protocol.
    pub(crate) fn sessions(&self) -> [(&'static str, usize); 3] {
        let correio = self.logged_in.saturating_sub(self.submission + self.pop3);
        [("correio", correio), ("submission", self.submission), ("pop3", self.pop3)]
    }
}

/// A number with its bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The present number.
    pub now: usize,
    /// The largest number.
    pub max: usize,
}

/// See the module's description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The server's uptime.
    pub(crate) uptime: Duration,
    /// Connections.
    pub(crate) connections: Connections,
    /// Jobs that wait for the store; `None` if it has no queue.
    pub(crate) store_queue: Option<Level>,
    /// Jobs that wait for a hash worker.
    pub(crate) hash_queue: Option<Level>,
    /// Bytes of incomplete frames.
    pub(crate) input: Level,
    /// Bytes of unread replies.
    pub(crate) output: Level,
    /// Bytes of uploads whose mails were not sent yet.
    pub(crate) uploads: Option<Level>,
    /// Whether the store takes jobs, or the reason why not.
    pub(crate) ready: Result<(), &'static str>,
}
