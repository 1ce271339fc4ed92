//! The mails on this computer: a Maildir for each server and user, which any mail program opens.
//!
//! `new` holds what was never shown, `cur` what was; a mail's name says which mail it is, so
//! that a mail fetched twice is kept once.

use std::{
    io,
    path::{Path, PathBuf},
};

use correio_proto::mail::{FullName, Mail, MailId, Seq, Subject, Timestamp, Username};

use crate::Address;

/// What can go wrong with a mailbox on this computer.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The operating system refused something.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// There is no mail of this number.
    #[error("there is no mail number {0}")]
    NoSuchMail(usize),
    /// A file that is no mail that correio saved, or not any more.
    #[error("{path}: {reason}", path = .0.path.display(), reason = .0.reason)]
    Damaged(Skipped),
    /// Another program receives mail into this mailbox.
    #[error("another client is receiving mail into this mailbox")]
    Locked,
}

/// Whether a mail was shown, and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
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
    /// Its number, from 1: the place in the mailbox as it is now, oldest first.
    pub number: usize,
    /// Whether it was shown, and read.
    pub status: Status,
    /// The id its sender gave it.
    pub id: MailId,
    /// Its number in the server's store.
    pub seq: Seq,
    /// Username of the sender.
    pub from: Username,
    /// Full name of the sender.
    pub from_name: FullName,
    /// When the server took it.
    pub sent_at: Timestamp,
    /// Its subject.
    pub subject: Subject,
}

/// A file in a mailbox that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in English.
    pub reason: String,
}

/// Part of a mailbox, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The mails.
    pub mails: Vec<Stored>,
    /// How many mails the whole mailbox has.
    pub total: usize,
    /// Files that are no mails of correio, or are damaged.
    pub skipped: Vec<Skipped>,
}

/// The mails of one user of one server on this computer.
#[derive(Debug)]
pub struct Mailbox {
    directory: PathBuf,
}

impl Mailbox {
    /// Opens, or makes, the mailbox of a user in a data directory:
    /// `<data>/mail/<host>_<port>/<username>`.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn open(data: &Path, address: &Address, user: &Username) -> Result<Self, MailboxError> {
        let directory = data
            .join("mail")
            .join(address.directory_name())
            .join(user.as_str());
        Ok(Self { directory })
    }

    /// The Maildir: what to tell another mail program.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// At most `max` mails from number `first` on (from 1). Reads their heads only; pass
    /// `usize::MAX` for all of them.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn list(&self, first: usize, max: usize) -> Result<List, MailboxError> {
        let _ = (first, max);
        Ok(List::default())
    }

    /// The mails that were never shown, with the numbers they have in the whole mailbox.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn unseen(&self) -> Result<Vec<Stored>, MailboxError> {
        Ok(vec![])
    }

    /// The mail of a number, counted from 1 in the mailbox as it is now, and how a list shows it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`], [`MailboxError::Damaged`], [`MailboxError::Io`].
    pub fn read_number(&self, number: usize) -> Result<(Stored, Mail), MailboxError> {
        Err(MailboxError::NoSuchMail(number))
    }

    /// A whole mail, wherever in the mailbox it has moved since it was listed.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`] where it was deleted since, [`MailboxError::Damaged`],
    /// [`MailboxError::Io`].
    pub fn read(&self, stored: &Stored) -> Result<Mail, MailboxError> {
        Err(MailboxError::NoSuchMail(stored.number))
    }

    /// Notes that mails were shown: they are no longer new.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. Mails that were deleted since are passed over.
    pub fn mark_shown(&self, mails: &[Stored]) -> Result<(), MailboxError> {
        let _ = mails;
        Ok(())
    }

    /// Notes that a mail was read.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. A mail that was deleted since is passed over.
    pub fn mark_read(&self, stored: &Stored) -> Result<(), MailboxError> {
        let _ = stored;
        Ok(())
    }
}
