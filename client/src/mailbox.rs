//! The mails on this computer: a Maildir for each account, which any mail program opens.
//!
//! `new` holds what was never shown, `cur` what was; a file's name says which mail it holds, so
//! that a mail fetched twice is kept once. Other mail programs may read, flag and delete mails
//! at any time; only saving takes a lock.

mod encoding;
mod format;
mod name;
mod saving;
mod scan;

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use correio_proto::mail::{FullName, Mail, MailId, Seq, Subject, Timestamp, Username};

use crate::{
    Address,
    place::{self, Kept},
};
use format::{Head, Unreadable};
use name::Name;
use scan::{MailFile, scan};

pub use saving::Saving;

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

impl MailboxError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }
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
    /// Its file's name without flags.
    base: Box<str>,
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
    /// Files that are no mails of correio, and damaged ones among those listed.
    pub skipped: Vec<Skipped>,
}

/// The mails of one account of one server on this computer.
#[derive(Debug)]
pub struct Mailbox {
    directory: PathBuf,
    /// What stands behind the `@` of the addresses in its files.
    domain: String,
}

impl Mailbox {
    /// The mailbox of an account in a data directory: `<data>/mail/<host>_<port>/<username>`, host
    /// and port being those under which the server was used first, where it is known that they
    /// are the same server's. Makes no directory: one that is not there is an empty mailbox until
    /// mail is received into it.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        let directory = place::directory(data, Kept::Mail, address, username);
        Self { directory, domain: format::domain(address) }
    }

    /// The Maildir: what to tell another mail program.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name of the file in which the mailbox keeps a mail, and what it holds.
    #[must_use]
    pub fn file_of(&self, mail: &Mail) -> (String, Vec<u8>) {
        (Name::of(mail).base(), format::write(mail, &self.domain))
    }

    /// At most `max` mails from number `first` on (from 1). Reads their heads only; pass
    /// `usize::MAX` for all of them.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn list(&self, first: usize, max: usize) -> Result<List, MailboxError> {
        let found = scan(&self.directory)?;
        let mut list = List { mails: Vec::new(), total: found.files.len(), skipped: found.skipped };
        let numbered = (1..).zip(&found.files);
        for (number, file) in numbered.skip(first.saturating_sub(1)).take(max) {
            self.add(number, file, &mut list)?;
        }
        Ok(list)
    }

    /// The mails that were never shown, with the numbers they have in the whole mailbox. Damaged
    /// ones are left out; [`Mailbox::list`] tells of them.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn unseen(&self) -> Result<Vec<Stored>, MailboxError> {
        let found = scan(&self.directory)?;
        let mut list = List::default();
        let numbered = (1..).zip(&found.files);
        for (number, file) in numbered.filter(|(_, file)| file.status() == Status::New) {
            self.add(number, file, &mut list)?;
        }
        Ok(list.mails)
    }

    /// The mail of a number, counted from 1 in the mailbox as it is now, and how a list shows it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`], [`MailboxError::Damaged`], [`MailboxError::Io`].
    pub fn read_number(&self, number: usize) -> Result<(Stored, Mail), MailboxError> {
        let found = scan(&self.directory)?;
        let index = number.checked_sub(1);
        let file = index.and_then(|index| found.files.get(index));
        let file = file.ok_or(MailboxError::NoSuchMail(number))?;
        let head = self.open_file(file, format::read_head)?;
        let mail = self.open_file(file, format::read)?;
        match (head, mail) {
            (Some(head), Some(mail)) => Ok((stored(number, file, head), mail)),
            _ => Err(MailboxError::NoSuchMail(number)),
        }
    }

    /// A whole mail, wherever in the mailbox it has moved since it was listed.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`] where it was deleted since, [`MailboxError::Damaged`],
    /// [`MailboxError::Io`].
    pub fn read(&self, stored: &Stored) -> Result<Mail, MailboxError> {
        let gone = || MailboxError::NoSuchMail(stored.number);
        let file = self.find(&stored.base)?.ok_or_else(gone)?;
        self.open_file(&file, format::read)?.ok_or_else(gone)
    }

    /// Notes that mails were shown: they are no longer new.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. Mails that were deleted since are passed over.
    pub fn mark_shown(&self, mails: &[Stored]) -> Result<(), MailboxError> {
        for mail in mails {
            let from = self.directory.join("new").join(&*mail.base);
            let to = self.directory.join("cur").join(name::shown(&mail.base));
            rename(&from, &to)?;
        }
        Ok(())
    }

    /// Notes that a mail was read.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. A mail that was deleted since is passed over.
    pub fn mark_read(&self, stored: &Stored) -> Result<(), MailboxError> {
        let Some(file) = self.find(&stored.base)? else {
            return Ok(());
        };
        let to = self.directory.join("cur").join(name::read(&file.file));
        rename(&file.path(&self.directory), &to)
    }

    /// Adds a file to a list, one way or the other; not where it was deleted meanwhile.
    fn add(&self, number: usize, file: &MailFile, list: &mut List) -> Result<(), MailboxError> {
        match self.open_file(file, format::read_head) {
            Ok(Some(head)) => list.mails.push(stored(number, file, head)),
            Ok(None) => {}
            Err(MailboxError::Damaged(skipped)) => list.skipped.push(skipped),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Where a mail is now.
    fn find(&self, base: &str) -> Result<Option<MailFile>, MailboxError> {
        let files = scan(&self.directory)?.files;
        Ok(files.into_iter().find(|file| name::split(&file.file).0 == base))
    }

    /// Reads a file, wherever it is by now; nothing where it is gone.
    fn open_file<T>(
        &self,
        file: &MailFile,
        read: impl Fn(&mut BufReader<File>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, MailboxError> {
        let mut path = file.path(&self.directory);
        let opened = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Another program has moved or flagged it.
                let Some(moved) = self.find(name::split(&file.file).0)? else {
                    return Ok(None);
                };
                path = moved.path(&self.directory);
                File::open(&path)
            }
            opened => opened,
        };
        let opened = opened.map_err(|error| MailboxError::io(&path, error))?;
        match read(&mut BufReader::with_capacity(4096, opened)) {
            Ok(content) => Ok(Some(content)),
            Err(Unreadable::Damaged(reason)) => {
                Err(MailboxError::Damaged(Skipped { path, reason }))
            }
            Err(Unreadable::Io(error)) => Err(MailboxError::io(&path, error)),
        }
    }
}

/// The mail that the content of a file in a mailbox holds.
///
/// # Errors
///
/// Why it is none, in English.
pub fn read_file(content: &[u8]) -> Result<Mail, String> {
    let mut content = content;
    format::read(&mut content).map_err(|unreadable| match unreadable {
        Unreadable::Damaged(reason) => reason,
        Unreadable::Io(error) => error.to_string(),
    })
}

fn stored(number: usize, file: &MailFile, head: Head) -> Stored {
    Stored {
        number,
        status: file.status(),
        id: head.id,
        seq: head.seq,
        from: head.from,
        from_name: head.from_name,
        sent_at: head.sent_at,
        subject: head.subject,
        base: name::split(&file.file).0.into(),
    }
}

/// Renames a file that may have been moved or deleted by another program.
fn rename(from: &Path, to: &Path) -> Result<(), MailboxError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(MailboxError::io(from, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
