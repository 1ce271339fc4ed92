//! The content of a mail: a text or an RFC 5322 message, within the request or in pieces.
//!
//! A client uploads a large content before it sends the mail, and its recipients read it piece by
//! piece. So the memory of either side is bounded by a piece, whatever the content's size.

use std::{fmt, marker::PhantomData, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};

use super::parts::{Body, Field, Invalid, Problem, unacceptable};
use crate::limits;

/// The content of a mail. On the wire it is one of three fields of the mail: `body`, `message` or
/// `content`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text, in the request itself.
    Body(Body),
    /// An RFC 5322 message, in the request itself. Capability `messages`.
    Message(Message),
    /// A content that is uploaded and read in pieces.
    Large(LargeContent),
}

impl Content {
    /// Bytes of the content, which count towards the quota of a mailbox.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Body(body) => body.as_str().len() as u64,
            Self::Message(message) => message.as_bytes().len() as u64,
            Self::Large(large) => large.size.get(),
        }
    }

    /// Bytes of the content that are in the request itself: none of a large content.
    #[must_use]
    pub fn inline_size(&self) -> usize {
        match self {
            Self::Body(body) => body.as_str().len(),
            Self::Message(message) => message.as_bytes().len(),
            Self::Large(_) => 0,
        }
    }

    /// Whether the content's bytes are a text or an RFC 5322 message.
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        match self {
            Self::Body(_) => ContentKind::Text {},
            Self::Message(_) => ContentKind::Message {},
            Self::Large(large) => large.kind,
        }
    }

    /// The text, if the content is one that is in the request itself.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Body(body) => Some(body),
            Self::Message(_) | Self::Large(_) => None,
        }
    }

    /// Writes the content into the wire form of its mail, as `body`, `message` or `content`.
    pub(crate) fn serialize_field<S: SerializeStruct>(&self, map: &mut S) -> Result<(), S::Error> {
        match self {
            Self::Body(body) => map.serialize_field("body", body),
            Self::Message(message) => map.serialize_field("message", message),
            Self::Large(large) => map.serialize_field("content", large),
        }
    }

    /// The content of a mail whose wire form has these three fields.
    ///
    /// # Errors
    ///
    /// The mail has several of these fields, or none.
    pub(crate) fn of_fields<E: de::Error>(
        body: Option<Body>,
        message: Option<Box<Message>>,
        content: Option<Box<LargeContent>>,
    ) -> Result<Self, E> {
        match (body, message, content) {
            (Some(body), None, None) => Ok(Self::Body(body)),
            (None, Some(message), None) => Ok(Self::Message(*message)),
            (None, None, Some(large)) => Ok(Self::Large(*large)),
            (None, None, None) => Err(E::missing_field("body")),
            _ => Err(E::custom("a mail has one of body, message and content")),
        }
    }
}

impl FromStr for Content {
    type Err = Invalid;

    /// Parses a body.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self::Body)
    }
}

impl From<Body> for Content {
    fn from(body: Body) -> Self {
        Self::Body(body)
    }
}

impl From<Message> for Content {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

/// An RFC 5322 message, which the server keeps to the byte and never parses: 1 to
/// [`limits::BODY_MAX`] bytes (a server may allow less). Clones share the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message(Arc<[u8]>);

impl Message {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Message {
    type Error = Invalid;

    fn try_from(bytes: &[u8]) -> Result<Self, Invalid> {
        let problem = match bytes.len() {
            0 => Problem::Empty,
            1..=limits::BODY_MAX => return Ok(Self(bytes.into())),
            _ => Problem::TooLong(limits::BODY_MAX),
        };
        Err(Invalid { field: Field::Message, problem })
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message of {} bytes", self.0.len())
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes(PhantomData))
    }
}

/// What the bytes of a content are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// A text in UTF-8, as a body is.
    Text {},
    /// An RFC 5322 message. Capability `messages`.
    Message {},
}

impl Default for ContentKind {
    fn default() -> Self {
        Self::Text {}
    }
}

impl ContentKind {
    fn is_text(&self) -> bool {
        *self == Self::Text {}
    }
}

/// What a mail states of a large content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeContent {
    /// What the content's bytes are: a text, unless it is stated.
    #[serde(default, skip_serializing_if = "ContentKind::is_text")]
    pub kind: ContentKind,
    /// Bytes of the content.
    pub size: ContentSize,
    /// SHA-256 of the content, as its sender states it. A recipient compares it after the last
    /// piece. The server never computes it.
    pub sha256: Sha256,
}

/// Bytes of a large content: 1 to [`limits::CONTENT_MAX`] (a server may allow less).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ContentSize(u64);

impl ContentSize {
    /// The number of bytes.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for ContentSize {
    type Error = Invalid;

    fn try_from(size: u64) -> Result<Self, Invalid> {
        let problem = match size {
            0 => Problem::Empty,
            1..=limits::CONTENT_MAX => return Ok(Self(size)),
            _ => Problem::TooLong(usize::try_from(limits::CONTENT_MAX).unwrap_or(usize::MAX)),
        };
        Err(Invalid { field: Field::Content, problem })
    }
}

impl<'de> Deserialize<'de> for ContentSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer)?.try_into().map_err(unacceptable)
    }
}

/// A SHA-256 digest: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl FromStr for Sha256 {
    type Err = Invalid;

    /// Parses 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid { field: Field::Content, problem: Problem::Form };
        // `u8::from_str_radix` would take a sign.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid);
        }
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A part of a large content: at most [`limits::PIECE_MAX`] bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Piece(Arc<[u8]>);

impl Piece {
    /// A piece without bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::default())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Piece {
    type Error = Invalid;

    fn try_from(bytes: &[u8]) -> Result<Self, Invalid> {
        if bytes.len() > limits::PIECE_MAX {
            let problem = Problem::TooLong(limits::PIECE_MAX);
            return Err(Invalid { field: Field::Piece, problem });
        }
        Ok(Self(bytes.into()))
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes(PhantomData))
    }
}

/// Parses bytes from the wire without copying them first.
struct Bytes<T>(PhantomData<T>);

impl<T: for<'a> TryFrom<&'a [u8], Error = Invalid>> de::Visitor<'_> for Bytes<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        bytes.try_into().map_err(unacceptable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: u64) -> Result<ContentSize, Invalid> {
        ContentSize::try_from(bytes)
    }

    fn large(bytes: u64) -> Content {
        let kind = ContentKind::default();
        Content::Large(LargeContent { kind, size: size(bytes).unwrap(), sha256: Sha256([7; 32]) })
    }

    #[test]
    fn a_content_has_at_least_a_byte_and_at_most_the_limit() {
        let refused = |problem| Err(Invalid { field: Field::Content, problem });
        assert_eq!(size(0), refused(Problem::Empty));
        assert_eq!(size(1).unwrap().get(), 1);
        assert_eq!(size(limits::CONTENT_MAX).unwrap().get(), limits::CONTENT_MAX);
        let too_long = Problem::TooLong(limits::CONTENT_MAX as usize);
        assert_eq!(size(limits::CONTENT_MAX + 1), refused(too_long));
        assert_eq!(size(u64::MAX), refused(too_long));
    }

    #[test]
    fn a_piece_may_be_empty_and_has_at_most_the_limit() {
        let piece = |length| Piece::try_from(&vec![1; length][..]);
        for length in [0, 1, limits::PIECE_MAX] {
            assert_eq!(piece(length).unwrap().as_bytes(), vec![1; length]);
        }
        let problem = Problem::TooLong(limits::PIECE_MAX);
        let refused = Err(Invalid { field: Field::Piece, problem });
        assert_eq!(piece(limits::PIECE_MAX + 1), refused);
    }

    #[test]
    fn a_message_has_at_least_a_byte_and_at_most_the_limit() {
        let message = |length| Message::try_from(&vec![0xff; length][..]);
        let refused = |problem| Err(Invalid { field: Field::Message, problem });
        assert_eq!(message(0), refused(Problem::Empty));
        for length in [1, limits::BODY_MAX] {
            assert_eq!(message(length).unwrap().as_bytes(), vec![0xff; length]);
        }
        assert_eq!(message(limits::BODY_MAX + 1), refused(Problem::TooLong(limits::BODY_MAX)));
        // Its bytes are other people's, and are no line of a log.
        assert_eq!(format!("{:?}", message(3).unwrap()), "message of 3 bytes");
    }

    #[test]
    fn a_content_is_a_text_or_a_message_wherever_its_bytes_are() {
        let message = Content::from(Message::try_from(&b"\n\0"[..]).unwrap());
        assert_eq!((message.size(), message.inline_size()), (2, 2));
        assert_eq!(message.body(), None);
        assert_eq!(message.kind(), ContentKind::Message {});
        let body: Content = "\n\0".parse().unwrap();
        assert_eq!(body.kind(), ContentKind::Text {});
        assert_ne!(body, message);
        let Content::Large(text) = large(2) else { unreachable!() };
        let large = LargeContent { kind: ContentKind::Message {}, ..text };
        assert_eq!(Content::Large(text).kind(), ContentKind::Text {});
        assert_eq!(Content::Large(large).kind(), ContentKind::Message {});
        assert_ne!(text, large);
    }

    #[test]
    fn the_size_counts_the_whole_content_and_the_request_has_what_is_not_in_pieces() {
        let body: Content = "ção".parse().unwrap();
        assert_eq!((body.size(), body.inline_size()), (5, 5));
        assert_eq!(body.body().map(Body::as_str), Some("ção"));
        let large = large(limits::CONTENT_MAX);
        assert_eq!((large.size(), large.inline_size()), (limits::CONTENT_MAX, 0));
        assert_eq!(large.body(), None);
    }

    #[test]
    fn a_digest_is_written_in_hexadecimal_and_a_piece_as_its_length() {
        let digest = Sha256(std::array::from_fn(|at| at as u8 * 8));
        assert!(digest.to_string().starts_with("0008101820"));
        assert_eq!(format!("{digest:?}").len(), 64);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        for text in ["", "00", &"+7".repeat(32), &"é".repeat(32), &"0g".repeat(32)] {
            let parsed: Result<Sha256, _> = text.parse();
            assert!(parsed.is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", Piece::try_from(&b"abc"[..]).unwrap()), "3 bytes");
    }
}
