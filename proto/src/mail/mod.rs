//! A mail and its parts: types whose values are checked when they are parsed.
//!
//! No value of these types breaks a limit of [`crate::limits`], so later code need not check again.
//! Names, subjects and bodies may still contain characters that a terminal obeys, and must be
//! sanitized before they are shown. Clones are cheap, since texts are shared.

mod content;
mod hasher;
mod id;
mod parts;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};

pub(crate) use self::parts::{
    TextVisitor, UNACCEPTABLE, bounded, one_line, present, text, unacceptable,
};
pub use self::{
    content::{Content, ContentKind, ContentSize, LargeContent, Message, Piece, Sha256},
    hasher::ContentHasher,
    id::{MailId, MailRef},
    parts::{
        Body, Field, FullName, Invalid, Problem, Recipients, Seq, Subject, Timestamp, Username,
    },
};

/// A mail as its recipient gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The mail's number in the store.
    pub seq: Seq,
    /// The id that the sender gave it; unique together with `from`.
    pub id: MailId,
    /// Username of the account that was logged in when the mail was sent.
    pub from: Username,
    /// Full name of that account at that time.
    pub from_name: FullName,
    /// All recipients.
    pub to: Recipients,
    /// When the server accepted the mail.
    pub sent_at: Timestamp,
    /// The mail's subject.
    pub subject: Subject,
    /// The mail's content.
    pub content: Content,
}

/// Wire form of a [`Mail`], whose content is one of the last three fields. The rarer ones
/// are boxed, which keeps the decoder's stack small.
#[derive(Deserialize)]
struct MailFields {
    seq: Seq,
    id: MailId,
    from: Username,
    from_name: FullName,
    to: Recipients,
    sent_at: Timestamp,
    subject: Subject,
    #[serde(default, deserialize_with = "present")]
    body: Option<Body>,
    #[serde(default, deserialize_with = "present")]
    message: Option<Box<Message>>,
    #[serde(default, deserialize_with = "present")]
    content: Option<Box<LargeContent>>,
}

impl MailFields {
    fn mail<E: de::Error>(self) -> Result<Mail, E> {
        let Self { seq, id, from, from_name, to, sent_at, subject, body, message, content } = self;
        let content = Content::of_fields(body, message, content)?;
        Ok(Mail { seq, id, from, from_name, to, sent_at, subject, content })
    }
}

impl<'de> Deserialize<'de> for Mail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MailFields::deserialize(deserializer).and_then(MailFields::mail)
    }
}

impl Serialize for Mail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Mail", 8)?;
        map.serialize_field("seq", &self.seq)?;
        map.serialize_field("id", &self.id)?;
        map.serialize_field("from", &self.from)?;
        map.serialize_field("from_name", &self.from_name)?;
        map.serialize_field("to", &self.to)?;
        map.serialize_field("sent_at", &self.sent_at)?;
        map.serialize_field("subject", &self.subject)?;
        self.content.serialize_field(&mut map)?;
        map.end()
    }
}

impl Mail {
    /// The reference by which a `confirm` names this mail.
    #[must_use]
    pub fn reference(&self) -> MailRef {
        MailRef { seq: self.seq, id: self.id }
    }
}
