//! The head of a message that a program submits: the server finds its end, reads some fields, and
//! removes and adds others.
//!
//! The author is checked strictly, since programs show it: a head in which some program may read
//! another author is refused. Other fields are read leniently.

use correio_proto::mail::{Subject, Timestamp, Username};

use super::{
    address_list::{AddressList, Form},
    subject::subject,
};
use crate::gateway::{address, domain::MailDomain};

/// Longest head, in bytes. The head of a mail to a hundred recipients has about a tenth of it.
pub const HEAD_MAX: usize = 64 * 1024;

/// Most bytes that [`Head::write`] adds: a date, and a Message-ID with the longest domain.
pub const ADDED_MAX: usize = 1024;

/// Fields that are removed from a head: hidden recipients, a field that the server writes itself,
/// and senders that some programs show before the author and the server does not check.
const REMOVED: [&str; 6] =
    ["Bcc", "Resent-Bcc", "Return-Path", "Sender", "Resent-From", "Resent-Sender"];

/// Why a message is refused for its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// The head has more than [`HEAD_MAX`] bytes.
    TooLong,
    /// The head does not have exactly one field `From` with exactly one address.
    Author,
    /// The author is not the account that is logged in.
    OtherAuthor,
}

/// The end of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadEnd {
    /// Bytes of the fields.
    pub fields: usize,
    /// Position of the body: after the empty line that ends the head, or at the first line that is
    /// not a field.
    pub body: usize,
}

/// A head that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The fields, without the removed ones.
    fields: Vec<u8>,
    /// Accounts and lists of this server that `To` and `Cc` name, in the order of the fields.
    pub named: Vec<Username>,
    /// The subject.
    pub subject: Subject,
    /// The date that the head states, if it can be read.
    pub date: Option<Timestamp>,
    has_date: bool,
    has_message_id: bool,
}

/// Looks for the end of a head in the first bytes of a message, whose lines end with CR LF.
/// `scanned` is 0 at the first call; it keeps the position from which the next call goes on with
/// more bytes.
#[must_use]
pub fn find_end(message: &[u8], scanned: &mut usize) -> Option<HeadEnd> {
    loop {
        let rest = message.get(*scanned..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest)? + 1;
        let line = rest.get(..length).unwrap_or_default();
        let body = match line {
            b"\r\n" => *scanned + length,
            line if is_continuation(line) && *scanned > 0 || field_name(line).is_some() => {
                *scanned += length;
                continue;
            }
            _ => *scanned,
        };
        return Some(HeadEnd { fields: *scanned, body });
    }
}

fn is_continuation(line: &[u8]) -> bool {
    line.starts_with(b" ") || line.starts_with(b"\t")
}

/// The name of the field that begins with this line. White space may stand before the colon, where
/// old programs write some.
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then(|| str::from_utf8(name).ok()).flatten()
}

/// A field with its folded lines.
struct Field<'a> {
    name: &'a str,
    /// The lines with their ends.
    lines: &'a [u8],
}

impl Field<'_> {
    /// The value, unfolded.
    fn value(&self) -> Vec<u8> {
        let colon = self.lines.iter().position(|byte| *byte == b':').unwrap_or_default();
        let value = self.lines.get(colon + 1..).unwrap_or_default();
        value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect()
    }

    /// The value as text, for addresses and dates, which are ASCII.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.value()).into_owned()
    }
}

/// Splits a head into its fields. [`find_end`] must have found each line to be a part of the head.
fn fields(head: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let name = field_name(rest)?;
        let mut length = 0;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            if length > 0 && !is_continuation(line) {
                break;
            }
            length += line.len();
        }
        let (lines, after) = rest.split_at(length);
        rest = after;
        Some(Field { name, lines })
    })
}

impl Head {
    /// Reads the fields of a head, which the account `sender` submits.
    ///
    /// # Errors
    ///
    /// The message is refused for its author.
    pub fn parse(head: &[u8], sender: &Username, domain: &MailDomain) -> Result<Self, HeadFault> {
        let mut authors = Vec::new();
        let (mut kept, mut named) = (Vec::with_capacity(head.len()), Vec::new());
        let (mut subject_value, mut dates, mut has_message_id) = (None, Vec::new(), false);
        for field in fields(head) {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if REMOVED.iter().any(|name| is(name)) {
                continue;
            }
            if is("From") {
                authors.push(field.text());
            } else if is("To") || is("Cc") {
                add_named(&field.text(), domain, &mut named);
            } else if is("Subject") {
                subject_value.get_or_insert_with(|| field.value());
            } else if is("Date") {
                dates.push(field.text());
            } else if is("Message-ID") {
                has_message_id = true;
            }
            kept.extend_from_slice(field.lines);
        }
        check_author(&authors, sender, domain)?;
        Ok(Self {
            fields: kept,
            named,
            subject: subject(subject_value.as_deref()).ok_or(HeadFault::TooLong)?,
            date: dates.first().and_then(|date| parse_date(date)),
            has_date: !dates.is_empty(),
            has_message_id,
        })
    }

    /// Bytes of the kept fields.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.fields.len()
    }

    /// Appends the kept fields, a date and a Message-ID where the head has none, and the empty line
    /// that ends the head.
    pub fn write(&self, date: Timestamp, message_id: &str, message: &mut Vec<u8>) {
        message.extend_from_slice(&self.fields);
        let written = correio_proto::rfc5322::date(date).filter(|_| !self.has_date);
        if let Some(date) = written {
            message.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
        }
        if !self.has_message_id {
            message.extend_from_slice(format!("Message-ID: <{message_id}>\r\n").as_bytes());
        }
        message.extend_from_slice(b"\r\n");
    }
}

/// Adds the usernames of the addresses that are of this server.
fn add_named(value: &str, domain: &MailDomain, named: &mut Vec<Username>) {
    let mailboxes = AddressList::parse(value).mailboxes;
    named.extend(mailboxes.iter().filter_map(|it| address::parse(&it.address, domain).ok()));
}

fn check_author(
    authors: &[String],
    sender: &Username,
    domain: &MailDomain,
) -> Result<(), HeadFault> {
    let [author] = authors else {
        return Err(HeadFault::Author);
    };
    let list = AddressList::parse(author);
    match list.mailboxes.as_slice() {
        [mailbox] if mailbox.form == Form::Plain && !list.has_group => {
            match address::parse(&mailbox.address, domain) {
                Ok(author) if author == *sender => Ok(()),
                Ok(_) | Err(_) => Err(HeadFault::OtherAuthor),
            }
        }
        _ => Err(HeadFault::Author),
    }
}

/// Reads a date of RFC 5322, which has whole seconds. `None` for a date before 1970, too.
fn parse_date(value: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let timestamp = parser.parse_timestamp(value.trim()).ok()?;
    u64::try_from(timestamp.as_millisecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests;
