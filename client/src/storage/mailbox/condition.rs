//! Conditions by which mails are selected.

use correio_proto::{directory::Query, mail::Timestamp};

use super::{entry::Entry, flags::Flag, list::MailStatus, words::Words};
use crate::storage::skipped::Skipped;

/// A condition on a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The mail was not read.
    Unread,
    /// The mail is marked as important.
    Important,
    /// The server accepted the mail at this time or later.
    Since(Timestamp),
    /// The server accepted the mail before this time.
    Before(Timestamp),
    /// The sender's username or full name has this part.
    From(Query),
    /// A recipient's username has this part.
    To(Query),
    /// The subject has all of these words.
    Subject(Words),
    /// The subject, the names, the usernames and the text have all of these words. Of a text all is
    /// read, of a message with parts the texts in its first MiB.
    Words(Words),
    /// The mail has attachments.
    HasAttachments,
}

/// The mails that were selected.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// The mails, in the order in which they arrived.
    pub entries: Vec<Entry>,
    /// Number of mails in the whole folder.
    pub total: usize,
    /// Files that are not mails of correio, and files that were to be opened and are damaged or
    /// unreadable.
    pub skipped: Vec<Skipped>,
}

/// What a condition says of a mail of which only the name of its file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByName {
    Met,
    Unmet,
    Unknown,
}

impl Condition {
    pub(super) fn by_name(&self, entry: &Entry) -> ByName {
        let is_met = match self {
            Self::Unread => entry.status() != MailStatus::Read,
            Self::Important => entry.flags().has(Flag::Important),
            Self::Since(time) => entry.sent_at() >= *time,
            Self::Before(time) => entry.sent_at() < *time,
            Self::From(query) if entry.from().as_str().contains(query.as_str()) => true,
            Self::From(_)
            | Self::To(_)
            | Self::Subject(_)
            | Self::Words(_)
            | Self::HasAttachments => return ByName::Unknown,
        };
        if is_met { ByName::Met } else { ByName::Unmet }
    }
}
