//! What is known of an attachment of a message, and which parts are attachments.

use super::head::{BodyHead, Disposition};

/// Most attachments that are listed; the others are counted.
pub const ATTACHMENTS_MAX: usize = super::walk::PARTS_MAX;

/// A part of a message that is not shown as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Names the attachment within its message, for [`super::AttachmentSaver`]: its position among
    /// all parts, from 0.
    pub index: usize,
    /// The name that the message gives it, at most 1,000 bytes. It may be the name of another
    /// directory's file, or anything else.
    pub name: Option<String>,
    /// The type, such as `image/png`, in lower case, as the message states it.
    pub media_type: String,
    /// Bytes after decoding.
    pub size: u64,
    /// Whether the encoding was broken: what was left out, or kept as it was, is not known.
    pub is_damaged: bool,
}

impl Attachment {
    pub(super) fn of(index: usize, head: &BodyHead) -> Self {
        Self {
            index,
            name: head.name.clone(),
            media_type: format!("{}/{}", head.media.main, head.media.sub),
            size: 0,
            is_damaged: false,
        }
    }
}

/// How a part becomes a part of the text, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Html,
    Attachment,
}

impl Role {
    /// A text without a name, which its author did not attach, is shown.
    pub(super) fn of(head: &BodyHead) -> Self {
        let is_shown = head.disposition == Disposition::Inline && head.name.is_none();
        match head.media.sub.as_str() {
            "plain" if is_shown && head.media.main == "text" => Self::Plain,
            "html" if is_shown && head.media.main == "text" => Self::Html,
            _ => Self::Attachment,
        }
    }
}
