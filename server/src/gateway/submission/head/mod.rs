//! The head of a message that a program submits: what the server reads of it, and how it is
//! changed.
//!
//! The author is checked strictly, since programs show it: a head in which some program may read
//! another author is refused. Other fields are read leniently.

use correio_proto::{
    mail::{Subject, Timestamp, Username},
    rfc5322::{AddressList, Form, fields},
};

use super::subject::subject;
use crate::gateway::{address, domain::MailDomain};

/// Most bytes that [`Head::write`] adds: a date, and a Message-ID with the longest domain.
pub const ADDED_MAX: usize = 1024;

/// Fields that are removed from a head: hidden recipients, a field that the server writes itself,
/// and senders that some programs show before the author and the server does not check.
const REMOVED: [&str; 6] =
    ["Bcc", "Resent-Bcc", "Return-Path", "Sender", "Resent-From", "Resent-Sender"];

/// Why a message is refused for its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// The head has more than [`correio_proto::rfc5322::MESSAGE_HEAD_MAX`] bytes.
    TooLong,
    /// The head does not have exactly one field `From` with exactly one address.
    Author,
    /// The author is not the account that is logged in.
    OtherAuthor,
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
            if REMOVED.iter().any(|name| field.is(name)) {
                continue;
            }
            if field.is("From") {
                authors.push(field.text());
            } else if field.is("To") || field.is("Cc") {
                add_named(&field.text(), domain, &mut named);
            } else if field.is("Subject") {
                subject_value.get_or_insert_with(|| field.value());
            } else if field.is("Date") {
                dates.push(field.text());
            } else if field.is("Message-ID") {
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
        [mailbox] if mailbox.form != Form::Odd && !list.has_group => {
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
