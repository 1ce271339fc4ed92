//! Marks mails as shown and read, in the names of their files.

use std::{io, path::Path};

use super::{
    Mailbox, MailboxError, MailboxNote, Stored,
    name::{self, SEPARATORS},
    scan::{Subdirectory, scan},
};
use crate::{files::durable, storage::skipped::Skipped};

impl Mailbox {
    /// Marks mails as shown, so that they are no longer new. On a file system that does not support
    /// the new names they stay new, and [`Mailbox::take_notes`] reports it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. Mails that were deleted since are ignored.
    pub fn mark_shown(&self, mails: &[Stored]) -> Result<(), MailboxError> {
        // A mail that correio saved and nothing has renamed since is found by its name alone.
        let (unmoved, rest): (Vec<_>, Vec<_>) = mails.iter().partition(|mail| {
            durable::has_entry(&self.directory().join("new").join(mail.name.base()))
        });
        for mail in unmoved {
            let file = mail.name.base();
            let from = self.directory().join("new").join(&file);
            self.move_to_cur(&from, |separator| name::shown(&file, separator))?;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let found = scan(self.directory())?;
        for mail in rest {
            if let Some(file) =
                found.find(&mail.name).filter(|file| file.subdirectory == Subdirectory::New)
            {
                let from = file.path(self.directory());
                self.move_to_cur(&from, |separator| name::shown(&file.file, separator))?;
            }
        }
        Ok(())
    }

    /// Marks a mail as read; see [`Mailbox::mark_shown`].
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. A mail that was deleted since is ignored.
    pub fn mark_read(&self, stored: &Stored) -> Result<(), MailboxError> {
        let found = scan(self.directory())?;
        let Some(file) = found.find(&stored.name) else {
            return Ok(());
        };
        let from = file.path(self.directory());
        self.move_to_cur(&from, |separator| name::read(&file.file, separator))
    }

    /// Renames a file that may have been moved or deleted by another program, with the first
    /// separator that the file system allows.
    fn move_to_cur(&self, from: &Path, named: impl Fn(char) -> String) -> Result<(), MailboxError> {
        let mut refused = None;
        for separator in SEPARATORS {
            let to = self.directory().join("cur").join(named(separator));
            match durable::rename(from, &to) {
                Ok(()) => return Ok(()),
                Err(error) if !durable::has_entry(from) && is_missing(&error) => return Ok(()),
                Err(error) if cannot_be_named(&error) => refused = Some(error),
                Err(error) => return Err(MailboxError::io(from, error)),
            }
        }
        if let Some(error) = refused {
            let (path, reason) = (from.to_owned(), error.to_string());
            self.note(MailboxNote::NotMarked(Skipped { path, reason }));
        }
        Ok(())
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether an error means that the file system does not support a name. For a `:` exfat-fuse
/// reports that there is no such file.
fn cannot_be_named(error: &io::Error) -> bool {
    is_missing(error)
        || durable::is_unsupported(error)
        || error.kind() == io::ErrorKind::InvalidFilename
}
