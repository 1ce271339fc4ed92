//! Whether mails were marked.

/// Whether mails were marked as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// None of the mails is new any more.
    All,
    /// At least one of the mails stays new, because its file system does not support the names.
    NotAll,
}
