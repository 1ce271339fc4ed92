//! What an operator's session borrows from its driver for one call.

use crate::{clock::Now, ids::ConnId, session::effect::Effect};

/// See the module's description.
pub(crate) struct AdminContext<'a> {
    /// The time.
    pub(crate) now: Now,
    /// The session's connection.
    pub(crate) connection: ConnId,
    /// Longest text of a mail, in bytes.
    pub(crate) body_max: usize,
    /// Collects effects on other connections.
    pub(crate) effects: &'a mut Vec<Effect>,
}
