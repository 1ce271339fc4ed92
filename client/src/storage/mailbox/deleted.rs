//! Deletes mails, and records which were deleted: a mail that is still on the server must not come
//! back.
//!
//! The record is needed only while the server may have the mail: between saving and confirming, and
//! as long as mail is received without confirming it. A call of [`crate::Service::receive`] that
//! has confirmed everything empties the record.

use std::{fs, io};

use correio_proto::mail::{MailId, Username};

use super::{Mailbox, deleted_record as record, error::MailboxError, folder::Folder, list::Stored};
use crate::files::durable;

/// Times that a file is looked for again that another program has moved meanwhile.
const TRIES: usize = 8;

impl Mailbox {
    /// Deletes a mail on this computer, even if its file was moved or flagged since. The server is
    /// not asked; if it still has the mail, the mail does not come back.
    ///
    /// # Errors
    ///
    /// [`MailboxError::NoSuchMail`], [`MailboxError::Locked`] if other programs keep the record of
    /// deleted mails for three seconds, [`MailboxError::Io`]. After an error the mail may be there
    /// still.
    pub fn delete(&self, stored: &Stored) -> Result<(), MailboxError> {
        if self.find(&stored.name)?.is_none() {
            return Err(MailboxError::NoSuchMail(stored.folder, stored.number));
        }
        if self.folder == Folder::Received {
            // First: a mail that is gone and not recorded could come back.
            record::add(&self.directory, stored.id, &stored.from)?;
        }
        let mut last = self.directory.clone();
        for _ in 0..TRIES {
            let Some(file) = self.find(&stored.name)? else {
                return self.sync_deleted();
            };
            last = file.path(&self.directory);
            match fs::remove_file(&last) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(MailboxError::io(&last, error));
                }
                // Another program may have made a second file of the mail.
                Ok(()) | Err(_) => {}
            }
        }
        let moving = io::Error::other("another program keeps moving it");
        Err(MailboxError::io(&last, moving))
    }

    /// Whether a mail was deleted here while the server may have had it.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`].
    pub fn was_deleted(&self, id: MailId, from: &Username) -> Result<bool, MailboxError> {
        let deleted = record::read(&self.directory)?;
        Ok(deleted.iter().any(|(deleted, sender)| *deleted == id && sender == from))
    }

    fn sync_deleted(&self) -> Result<(), MailboxError> {
        for part in ["new", "cur"] {
            let part = self.directory.join(part);
            // A file system that does not support syncing may bring the mail back after a power
            // failure. Nothing is lost.
            durable::sync_directory(&part).map_err(|error| MailboxError::io(&part, error))?;
        }
        Ok(())
    }
}
