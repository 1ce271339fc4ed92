//! The state of the server at the moment at which a client asks for its metrics.

use std::time::Duration;

/// Numbers of connections by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Mail clients (correio's own and mail programs) that are not logged in.
    pub(crate) anonymous: usize,
    /// Mail clients that are logged in.
    pub(crate) logged_in: usize,
    /// Mail programs that are logged in to submission.
    pub(crate) submission: usize,
    /// Mail programs that are logged in to POP3.
    pub(crate) pop3: usize,
    /// Rejected clients that are being told of the rejection.
    pub(crate) rejected: usize,
    /// Connections of HTTP.
    pub(crate) http: usize,
    /// Most mail clients at a time.
    pub(crate) max: usize,
}

impl Connections {
    /// Number of sessions by protocol.
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

/// What a server knows of a store that it may share with others, and that is reached over the
/// network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedStore {
    /// Servers that were seen in the last ten seconds, as of a second ago; `None` if that is not
    /// known yet.
    pub nodes: Option<u64>,
    /// Whether it could be reached just now.
    pub reach: Reach,
    /// Failed logins that the other servers were not told of.
    pub logins_untold: u64,
}

/// Whether a store can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It answers.
    Reached,
    /// It does not answer, or a job waits for it.
    Lost,
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
    /// Bytes of incomplete frames, and of mails that mail programs send.
    pub(crate) input: Level,
    /// Bytes of unread replies, and of mailboxes that mail programs read.
    pub(crate) output: Level,
    /// Bytes of uploads whose mails were not sent yet.
    pub(crate) uploads: Option<Level>,
    /// Whether the store takes jobs, or the reason why not.
    pub(crate) ready: Result<(), &'static str>,
    /// The database, if servers may share the store.
    pub(crate) shared: Option<SharedStore>,
}
