//! Files in the data directory that are skipped.

use std::path::PathBuf;

/// A file in a mailbox, or among drafts, that is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in English.
    pub reason: String,
}
