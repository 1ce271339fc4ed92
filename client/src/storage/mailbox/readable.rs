//! What a person reads of a mail, and its source.

use std::path::PathBuf;

use super::content::MailText;
use crate::message::MessageView;

/// What a person reads of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readable {
    /// The text.
    Text(MailText),
    /// The message: its text and its attachments.
    Message(Box<MessageView>),
}

/// The beginning of a mail's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSource {
    /// The file.
    pub path: PathBuf,
    /// The text. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub text: String,
    /// Whether the file is longer.
    pub is_cut: bool,
}
