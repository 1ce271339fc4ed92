//! The fields of a message's head that a person reads and an answer needs, as texts.

use correio_proto::mail::Username;
use mail_parser::{Address, HeaderValue, Message};

use super::{
    head::{Completeness, cut},
    message_id::MessageId,
};

/// Longest text of a field, in bytes.
const TEXT_MAX: usize = 16 * 1024;

/// Most Message-IDs that are read of one field.
const IDS_MAX: usize = 200;

/// The fields of a message's head, decoded, of at most 16 KiB each. A field that is missing is
/// empty.
///
/// Everything here is what the message says of itself. Who sent a mail is known from the mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFields {
    /// The authors: names and addresses, separated by commas.
    pub from: String,
    /// The recipients, as `from`.
    pub to: String,
    /// The recipients of copies, as `from`.
    pub cc: String,
    /// The date in RFC 3339.
    pub date: String,
    /// The subject.
    pub subject: String,
    /// The message's id.
    pub message_id: Option<MessageId>,
    /// The messages that this one answers.
    pub in_reply_to: Vec<MessageId>,
    /// The messages of the thread, the first one first; at most 200.
    pub references: Vec<MessageId>,
    /// Whether fields of this message, or heads of its parts, were too long to be read whole.
    pub is_cut: bool,
    /// The addresses of `from`.
    pub(super) authors: Vec<String>,
}

/// Who the author of a message is, by its own field `From`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromField {
    /// The message names no author.
    Absent,
    /// The author is the sender of the mail.
    Sender,
    /// The author is not the sender, or not the sender alone. A program marks the message, and
    /// shows the sender.
    Other,
}

impl MessageFields {
    /// The fields of a parsed head.
    pub(super) fn of(head: &Message<'_>, completeness: Completeness) -> Self {
        let authors = head.from().map(|from| {
            from.iter().filter_map(|author| author.address()).map(|address| cut(address, TEXT_MAX))
        });
        Self {
            from: addresses(head.from()),
            to: addresses(head.to()),
            cc: addresses(head.cc()),
            date: head.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default(),
            subject: cut(head.subject().unwrap_or_default(), TEXT_MAX).to_owned(),
            message_id: head.message_id().and_then(|id| id.parse().ok()),
            in_reply_to: ids(head.in_reply_to()),
            references: ids(head.references()),
            is_cut: completeness == Completeness::Cut,
            authors: authors.into_iter().flatten().map(str::to_owned).collect(),
        }
    }

    /// Compares the message's own authors with the sender of the mail. Only the part before the `@`
    /// is compared, since a server has several names.
    #[must_use]
    pub fn from_field(&self, sender: &Username) -> FromField {
        match self.authors.as_slice() {
            [] if self.from.is_empty() => FromField::Absent,
            [author] => {
                let local = author.rsplit_once('@').map_or(author.as_str(), |(local, _)| local);
                match local.trim_matches('"').eq_ignore_ascii_case(sender.as_str()) {
                    true => FromField::Sender,
                    false => FromField::Other,
                }
            }
            _ => FromField::Other,
        }
    }
}

fn addresses(addresses: Option<&Address<'_>>) -> String {
    let mut text = String::new();
    for address in addresses.into_iter().flat_map(Address::iter) {
        if text.len() > TEXT_MAX {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        match (address.name().filter(|name| !name.is_empty()), address.address()) {
            (Some(name), Some(address)) => text.push_str(&format!("{name} <{address}>")),
            (Some(one), None) | (None, Some(one)) => text.push_str(one),
            (None, None) => {}
        }
    }
    cut(&text, TEXT_MAX).to_owned()
}

/// The Message-IDs of a field; the last ones, if there are too many.
fn ids(value: &HeaderValue<'_>) -> Vec<MessageId> {
    let ids: Vec<MessageId> = match value {
        HeaderValue::Text(id) => id.parse().into_iter().collect(),
        HeaderValue::TextList(ids) => ids.iter().filter_map(|id| id.parse().ok()).collect(),
        _ => vec![],
    };
    let skipped = ids.len().saturating_sub(IDS_MAX);
    ids.into_iter().skip(skipped).collect()
}
