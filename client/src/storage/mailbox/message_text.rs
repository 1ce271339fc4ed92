//! What a search reads of an RFC 5322 message: its texts, and whether it has attachments.

use crate::message::MessageView;

/// Most bytes that a search reads of a message: more than its texts take, which stand first.
pub(super) const MESSAGE_MAX: u64 = 1 << 20;

/// What a search reads of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SearchText {
    /// The text that is shown of the message.
    pub(super) text: String,
    /// Whether the message has parts that are no text to show.
    pub(super) has_attachments: bool,
}

/// Reads the beginning of a message as a reader sees it. Bytes that are no message are a text.
pub(super) fn search_text(message: &[u8]) -> SearchText {
    // Bytes in memory are read without errors.
    let Ok(view) = MessageView::read(message) else { return SearchText::default() };
    let has_attachments = !view.attachments.is_empty() || view.more_parts > 0;
    SearchText { text: view.text.text, has_attachments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_nested_as_deep_as_their_bytes_allow_are_read() {
        for line in [
            "Content-Type: message/rfc822\r\n\r\n",
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
        ] {
            let nested = line.repeat(MESSAGE_MAX as usize / line.len());
            let text = search_text(nested.as_bytes()).text;
            assert!(text.len() <= nested.len());
        }
        assert_eq!(search_text(b"Subject: x\r\n\r\nOi\r\n").text.trim(), "Oi");
    }
}
