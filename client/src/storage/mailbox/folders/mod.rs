//! Opens the folders of a mailbox.

use std::sync::Mutex;

use super::{Mailbox, error::MailboxError, folder::Folder};
use crate::files::durable;

/// Directory of the sent mails within a Maildir.
const SENT: &str = ".Sent";

/// The file by which Maildir++ recognises a folder.
const FOLDER_MARK: &str = "maildirfolder";

impl Mailbox {
    /// The folder that this mailbox reads.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.folder
    }

    /// The same account's mails in another folder. Warnings are kept for each folder.
    #[must_use]
    pub fn in_folder(&self, folder: Folder) -> Self {
        let directory = match folder {
            Folder::Received => self.maildir.clone(),
            Folder::Sent => self.maildir.join(SENT),
        };
        let (maildir, domain) = (self.maildir.clone(), self.domain.clone());
        Self { maildir, directory, folder, domain, state: Mutex::default() }
    }

    /// Whether the folder was ever used.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.directory.join("cur").is_dir()
    }

    /// Creates what makes the folder one of its Maildir.
    pub(super) fn create_folder(&self) -> Result<(), MailboxError> {
        if self.folder == Folder::Received {
            return Ok(());
        }
        durable::create_directories(&self.directory)
            .map_err(|error| MailboxError::io(&self.directory, error))?;
        let mark = self.directory.join(FOLDER_MARK);
        if durable::has_entry(&mark) {
            return Ok(());
        }
        durable::create(&mark).map(drop).map_err(|error| MailboxError::io(&mark, error))
    }
}

#[cfg(test)]
mod tests;
