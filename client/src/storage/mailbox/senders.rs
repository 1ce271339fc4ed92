//! The people who sent the mails of a folder.

use std::collections::HashSet;

use correio_proto::{
    mail::{FullName, Username},
    rfc5322,
};

use super::{Mailbox, entry::Entry, error::MailboxError, parallel};

impl Mailbox {
    /// The senders of all mails of this folder, each username with each of its full names once.
    /// Damaged and unreadable mails are left out.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`] if the folder cannot be read.
    pub fn senders(&self) -> Result<HashSet<(Username, FullName)>, MailboxError> {
        let entries = self.entries()?.entries;
        let sender = |_: &mut (), entry: &Entry| {
            let head = self.open_file(&entry.file, rfc5322::read_head).ok()??;
            Some((head.from, head.from_name))
        };
        Ok(parallel::each(&entries, sender).into_iter().collect())
    }
}
