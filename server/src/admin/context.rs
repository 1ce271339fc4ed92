//! What an operator's session borrows from its driver for one call.

use crate::{clock::Now, ids::ConnId, session::effect::Effect};

/// Whether work of many steps goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// The server, or the command without a server, goes on.
    Running,
    /// It was told to stop: work ends after its present step.
    Stopping,
}

/// See the module's description.
pub(crate) struct AdminContext<'a> {
    /// The time.
    pub(crate) now: Now,
    /// The session's connection.
    pub(crate) connection: ConnId,
    /// Whether the driver goes on.
    pub(crate) lifecycle: Lifecycle,
    /// Longest text of a mail, in bytes.
    pub(crate) body_max: usize,
    /// Collects effects on other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
}
