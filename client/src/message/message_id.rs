//! The Message-ID of a message (RFC 5322, 3.6.4), without its angle brackets.

use std::{fmt, str::FromStr};

use correio_proto::{
    mail::{MailId, Username},
    rfc5322,
};

/// Longest Message-ID that is taken from a message, in bytes: a line of RFC 5322 has 998.
const MESSAGE_ID_MAX: usize = 900;

/// Identifies a message: 1 to 900 printable ASCII characters without white space and angle
/// brackets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

/// A text is no [`MessageId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Message-ID has 1 to 900 printable ASCII characters without white space, `<` and `>`")]
pub struct InvalidMessageId;

impl MessageId {
    /// The id of a mail's message, whether the mail is a text or a message: the same in every copy
    /// of the mail at addresses of this domain.
    ///
    /// # Errors
    ///
    /// The domain has characters that an id must not have.
    pub fn of_mail(id: MailId, sender: &Username, domain: &str) -> Result<Self, InvalidMessageId> {
        rfc5322::message_id(id, sender, domain).parse()
    }

    /// The text, without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    /// Parses a text with or without angle brackets.
    fn from_str(text: &str) -> Result<Self, InvalidMessageId> {
        let text = text.trim();
        let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
        let text = inner.unwrap_or(text);
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>');
        match text.len() {
            1..=MESSAGE_ID_MAX if text.bytes().all(is_allowed) => Ok(Self(text.to_owned())),
            _ => Err(InvalidMessageId),
        }
    }
}

impl fmt::Display for MessageId {
    /// Writes the text without angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_no_character_that_ends_a_field() {
        for (text, expected) in [
            ("<a@b>", Some("a@b")),
            (" a@b ", Some("a@b")),
            ("", None),
            ("<>", None),
            ("a b", None),
            ("a\r\nBcc: x", None),
            ("a>b", None),
            ("é@b", None),
        ] {
            let parsed: Result<MessageId, _> = text.parse();
            assert_eq!(parsed.as_ref().ok().map(MessageId::as_str), expected, "{text:?}");
        }
        let parsed: Result<MessageId, _> = "a".repeat(901).parse();
        assert_eq!(parsed, Err(InvalidMessageId));
    }
}
