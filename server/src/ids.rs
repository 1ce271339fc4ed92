//! Ids of connections, jobs, accounts and invites.

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

/// The number of an account in its store. Never given to a second account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// A bcrypt string, as made by the server from a credential. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Box<str>);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The number under which the store remembers that an invite was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InviteId(pub [u8; 8]);
