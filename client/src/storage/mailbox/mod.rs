//! The local mailbox: a Maildir for each account, which any mail program opens, with a folder for
//! the mails that were sent.
//!
//! `new` holds mails that were never shown, `cur` the others. A file's name identifies its mail, so
//! that a mail fetched twice is kept once. Other mail programs may read, flag and delete mails at
//! any time; only saving takes a lock. Mails are ordered by when they were saved here.

mod changes;
mod claim;
mod condition;
mod content;
mod deleted;
mod deleted_record;
mod domain;
mod entries;
mod entry;
mod error;
mod flags;
mod folder;
mod folders;
mod heads;
mod kept_record;
mod large;
mod large_file;
mod list;
mod marked;
mod marks;
mod message_text;
mod name;
mod numbers;
mod parallel;
mod present;
mod readable;
mod reading;
mod saving;
mod scan;
mod select;
mod sent;
mod sent_mail;
mod viewing;
mod words;

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use correio_proto::{
    mail::{Mail, Subject, Username},
    rfc5322::{self, FileName, Head, Unreadable},
};
use rustix::io::Errno;

use crate::{
    address::Address,
    cancel::Cancel,
    files::durable,
    mutex::lock,
    storage::{
        layout::{self, Kind},
        skipped::Skipped,
    },
};
use claim::Claim;
use domain::domain;
use scan::{MailFile, scan};

pub use condition::{Condition, Selected};
pub use content::{MailContent, MailText};
pub use entry::{Entries, Entry};
pub use error::MailboxError;
pub use flags::{Flag, FlagChange, Flags};
pub use folder::Folder;
pub(crate) use kept_record::Seen;
pub use large_file::{Begun, Completed};
pub use list::{List, MailStatus, Stored};
pub use marked::Marked;
pub use numbers::{Numbers, Present};
pub use readable::{MailSource, Readable};
pub(crate) use saving::Locked;
pub use saving::Saving;
pub use sent_mail::SentMail;
pub use words::{InvalidWords, Words};

/// A warning about a mailbox. No mail was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxNote {
    /// A file among the new mails cannot be read. The others are listed.
    Unreadable(Skipped),
    /// The file system does not support syncing, so that mail received shortly before a power
    /// failure may be lost. Contains the first file or directory, and the file system's error.
    NotSynced(Skipped),
    /// The content of this mail did not arrive as its sender sent it. Unless it was to be deleted
    /// ([`crate::DamagedContents`]), the mail is still on the server, and the next call of
    /// [`crate::Service::receive`] tries again.
    ContentDamaged {
        /// Username of the sender.
        from: Username,
        /// The mail's subject.
        subject: Subject,
    },
    /// The file system cannot rename a mail that was shown or read, so that the mail stays new, or
    /// unread. Contains the first such file, and the file system's error.
    NotMarked(Skipped),
}

/// Maximum of notes that are kept.
const NOTES_MAX: usize = 100;

/// The mails of one account of one server on this computer, in one of the account's folders.
#[derive(Debug)]
pub struct Mailbox {
    /// The account's Maildir.
    maildir: PathBuf,
    /// The directory of the folder.
    directory: PathBuf,
    folder: Folder,
    /// The domain of the mail addresses in its files.
    domain: String,
    state: Mutex<State>,
}

/// State of a mailbox beside its files.
#[derive(Debug, Default)]
struct State {
    notes: Vec<MailboxNote>,
    /// The new mails that [`crate::Service::receive`] returned last, until the mailbox is dropped.
    claim: Option<Claim>,
}

impl Mailbox {
    /// Opens the received mails of an account in a data directory:
    /// `<data>/mail/<host>_<port>/<username>`. [`Mailbox::in_folder`] opens those that were sent.
    /// If the server is known under several addresses, host and port are of the address used first.
    /// Creates no directory: a missing one is an empty mailbox.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        let maildir = layout::directory(data, Kind::Mail, address, username);
        let directory = maildir.clone();
        let (folder, domain) = (Folder::Received, domain(address));
        Self { maildir, directory, folder, domain, state: Mutex::default() }
    }

    /// Takes the warnings since the last call, each once; at most the first 100.
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

    /// The path of the folder, a Maildir for other mail programs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The domain of the server's mail addresses, as the mailbox's files have it.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The name and content of the file of a mail (of a large content only the head), as if it were
    /// the first in the mailbox.
    #[must_use]
    pub fn file_of(&self, mail: &Mail) -> (String, Vec<u8>) {
        (FileName::of(mail, 1).base(), rfc5322::write(mail, &self.domain))
    }

    /// Lists at most `max` mails from number `first` on (from 1); `usize::MAX` lists all. Reads
    /// only the mails' heads.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn list(&self, first: usize, max: usize) -> Result<List, MailboxError> {
        let found = self.entries()?;
        let total = found.entries.len();
        let asked = found.entries.get(first.saturating_sub(1)..).unwrap_or_default();
        let mut list = self.load(asked.get(..max).unwrap_or(asked))?;
        list.skipped.splice(0..0, found.skipped);
        Ok(List { total, ..list })
    }

    /// The mails that were never shown, with their numbers in the whole mailbox, without those that
    /// another program has claimed to show. Damaged and unreadable mails are left out;
    /// [`Mailbox::take_notes`] reports them.
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
            |file: &MailFile| file.status() == MailStatus::New && !claimed.contains(&file.name);
        for (number, file) in numbered.filter(|(_, file)| is_new(file)) {
            self.add(number, file, &mut list)?;
        }
        for skipped in list.skipped {
            self.note(MailboxNote::Unreadable(skipped));
        }
        Ok(list.mails)
    }

    /// As [`Mailbox::unseen`], and claims the mails: until this mailbox is dropped, no other
    /// program returns them as new. The caller holds the lock for saving.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub(crate) fn claim_unseen(&self) -> Result<Vec<Stored>, MailboxError> {
        claim::remove_ended(&self.directory);
        let unseen = self.unseen()?;
        if !unseen.is_empty() {
            let names = unseen.iter().map(|mail| &mail.name);
            // If the claim fails, as on a full disk, another program may show the same mails, too.
            self.state().claim = Claim::new(&self.directory, names).ok();
        }
        Ok(unseen)
    }

    /// Waits for the lock for saving, and creates the mailbox's directories.
    ///
    /// # Errors
    ///
    /// See [`Saving::lock`].
    pub(crate) fn start_saving(&self, cancel: &Cancel) -> Result<Saving<Locked>, MailboxError> {
        Saving::lock(&self.directory, &self.domain, cancel)
    }

    /// Records that the file system did not make saved mails durable.
    pub(crate) fn note_not_synced(&self, skipped: &Skipped) {
        self.note(MailboxNote::NotSynced(skipped.clone()));
    }

    /// Records that the content of a mail did not arrive as it was sent.
    pub(crate) fn note_damaged(&self, mail: &Mail) {
        let (from, subject) = (mail.from.clone(), mail.subject.clone());
        self.note(MailboxNote::ContentDamaged { from, subject });
    }

    /// Reads the mail with this number, from 1, and its entry in a list.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`], [`MailboxError::Damaged`], [`MailboxError::Io`].
    pub fn read_number(&self, number: usize) -> Result<(Stored, Mail), MailboxError> {
        let found = scan(&self.directory)?;
        let index = number.checked_sub(1);
        let file = index.and_then(|index| found.files.get(index));
        let file = file.ok_or(MailboxError::NoSuchMail(self.folder, number))?;
        let head = self.open_file(file, rfc5322::read_head)?;
        let mail = self.open_file(file, rfc5322::read)?;
        match (head, mail) {
            (Some(head), Some(mail)) => Ok((self.stored(number, file, head), mail)),
            _ => Err(MailboxError::NoSuchMail(self.folder, number)),
        }
    }

    /// Reads a listed mail, even if its file was moved or flagged since.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`] if it was deleted since, [`MailboxError::Damaged`],
    /// [`MailboxError::Io`].
    pub fn read(&self, stored: &Stored) -> Result<Mail, MailboxError> {
        let gone = || MailboxError::NoSuchMail(stored.folder, stored.number);
        let file = self.find(&stored.name)?.ok_or_else(gone)?;
        self.open_file(&file, rfc5322::read)?.ok_or_else(gone)
    }

    /// The present path of the file of a listed mail. Another program may rename the file at any
    /// time. `None` if the mail was deleted.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn path(&self, stored: &Stored) -> Result<Option<PathBuf>, MailboxError> {
        let base = stored.name.base();
        let shown =
            name::SEPARATORS.map(|separator| format!("cur/{}", name::shown(&base, separator)));
        let usual = [format!("new/{base}")].into_iter().chain(shown);
        let mut usual = usual.map(|file| self.directory.join(file));
        // Without these names, which need no scan, another program or the reader has renamed it.
        if let Some(path) = usual.find(|path| durable::has_entry(path)) {
            return Ok(Some(path));
        }
        Ok(self.find(&stored.name)?.map(|file| file.path(&self.directory)))
    }

    /// Adds a file to a list's mails or skipped files. A file deleted meanwhile is ignored.
    fn add(&self, number: usize, file: &MailFile, list: &mut List) -> Result<(), MailboxError> {
        match self.open_file(file, rfc5322::read_head) {
            Ok(Some(head)) => list.mails.push(self.stored(number, file, head)),
            Ok(None) => {}
            Err(MailboxError::Damaged(skipped)) => list.skipped.push(skipped),
            // An unreadable file, such as a dangling link, must not hide the others.
            Err(MailboxError::Io { path, source }) if !is_of_program(&source) => {
                list.skipped.push(Skipped { path, reason: source.to_string() });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn stored(&self, number: usize, file: &MailFile, head: Head) -> Stored {
        Stored {
            folder: self.folder,
            number,
            status: file.status(),
            flags: file.flags(),
            id: head.id,
            seq: head.seq,
            from: head.from,
            from_name: head.from_name,
            to: head.to,
            sent_at: head.sent_at,
            subject: head.subject,
            name: file.name.clone(),
        }
    }

    /// Finds the present file of a mail.
    fn find(&self, name: &FileName) -> Result<Option<MailFile>, MailboxError> {
        Ok(scan(&self.directory)?.find(name).cloned())
    }

    /// Reads a file, even if it was moved meanwhile. `None` if it is gone.
    fn open_file<T>(
        &self,
        file: &MailFile,
        read: impl Fn(&mut BufReader<File>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, MailboxError> {
        let Some((path, opened)) = self.opened(file)? else {
            return Ok(None);
        };
        let content = read(&mut BufReader::with_capacity(4096, opened));
        content.map(Some).map_err(|error| MailboxError::unreadable(&path, error))
    }

    /// Opens a file, even if it was moved meanwhile, and tells its path. `None` if it is gone.
    fn opened(&self, file: &MailFile) -> Result<Option<(PathBuf, File)>, MailboxError> {
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
        match opened {
            Ok(opened) => Ok(Some((path, opened))),
            Err(error) => Err(MailboxError::io(&path, error)),
        }
    }
}

/// Parses the content of a file in a mailbox.
///
/// # Errors
///
/// Why the content is not a mail, in English.
pub fn read_file(content: &[u8]) -> Result<Mail, String> {
    let mut content = content;
    rfc5322::read(&mut content).map_err(|unreadable| match unreadable {
        Unreadable::Damaged(reason) => reason,
        Unreadable::Io(error) => error.to_string(),
    })
}

/// Whether an error means that this program cannot open any file.
fn is_of_program(error: &io::Error) -> bool {
    let limits = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| limits.contains(&error))
}

#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod tests;
