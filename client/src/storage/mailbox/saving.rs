//! Saves mails into a mailbox, durably and each once.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use correio_proto::{
    mail::{Content, Mail, MailId, Username},
    rfc5322::{self, FileName},
};

use super::{
    deleted_record,
    error::MailboxError,
    kept_record::{self, Seen},
    large_file::LargeFile,
    scan::scan_with,
};
use crate::{
    cancel::Cancel,
    files::{
        durable::{self, Disk},
        lock::{self, LockError, WaitLimit},
    },
    storage::skipped::Skipped,
};

/// This computer's disk, with the lock for saving into a mailbox: one program holds it at a time,
/// so that no mail is saved twice. Reading needs no lock. The operating system releases the lock
/// when the program ends, however it ends.
#[derive(Debug)]
pub(crate) struct Locked {
    _lock: File,
    /// The file that was created last, for a content in pieces.
    created: Option<File>,
    /// The first file or directory that the file system did not make durable, and its error.
    not_synced: Option<Skipped>,
}

impl Locked {
    fn note_synced(&mut self, path: &Path, synced: Option<io::Error>) {
        if let (Some(error), None) = (synced, &self.not_synced) {
            let (path, reason) = (path.to_owned(), error.to_string());
            self.not_synced = Some(Skipped { path, reason });
        }
    }

    fn created(&mut self) -> io::Result<&mut File> {
        self.created.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Saves mails into a Maildir on a disk.
#[derive(Debug)]
pub struct Saving<D> {
    pub(super) disk: D,
    pub(super) directory: PathBuf,
    pub(super) domain: String,
    /// The mails in the mailbox, and those that were here while the server may have them: deleted
    /// here, or kept on the server and moved or deleted by another program.
    pub(super) known: HashSet<(MailId, Username)>,
    /// The arrival number of the next mail.
    next_arrival: u64,
    /// The mail whose content is being saved piece by piece.
    pub(super) large: Option<LargeFile>,
}

impl Saving<Locked> {
    /// Waits for the lock for saving, and creates the mailbox's directories.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Locked`] if another client keeps it for ten seconds or the call is
    /// cancelled; [`MailboxError::Io`].
    pub(super) fn lock(
        directory: &Path,
        domain: &str,
        cancel: &Cancel,
    ) -> Result<Self, MailboxError> {
        for part in ["tmp", "new", "cur"] {
            let part = directory.join(part);
            durable::create_directories(&part).map_err(|error| MailboxError::io(&part, error))?;
        }
        let path = directory.join(".correio-lock");
        let lock =
            lock::take(&path, WaitLimit::Receiving, cancel).map_err(|error| match error {
                LockError::Held | LockError::Cancelled => MailboxError::Locked,
                LockError::Io(source) => MailboxError::Io { path, source },
            })?;
        let disk = Locked { _lock: lock, created: None, not_synced: None };
        let mut saving = Self::start(disk, directory, domain)?;
        saving.known.extend(deleted_record::read(directory)?);
        saving.known.extend(kept_record::read(directory)?);
        Ok(saving)
    }

    /// Records mails that are here, or were, and that the server keeps, durably: such a mail is not
    /// saved again after another program has moved or deleted its file.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub(crate) fn record_kept(
        &self,
        mails: &[(MailId, Username)],
        seen: Seen,
    ) -> Result<(), MailboxError> {
        kept_record::write(&self.directory, mails, seen)
    }

    /// Forgets which mails were deleted here, and which the server kept: everything on the server
    /// is confirmed, so that no mail of the record comes again.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub(crate) fn forget_recorded(&self) -> Result<(), MailboxError> {
        kept_record::clear(&self.directory)?;
        deleted_record::clear(&self.directory)
    }

    /// The first file or directory that the file system did not make durable, and its error.
    pub(crate) fn not_synced(&self) -> Option<&Skipped> {
        self.disk.not_synced.as_ref()
    }
}

impl<D: Disk> Saving<D> {
    /// Begins to save into a Maildir whose directories `tmp`, `new` and `cur` exist, and into which
    /// no other program saves. `domain` is that of the mail addresses in its files.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn start(mut disk: D, directory: &Path, domain: &str) -> Result<Self, MailboxError> {
        clean(&mut disk, &directory.join("tmp"));
        let files = scan_with(directory, |part| disk.names(part))?.files;
        let last = files.last().map_or(0, |file| file.name.arrival);
        let known = files.into_iter().map(|file| (file.name.id, file.name.sender)).collect();
        let (directory, domain) = (directory.to_owned(), domain.to_owned());
        let next_arrival = last.saturating_add(1);
        Ok(Self { disk, directory, domain, known, next_arrival, large: None })
    }

    /// Saves mails with bodies or messages as new, except those that the mailbox has. When it
    /// returns, all of them are durable and may be confirmed. Returns the number of saved mails.
    /// [`Saving::begin`] saves a mail with a large content.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`], also for a mail with a large content; none of the mails may be
    /// confirmed.
    pub fn save(&mut self, mails: &[Mail]) -> Result<usize, MailboxError> {
        let mut saved = Vec::new();
        let result = self.save_each(mails, &mut saved);
        // Sync also for mails that were present: the program that saved them may have been killed
        // before it synced.
        let synced = result.and_then(|()| self.sync());
        if synced.is_err() {
            // A file that may not be durable must not be taken for a durable one.
            for (path, known) in &saved {
                let _ = self.disk.remove(path);
                self.known.remove(known);
            }
        }
        synced.map(|()| saved.len())
    }

    fn save_each(
        &mut self,
        mails: &[Mail],
        saved: &mut Vec<(PathBuf, (MailId, Username))>,
    ) -> Result<(), MailboxError> {
        for mail in mails {
            if matches!(mail.content, Content::Large(_)) {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "its content is in pieces");
                return Err(MailboxError::io(&self.directory, error));
            }
            let known = (mail.id, mail.from.clone());
            if !self.known.insert(known.clone()) {
                continue;
            }
            let name = self.next_name(mail);
            let path = self.directory.join("new").join(&name);
            saved.push((path.clone(), known));
            let temporary = self.directory.join("tmp").join(&name);
            self.disk
                .write(&temporary, &rfc5322::write(mail, &self.domain))
                .map_err(|error| MailboxError::io(&temporary, error))?;
            self.disk.rename(&temporary, &path).map_err(|error| MailboxError::io(&path, error))?;
        }
        Ok(())
    }

    /// The name of the file of the mail that arrives next.
    pub(super) fn next_name(&mut self, mail: &Mail) -> String {
        let name = FileName::of(mail, self.next_arrival).base();
        self.next_arrival = self.next_arrival.saturating_add(1);
        name
    }

    /// Makes the names of all files durable.
    pub(super) fn sync(&mut self) -> Result<(), MailboxError> {
        for part in ["new", "cur"] {
            let path = self.directory.join(part);
            self.disk.sync_directory(&path).map_err(|error| MailboxError::io(&path, error))?;
        }
        Ok(())
    }
}

/// Removes unfinished files of killed programs. No other program is writing now.
fn clean(disk: &mut impl Disk, temporary: &Path) {
    for name in disk.names(temporary).unwrap_or_default() {
        if name.to_str().is_some_and(|name| FileName::parse(name).is_some()) {
            // A file that stays is overwritten when the mail comes again.
            let _: io::Result<()> = disk.remove(&temporary.join(name));
        }
    }
}

impl Disk for Locked {
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        durable::names(directory)
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let synced = durable::write(path, content)?;
        self.note_synced(path, synced);
        Ok(())
    }

    fn create(&mut self, path: &Path) -> io::Result<()> {
        self.created = Some(durable::create(path)?);
        Ok(())
    }

    fn append(&mut self, _: &Path, content: &[u8]) -> io::Result<()> {
        self.created()?.write_all(content)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        // The same file that was written: one that is opened again may not report its errors.
        let synced = durable::sync(self.created()?)?;
        self.created = None;
        self.note_synced(path, synced);
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        durable::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let synced = durable::sync_directory(path)?;
        self.note_synced(path, synced);
        Ok(())
    }
}
