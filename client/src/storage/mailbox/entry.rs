//! A mail as the name of its file tells it: no file is opened.

use correio_proto::mail::{MailId, Timestamp, Username};

use super::{flags::Flags, list::MailStatus, scan::MailFile};
use crate::storage::skipped::Skipped;

/// A mail of a folder, of which only the name of its file is known.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) number: usize,
    pub(super) file: MailFile,
}

impl Entry {
    /// The mail's number, from 1: its present position in the folder, by arrival.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether the mail was shown, and read.
    #[must_use]
    pub fn status(&self) -> MailStatus {
        self.file.status()
    }

    /// The mail's flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.file.flags()
    }

    /// Username of the sender.
    #[must_use]
    pub fn from(&self) -> &Username {
        &self.file.name.sender
    }

    /// The mail's id, chosen by its sender.
    #[must_use]
    pub fn id(&self) -> MailId {
        self.file.name.id
    }

    /// When the server accepted the mail.
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.file.name.sent_at
    }
}

/// The mails of a folder, in the order in which they arrived.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The mails.
    pub entries: Vec<Entry>,
    /// Files that are not mails of correio.
    pub skipped: Vec<Skipped>,
}
