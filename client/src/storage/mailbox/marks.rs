//! Marks mails as shown, read, important, answered or forwarded, in the names of their files.

use std::{io, path::Path};

use super::{
    Mailbox, MailboxError, MailboxNote, Stored,
    flags::{Flag, FlagChange, Flags},
    marked::Marked,
    name::{self, SEPARATORS},
    scan::{Subdirectory, scan},
};
use crate::{files::durable, storage::skipped::Skipped};

/// Times that a file is looked for again that another program has renamed meanwhile.
const TRIES: usize = 8;

/// What became of a file that was to be renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renamed {
    /// The file has the new name.
    Done,
    /// The file system allows no such name, which is a note.
    Refused,
    /// Another program has renamed or deleted the file.
    Gone,
}

impl Marked {
    fn and(self, renamed: Renamed) -> Self {
        match renamed {
            Renamed::Done | Renamed::Gone => self,
            Renamed::Refused => Self::NotAll,
        }
    }
}

impl Mailbox {
    /// Marks mails as shown, so that they are no longer new. On a file system that does not support
    /// the new names they stay new, and [`Mailbox::take_notes`] reports it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. Mails that were deleted since are ignored.
    pub fn mark_shown(&self, mails: &[Stored]) -> Result<Marked, MailboxError> {
        let mut marked = Marked::All;
        // A mail that correio saved and nothing has renamed since is found by its name alone.
        let (unmoved, rest): (Vec<_>, Vec<_>) = mails.iter().partition(|mail| {
            durable::has_entry(&self.directory().join("new").join(mail.name.base()))
        });
        for mail in unmoved {
            let file = mail.name.base();
            let from = self.directory().join("new").join(&file);
            let renamed = self.move_to_cur(&from, |separator| name::shown(&file, separator))?;
            marked = marked.and(renamed);
        }
        if rest.is_empty() {
            return Ok(marked);
        }
        let found = scan(self.directory())?;
        for mail in rest {
            if let Some(file) =
                found.find(&mail.name).filter(|file| file.subdirectory == Subdirectory::New)
            {
                let from = file.path(self.directory());
                let named = |separator| name::shown(&file.file, separator);
                marked = marked.and(self.move_to_cur(&from, named)?);
            }
        }
        Ok(marked)
    }

    /// Marks a mail as read; see [`Mailbox::mark_shown`].
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]. A mail that was deleted since is ignored.
    pub fn mark_read(&self, stored: &Stored) -> Result<(), MailboxError> {
        match self.mark(stored, Flag::Seen, FlagChange::Set) {
            Err(MailboxError::NoSuchMail(..)) => Ok(()),
            marked => marked,
        }
    }

    /// Sets or clears a flag of a mail, even if its file was moved or flagged since. Flags of other
    /// programs stay. A mail with a flag is no longer new. On a file system that does not support
    /// the names nothing changes, and [`Mailbox::take_notes`] reports it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`] if it was deleted since, [`MailboxError::Io`].
    pub fn mark(
        &self,
        stored: &Stored,
        flag: Flag,
        change: FlagChange,
    ) -> Result<(), MailboxError> {
        for _ in 0..TRIES {
            let Some(file) = self.find(&stored.name)? else { break };
            if file.flags().has(flag) == (change == FlagChange::Set) {
                return Ok(());
            }
            let from = file.path(self.directory());
            let named = |separator| name::changed(&file.file, flag, change, separator);
            match self.move_to_cur(&from, named)? {
                Renamed::Done | Renamed::Refused => return Ok(()),
                Renamed::Gone => {}
            }
        }
        Err(MailboxError::NoSuchMail(stored.folder, stored.number))
    }

    /// The present flags of a listed mail. `None` if it was deleted.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn flags(&self, stored: &Stored) -> Result<Option<Flags>, MailboxError> {
        Ok(self.find(&stored.name)?.map(|file| file.flags()))
    }

    /// Renames a file that may have been moved or deleted by another program, with the first
    /// separator that the file system allows.
    pub(super) fn move_to_cur(
        &self,
        from: &Path,
        named: impl Fn(char) -> String,
    ) -> Result<Renamed, MailboxError> {
        let mut refused = None;
        for separator in SEPARATORS {
            let to = self.directory().join("cur").join(named(separator));
            match durable::rename(from, &to) {
                Ok(()) => return Ok(Renamed::Done),
                Err(error) if !durable::has_entry(from) && is_missing(&error) => {
                    return Ok(Renamed::Gone);
                }
                Err(error) if cannot_be_named(&error) => refused = Some(error),
                Err(error) => return Err(MailboxError::io(from, error)),
            }
        }
        if let Some(error) = refused {
            let (path, reason) = (from.to_owned(), error.to_string());
            self.note(MailboxNote::NotMarked(Skipped { path, reason }));
        }
        Ok(Renamed::Refused)
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
