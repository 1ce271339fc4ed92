//! Puts mails into a mailbox, durably and once each.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use correio_proto::mail::{Mail, MailId, Username};

use super::{Mailbox, MailboxError, format, name::Name, scan::scan_with};
use crate::{
    Cancel,
    durable::{self, Disk},
};

/// How often, and how many times, a client looks whether another one is done receiving before it
/// gives up, which is after ten seconds.
const LOCK_RETRY: Duration = Duration::from_millis(50);
const LOCK_TRIES: usize = 200;

/// This computer's disk, and the right to put mails into a mailbox on it: one program has it at a
/// time, so that none saves what another is saving. Reading needs no right; a Maildir is made for
/// that. The operating system takes it back when the program ends, however it ends.
#[derive(Debug)]
pub(crate) struct Locked {
    _lock: File,
}

/// Puts mails into a Maildir on a disk.
#[derive(Debug)]
pub struct Saving<D> {
    disk: D,
    directory: PathBuf,
    domain: String,
    /// What the mailbox holds. A mail that was deleted from it after it was confirmed does not
    /// come again, so nothing else needs to be known.
    known: HashSet<(MailId, Username)>,
}

impl Mailbox {
    /// Waits for the right to put mails into the mailbox, and makes its directories.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Locked`] where another client keeps it, or `cancel` is thrown meanwhile;
    /// [`MailboxError::Io`].
    pub(crate) fn start_saving(&self, cancel: &Cancel) -> Result<Saving<Locked>, MailboxError> {
        for part in ["tmp", "new", "cur"] {
            let part = self.directory.join(part);
            durable::create_directories(&part).map_err(|error| MailboxError::io(&part, error))?;
        }
        let lock = lock(&self.directory.join(".correio-lock"), cancel)?;
        Saving::start(Locked { _lock: lock }, &self.directory, &self.domain)
    }
}

impl<D: Disk> Saving<D> {
    /// Begins to put mails into a Maildir whose directories `tmp`, `new` and `cur` are there, and
    /// into which nobody else puts any. `domain` is what stands behind the `@` in its files.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn start(mut disk: D, directory: &Path, domain: &str) -> Result<Self, MailboxError> {
        clean(&mut disk, &directory.join("tmp"));
        let files = scan_with(directory, |part| disk.names(part))?.files;
        let known = files.into_iter().map(|file| (file.name.id, file.name.sender)).collect();
        Ok(Self { disk, directory: directory.to_owned(), domain: domain.to_owned(), known })
    }

    /// Saves a page of mails as new ones, except for those that the mailbox has. All of them are
    /// safe when it returns, and may be confirmed. Returns how many were saved.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]; none of the page may be confirmed.
    pub fn save(&mut self, page: &[Mail]) -> Result<usize, MailboxError> {
        let mut saved = Vec::new();
        let result = self.save_each(page, &mut saved);
        // Also for those that were there: the program that saved them may have been killed just
        // before it came to this.
        let synced = result.and_then(|()| self.sync());
        if synced.is_err() {
            // A file that is not known to be safe must not be taken for one that is.
            for (path, known) in &saved {
                let _ = self.disk.remove(path);
                self.known.remove(known);
            }
        }
        synced.map(|()| saved.len())
    }

    fn save_each(
        &mut self,
        page: &[Mail],
        saved: &mut Vec<(PathBuf, (MailId, Username))>,
    ) -> Result<(), MailboxError> {
        for mail in page {
            let known = (mail.id, mail.from.clone());
            if !self.known.insert(known.clone()) {
                continue;
            }
            let name = Name::of(mail).base();
            let path = self.directory.join("new").join(&name);
            saved.push((path.clone(), known));
            let temporary = self.directory.join("tmp").join(&name);
            self.disk
                .write(&temporary, &format::write(mail, &self.domain))
                .map_err(|error| MailboxError::io(&temporary, error))?;
            self.disk.rename(&temporary, &path).map_err(|error| MailboxError::io(&path, error))?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MailboxError> {
        for part in ["new", "cur"] {
            let path = self.directory.join(part);
            self.disk.sync_directory(&path).map_err(|error| MailboxError::io(&path, error))?;
        }
        Ok(())
    }
}

fn lock(path: &Path, cancel: &Cancel) -> Result<File, MailboxError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(|error| MailboxError::io(path, error))?;
    let _watch = cancel.watch();
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(MailboxError::io(path, error)),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => break,
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_RETRY),
        }
    }
    Err(MailboxError::Locked)
}

/// Removes what a program that was killed had begun to write; nobody else is writing now.
fn clean(disk: &mut impl Disk, temporary: &Path) {
    for name in disk.names(temporary).unwrap_or_default() {
        if name.to_str().is_some_and(|name| Name::parse(name).is_some()) {
            // What stays is written over when the mail comes again.
            let _: io::Result<()> = disk.remove(&temporary.join(name));
        }
    }
}

impl Disk for Locked {
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        durable::names(directory)
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        durable::write(path, content)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        durable::sync_directory(path)
    }
}
