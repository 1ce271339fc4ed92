//! Reads the content of a mail in the mailbox.

use std::io::{self, BufReader, Cursor};

use correio_proto::{
    mail::Content,
    rfc5322::{self, ContentReader},
};

use super::{
    Mailbox,
    content::{BUFFER, MailContent, MailText, Source},
    error::MailboxError,
    list::Stored,
};
use crate::storage::skipped::Skipped;

impl Mailbox {
    /// Reads the content of a listed mail, even if its file was moved or flagged since.
    ///
    /// # Errors
    ///
    /// See [`Mailbox::read`].
    pub fn content(&self, stored: &Stored) -> Result<MailContent, MailboxError> {
        let gone = || MailboxError::NoSuchMail(stored.folder, stored.number);
        let file = self.find(&stored.name)?.ok_or_else(gone)?;
        let (path, file) = self.opened(&file)?.ok_or_else(gone)?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        let head = rfc5322::read_head(&mut file);
        if let Some(large) = head.map_err(|error| MailboxError::unreadable(&path, error))?.large() {
            let stated = large.content;
            let source = Source::Large(Box::new(ContentReader::new(file, large)));
            return Ok(MailContent { source, size: stated.size.get(), kind: stated.kind });
        }
        let content = self.read(stored)?.content;
        let (size, kind) = (content.size(), content.kind());
        let source = match content {
            Content::Body(body) => Source::Body(Cursor::new(body)),
            Content::Message(message) => Source::Message(Cursor::new(message)),
            // Another program has replaced the file meanwhile.
            Content::Large(_) => return Err(gone()),
        };
        Ok(MailContent { source, size, kind })
    }

    /// Reads the text of a listed mail, or the source of its message: [`MailText::kind`] tells
    /// which. The whole text is in memory, once.
    ///
    /// # Errors
    ///
    /// See [`Mailbox::read`].
    pub fn text(&self, stored: &Stored) -> Result<MailText, MailboxError> {
        MailText::read(&mut self.content(stored)?).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                let path = self.directory.join(stored.name.base());
                MailboxError::Damaged(Skipped { path, reason: error.to_string() })
            }
            _ => MailboxError::io(&self.directory, error),
        })
    }
}
