//! The white space of a sanitized text.

/// The white space that is kept in a sanitized text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhiteSpace {
    /// None: the text becomes one line.
    OneLine,
    /// Line ends and tabs.
    Lines,
}
