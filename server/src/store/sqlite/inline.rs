//! The columns `body` and `message` of the tables `mail` and `content`: what a mail has in itself.
//!
//! A row has a text, or a message and an empty text. A content in pieces has no text, and a row
//! that names a content has an empty one.

use correio_proto::mail::{Body, Content, Message};
use rusqlite::{
    Result, Row,
    types::{FromSqlError, ValueRef},
};

use super::row::{converted, parsed};
use crate::store::{gateway::Texture, texture::TextureCount};

/// The values of both columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inline<'a> {
    pub(super) body: Option<&'a str>,
    pub(super) message: Option<&'a [u8]>,
}

impl<'a> Inline<'a> {
    /// The values for a content.
    pub(super) fn of(content: &'a Content) -> Self {
        match content {
            Content::Body(body) => Self { body: Some(Body::as_str(body)), message: None },
            Content::Message(message) => Self { body: Some(""), message: Some(message.as_bytes()) },
            Content::Large(_) => Self { body: None, message: None },
        }
    }
}

/// The texture of a content that is not in pieces.
pub(super) fn texture(content: &Content) -> Option<Texture> {
    match content {
        Content::Body(body) => Some(TextureCount::of(body.as_str().as_bytes())),
        Content::Message(message) => Some(TextureCount::of(message.as_bytes())),
        Content::Large(_) => None,
    }
}

/// Reads the content that stands in these two columns.
///
/// # Errors
///
/// A value is damaged.
pub(super) fn content(row: &Row<'_>, body: usize, message: usize) -> Result<Content> {
    if row.get_ref(message)? == ValueRef::Null {
        return parsed(row, body).map(Content::Body);
    }
    converted(row, message, |value| {
        let message = Message::try_from(value.as_blob()?);
        message.map_err(|invalid| FromSqlError::Other(Box::new(invalid))).map(Content::Message)
    })
}
