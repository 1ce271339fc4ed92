//! Lists of the mails in a mailbox.

use correio_proto::{
    mail::{FullName, MailId, Recipients, Seq, Subject, Timestamp, Username},
    rfc5322::FileName,
};

use super::{flags::Flags, folder::Folder};
use crate::storage::skipped::Skipped;

/// Whether a mail was shown, and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStatus {
    /// Never shown.
    New,
    /// Shown in a list.
    Unread,
    /// Read, here or in another mail program.
    Read,
}

/// A mail of the local mailbox, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The folder that has it.
    pub folder: Folder,
    /// Its number, from 1: its present position in its folder, by arrival.
    pub number: usize,
    /// Whether it was shown, and read.
    pub status: MailStatus,
    /// What was done with it.
    pub flags: Flags,
    /// The mail's id, chosen by its sender.
    pub id: MailId,
    /// Its sequence number in the server's store; 0 of a mail that was sent.
    pub seq: Seq,
    /// Username of the sender.
    pub from: Username,
    /// Full name of the sender.
    pub from_name: FullName,
    /// The recipients.
    pub to: Recipients,
    /// When the server accepted the mail.
    pub sent_at: Timestamp,
    /// Its subject.
    pub subject: Subject,
    /// The parsed name of its file.
    pub(super) name: FileName,
}

/// Part of a mailbox, in the order in which the mails arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The mails.
    pub mails: Vec<Stored>,
    /// Number of mails in the whole mailbox.
    pub total: usize,
    /// Files that are not mails of correio, and listed files that are damaged or unreadable.
    pub skipped: Vec<Skipped>,
}
