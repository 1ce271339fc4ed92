//! What a search reads of an RFC 5322 message: its texts, and whether it has attachments.

use mail_parser::MessageParser;

/// Most bytes that a search reads of a message: more than its texts take, which stand first.
pub(super) const MESSAGE_MAX: u64 = 1 << 20;

/// Most parts whose text is read.
const PARTS_MAX: usize = 100;

/// What a search reads of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SearchText {
    /// The texts of the message, HTML as text, each once.
    pub(super) texts: Vec<String>,
    /// Whether the message has parts that are no text to show.
    pub(super) has_attachments: bool,
}

/// Reads the beginning of a message. Bytes that are no message are a text.
pub(super) fn search_text(message: &[u8]) -> SearchText {
    let Some(parsed) = MessageParser::default().parse(message) else {
        let texts = vec![String::from_utf8_lossy(message).into_owned()];
        return SearchText { texts, has_attachments: false };
    };
    let count = parsed.text_body_count().min(PARTS_MAX);
    let texts = (0..count).filter_map(|part| parsed.body_text(part)).map(Into::into).collect();
    SearchText { texts, has_attachments: parsed.attachment_count() > 0 }
}
