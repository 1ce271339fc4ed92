//! The memory that a connection holds.

/// Memory that a connection holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Received bytes that were not processed yet.
    pub input: usize,
    /// Bytes to be sent.
    pub output: usize,
}
