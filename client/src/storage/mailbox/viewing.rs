//! Reads a mail as a person reads it, and its source.

use std::io::{self, Read};

use correio_proto::{
    mail::{ContentKind, MailId, Username},
    rfc5322::{FileName, read_head},
};

use super::{
    Mailbox,
    content::MailText,
    error::MailboxError,
    list::Stored,
    readable::{MailSource, Readable},
    scan::scan,
};
use crate::{message::MessageView, storage::skipped::Skipped};

impl Mailbox {
    /// Reads a listed mail as a person reads it. A message is read from its start to its end, and
    /// of its attachments only the sizes are kept.
    ///
    /// # Errors
    ///
    /// See [`Mailbox::read`].
    pub fn readable(&self, stored: &Stored) -> Result<Readable, MailboxError> {
        let mut content = self.content(stored)?;
        let read = match content.kind() {
            ContentKind::Text {} => MailText::read(&mut content).map(Readable::Text),
            ContentKind::Message {} => {
                MessageView::read(&mut content).map(|view| Readable::Message(Box::new(view)))
            }
        };
        read.map_err(|error| self.not_read(stored, error))
    }

    /// Reads the beginning of a listed mail's file, at most this many bytes.
    ///
    /// # Errors
    ///
    /// See [`Mailbox::read`].
    pub fn source(&self, stored: &Stored, max: u64) -> Result<MailSource, MailboxError> {
        let gone = || MailboxError::NoSuchMail(stored.folder, stored.number);
        let file = self.find(&stored.name)?.ok_or_else(gone)?;
        let (path, file) = self.opened(&file)?.ok_or_else(gone)?;
        let mut bytes = Vec::new();
        let read = file.take(max.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| MailboxError::io(&path, error))?;
        let is_cut = bytes.len() as u64 > max;
        bytes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(MailSource { path, text, is_cut })
    }

    /// Finds the mail with this id and sender. `None` if it is not here.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Damaged`], [`MailboxError::Io`].
    pub fn find_mail(&self, id: MailId, from: &Username) -> Result<Option<Stored>, MailboxError> {
        let found = scan(&self.directory)?;
        let mut numbered = (1..).zip(&found.files);
        let is_it = |name: &FileName| name.id == id && name.sender == *from;
        let Some((number, file)) = numbered.find(|(_, file)| is_it(&file.name)) else {
            return Ok(None);
        };
        let head = self.open_file(file, read_head)?;
        Ok(head.map(|head| self.stored(number, file, head)))
    }

    fn not_read(&self, stored: &Stored, error: io::Error) -> MailboxError {
        match error.kind() {
            io::ErrorKind::InvalidData => {
                let path = self.directory.join(stored.name.base());
                MailboxError::Damaged(Skipped { path, reason: error.to_string() })
            }
            _ => MailboxError::io(&self.directory, error),
        }
    }
}
