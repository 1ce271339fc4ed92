//! A mail that is to be sent, and its content: a text in memory or in a file on this computer.
//!
//! A content is read as often as needed: once to measure it, and once or more to send it. A file is
//! in memory a piece at a time.

mod content;
mod error;
mod measure;
mod pieces;
mod text;

pub use content::{OutgoingContent, OutgoingMail};
pub use error::ContentError;
pub(crate) use pieces::ContentPieces;
pub(crate) use text::ContentText;

#[cfg(test)]
mod tests;
