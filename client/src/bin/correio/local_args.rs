//! The arguments of the commands for mail on this computer.

use std::num::NonZero;

use clap::Args;
use correio_client::{Condition, Flag, FlagChange, Folder};
use jiff::{civil::Date, tz::TimeZone};

use crate::{
    exit::{ExitStatus, Failure},
    mail_number::MailNumber,
    text::Text,
};

/// Arguments of `correio list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only mails that were not read
    #[arg(long)]
    pub(crate) unread: bool,
    /// List only mails that are marked as important
    #[arg(long)]
    pub(crate) important: bool,
    /// List only mails of senders whose username or full name has this part
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// List only mails with attachments
    #[arg(long)]
    pub(crate) has_attachment: bool,
    /// List the mails that were sent
    #[arg(long)]
    pub(crate) sent: bool,
    /// List the newest mail first
    #[arg(long, conflicts_with = "oldest_first")]
    pub(crate) newest_first: bool,
    /// List the oldest mail first, as without this option
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// List one page of 50 mails
    #[arg(long, value_name = "N")]
    pub(crate) page: Option<NonZero<usize>>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

impl ListArgs {
    pub(crate) fn folder(&self) -> Folder {
        if self.sent { Folder::Sent } else { Folder::Received }
    }

    pub(crate) fn order(&self) -> Order {
        if self.newest_first { Order::NewestFirst } else { Order::OldestFirst }
    }

    /// Whether all mails of the folder are listed.
    pub(crate) fn is_whole(&self) -> bool {
        let Self { unread, important, from, has_attachment, page, .. } = self;
        !unread && !important && !has_attachment && from.is_none() && page.is_none()
    }

    pub(crate) fn conditions(&self, text: &Text) -> Result<Vec<Condition>, Failure> {
        let mut conditions = Vec::new();
        if self.unread {
            conditions.push(Condition::Unread);
        }
        if self.important {
            conditions.push(Condition::Important);
        }
        if let Some(from) = &self.from {
            conditions.push(Condition::From(part(text, from)?));
        }
        if self.has_attachment {
            conditions.push(Condition::HasAttachments);
        }
        Ok(conditions)
    }
}

/// Arguments of `correio search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words that must all occur in the subject, the names or the text
    #[arg(value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// Only mails of senders whose username or full name has this part
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Only mails to recipients whose username has this part
    #[arg(id = "recipient", long = "to", value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// Only mails whose subject has these words
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) subject: Option<String>,
    /// Only mails of this day and later
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) since: Option<Date>,
    /// Only mails of this day and before
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<Date>,
    /// Only mails with attachments
    #[arg(long)]
    pub(crate) has_attachment: bool,
    /// Only mails that were sent
    #[arg(long, conflicts_with = "received")]
    pub(crate) sent: bool,
    /// Only mails that were received
    #[arg(long)]
    pub(crate) received: bool,
}

impl SearchArgs {
    pub(crate) fn folders(&self) -> &'static [Folder] {
        match (self.sent, self.received) {
            (true, _) => &[Folder::Sent],
            (_, true) => &[Folder::Received],
            _ => &[Folder::Received, Folder::Sent],
        }
    }

    /// The conditions: at least one.
    pub(crate) fn conditions(&self, text: &Text) -> Result<Vec<Condition>, Failure> {
        let mut conditions = Vec::new();
        let since = self.since.map(start_of);
        let until = self.until.and_then(|day| day.tomorrow().ok()).map(start_of);
        conditions.extend(since.map(Condition::Since));
        conditions.extend(until.map(Condition::Before));
        if let Some(from) = &self.from {
            conditions.push(Condition::From(part(text, from)?));
        }
        if let Some(to) = &self.to {
            conditions.push(Condition::To(part(text, to)?));
        }
        let words = |words: &str| words.parse().map_err(|error| Failure::words(text, error));
        if let Some(subject) = &self.subject {
            conditions.push(Condition::Subject(words(subject)?));
        }
        if self.has_attachment {
            conditions.push(Condition::HasAttachments);
        }
        if !self.words.is_empty() || (conditions.is_empty() && self.until.is_none()) {
            conditions.push(Condition::Words(words(&self.words.join(" "))?));
        }
        Ok(conditions)
    }
}

/// Arguments of `correio delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The mails' numbers in the list
    #[arg(id = "number", value_name = "N", required = true)]
    pub(crate) numbers: Vec<MailNumber>,
}

/// Arguments of `correio mark`.
#[derive(Debug, Args)]
#[group(id = "marks", skip)]
pub(crate) struct MarkArgs {
    /// The mails' numbers in the list
    #[arg(id = "number", value_name = "N", required = true)]
    pub(crate) numbers: Vec<MailNumber>,
    /// Mark the mail as important
    #[arg(long, conflicts_with = "not_important")]
    pub(crate) important: bool,
    /// Take the mark for important mail away
    #[arg(long)]
    pub(crate) not_important: bool,
    /// Mark the mail as read
    #[arg(long, conflicts_with = "unread")]
    pub(crate) read: bool,
    /// Mark the mail as not read
    #[arg(long)]
    pub(crate) unread: bool,
}

impl MarkArgs {
    /// The changes: at least one.
    pub(crate) fn changes(&self, text: &Text) -> Result<Vec<(Flag, FlagChange)>, Failure> {
        let given = [
            (self.important, (Flag::Important, FlagChange::Set)),
            (self.not_important, (Flag::Important, FlagChange::Clear)),
            (self.read, (Flag::Seen, FlagChange::Set)),
            (self.unread, (Flag::Seen, FlagChange::Clear)),
        ];
        let changes: Vec<_> =
            given.into_iter().filter_map(|(is_given, change)| is_given.then_some(change)).collect();
        match changes.is_empty() {
            true => Err(Failure::new(ExitStatus::Usage, "usage", text.of("mark-nothing"))),
            false => Ok(changes),
        }
    }
}

fn part(text: &Text, part: &str) -> Result<correio_proto::directory::Query, Failure> {
    part.parse().map_err(|invalid| Failure::invalid(text, invalid))
}

/// The start of a day where this computer is. Days before 1970 count as its start.
fn start_of(day: Date) -> correio_proto::mail::Timestamp {
    let start = day.to_zoned(TimeZone::system()).map(|start| start.timestamp().as_millisecond());
    correio_proto::mail::Timestamp(u64::try_from(start.unwrap_or_default()).unwrap_or_default())
}
