//! What is true of the server at the moment when its metrics are asked for.

use std::time::Duration;

/// Number of connections by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Mail clients that are not logged in.
    pub(crate) anonymous: usize,
    /// Mail clients that are logged in.
    pub(crate) logged_in: usize,
    /// Rejected clients that are being told so.
    pub(crate) rejected: usize,
    /// Connections of HTTP.
    pub(crate) http: usize,
    /// Most mail clients.
    pub(crate) max: usize,
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
