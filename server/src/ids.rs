//! Who a job was done for: which connection, and which of its jobs.

use std::fmt;

/// One connection, for ever: its slot in the slab and how many connections there were before it,
/// so that a slot that is used again is another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Slot in the slab.
    pub index: u32,
    /// Counts all connections; no two of a process share it with an index.
    pub generation: u32,
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// One job of one connection. A session takes the answer to the ticket it waits for and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Whose job it is.
    pub connection: ConnId,
    /// Counts the jobs of that connection.
    pub serial: u64,
}
