//! The mails on this computer: a Maildir for each account, which any mail program opens.
//!
//! `new` holds what was never shown, `cur` what was; a file's name says which mail it holds, so
//! that a mail fetched twice is kept once. Other mail programs may read, flag and delete mails
//! at any time; only saving takes a lock. Mails have the order in which they were saved here.

mod claim;
mod encoding;
mod format;
mod marks;
mod name;
mod saving;
mod scan;

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use correio_proto::mail::{FullName, Mail, MailId, Seq, Subject, Timestamp, Username};
use rustix::io::Errno;

use crate::{
    Address,
    mutex::lock,
    storage::{
        durable,
        layout::{self, Kind},
    },
};
use claim::Claim;
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
    /// Its number, from 1: the place in the mailbox as it is now, in the order of arrival.
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
    /// What its file's name says.
    name: Name,
}

/// A file in a mailbox that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in English.
    pub reason: String,
}

/// Something about a mailbox that a person should know although nothing was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxNote {
    /// A file among the new mails that cannot be read. The others are listed.
    Unreadable(Skipped),
    /// The file system makes nothing durable on request: what was received shortly before a power
    /// failure may be lost. With the first file or directory and what the file system says.
    NotSynced(Skipped),
    /// The file system does not rename a mail that was shown or read, so that it stays new, or
    /// unread. With the first such file and what the file system says.
    NotMarked(Skipped),
}

/// Notes that are kept at most; what is beyond is of the same kinds.
const NOTES_MAX: usize = 100;

/// Part of a mailbox, in the order in which the mails arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The mails.
    pub mails: Vec<Stored>,
    /// How many mails the whole mailbox has.
    pub total: usize,
    /// Files that are no mails of correio, and those among the listed that are damaged or cannot be
    /// read.
    pub skipped: Vec<Skipped>,
}

/// The mails of one account of one server on this computer.
#[derive(Debug)]
pub struct Mailbox {
    directory: PathBuf,
    /// What stands behind the `@` of the addresses in its files.
    domain: String,
    state: Mutex<State>,
}

/// What a mailbox knows beyond its files.
#[derive(Debug, Default)]
struct State {
    notes: Vec<MailboxNote>,
    /// The new mails that [`crate::Service::receive`] returned last, until the mailbox is dropped.
    claim: Option<Claim>,
}

impl Mailbox {
    /// The mailbox of an account in a data directory: `<data>/mail/<host>_<port>/<username>`, host
    /// and port being those under which the server was used first, where it is known that they
    /// are the same server's. Makes no directory: one that is not there is an empty mailbox until
    /// mail is received into it.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        let directory = layout::directory(data, Kind::Mail, address, username);
        Self { directory, domain: format::domain(address), state: Mutex::default() }
    }

    /// What a person should know of the mailbox, each thing once; at most the first 100 since the
    /// last call.
    #[must_use]
    pub fn take_notes(&self) -> Vec<MailboxNote> {
        std::mem::take(&mut self.state().notes)
    }

    fn note(&self, note: MailboxNote) {
        let notes = &mut self.state().notes;
        let is_known = |known: &MailboxNote| match (known, &note) {
            (MailboxNote::Unreadable(known), MailboxNote::Unreadable(new)) => known == new,
            (MailboxNote::NotSynced(_), MailboxNote::NotSynced(_))
            | (MailboxNote::NotMarked(_), MailboxNote::NotMarked(_)) => true,
            _ => false,
        };
        if notes.len() < NOTES_MAX && !notes.iter().any(is_known) {
            notes.push(note);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The Maildir: what to tell another mail program.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name of the file in which a mailbox keeps its first mail, and what it holds.
    #[must_use]
    pub fn file_of(&self, mail: &Mail) -> (String, Vec<u8>) {
        (Name::of(mail, 1).base(), format::write(mail, &self.domain))
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

    /// The mails that were never shown, with the numbers they have in the whole mailbox, without
    /// those that another program has received and shows now. Damaged ones, and those that cannot
    /// be read, are left out; [`Mailbox::take_notes`] tells of them.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn unseen(&self) -> Result<Vec<Stored>, MailboxError> {
        let claimed = claim::claimed_by_others(&self.directory, self.state().claim.as_ref());
        let found = scan(&self.directory)?;
        let mut list = List::default();
        let numbered = (1..).zip(&found.files);
        let is_new =
            |file: &MailFile| file.status() == Status::New && !claimed.contains(&file.name);
        for (number, file) in numbered.filter(|(_, file)| is_new(file)) {
            self.add(number, file, &mut list)?;
        }
        for skipped in list.skipped {
            self.note(MailboxNote::Unreadable(skipped));
        }
        Ok(list.mails)
    }

    /// As [`Mailbox::unseen`], for whoever has the right to put mails into the mailbox. Until this
    /// mailbox is dropped, no other program returns these mails as new ones.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub(crate) fn claim_unseen(&self) -> Result<Vec<Stored>, MailboxError> {
        claim::remove_ended(&self.directory);
        let unseen = self.unseen()?;
        if !unseen.is_empty() {
            let names = unseen.iter().map(|mail| &mail.name);
            // Without a claim, as on a full disk, another program may show the same mails too.
            self.state().claim = Claim::new(&self.directory, names).ok();
        }
        Ok(unseen)
    }

    /// Notes that the file system did not make durable what was saved.
    pub(crate) fn note_not_synced(&self, skipped: &Skipped) {
        self.note(MailboxNote::NotSynced(skipped.clone()));
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
        let file = self.find(&stored.name)?.ok_or_else(gone)?;
        self.open_file(&file, format::read)?.ok_or_else(gone)
    }

    /// Adds a file to a list, one way or the other; not where it was deleted meanwhile.
    fn add(&self, number: usize, file: &MailFile, list: &mut List) -> Result<(), MailboxError> {
        match self.open_file(file, format::read_head) {
            Ok(Some(head)) => list.mails.push(stored(number, file, head)),
            Ok(None) => {}
            Err(MailboxError::Damaged(skipped)) => list.skipped.push(skipped),
            // One file that cannot be read, such as a link that leads nowhere, hides no other.
            Err(MailboxError::Io { path, source }) if !is_of_program(&source) => {
                list.skipped.push(Skipped { path, reason: source.to_string() });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Where a mail is now.
    fn find(&self, name: &Name) -> Result<Option<MailFile>, MailboxError> {
        Ok(scan(&self.directory)?.find(name).cloned())
    }

    /// Reads a file, wherever it is by now; nothing where it is gone.
    fn open_file<T>(
        &self,
        file: &MailFile,
        read: impl Fn(&mut BufReader<File>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, MailboxError> {
        let mut path = file.path(&self.directory);
        let opened = match durable::open_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Another program has moved or flagged it.
                let Some(moved) = self.find(&file.name)? else {
                    return Ok(None);
                };
                path = moved.path(&self.directory);
                durable::open_file(&path)
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
        name: file.name.clone(),
    }
}

/// Whether an error says that this program can open no file at all, whichever it is.
fn is_of_program(error: &io::Error) -> bool {
    let limits = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| limits.contains(&error))
}

#[cfg(test)]
mod tests;
