//! Saves a mail with a large content piece by piece, durably and once.
//!
//! One piece of the content is in memory at a time. The file is in `tmp` until the content is whole
//! and has the digest that its sender stated. Until then the mail stays on the server.

use std::slice;

use correio_proto::{
    mail::{Content, ContentHasher, Mail, Piece},
    rfc5322::{self, ContentEncoder},
};

use super::{
    error::MailboxError,
    large_file::{Begun, Completed, LargeFile},
    saving::Saving,
};
use crate::files::durable::Disk;

impl<D: Disk> Saving<D> {
    /// Begins to save a mail with a large content, unless the mailbox has it. Ends what was begun
    /// before. A mail with a body or message is saved at once.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]; the mail must not be confirmed.
    pub fn begin(&mut self, mail: &Mail) -> Result<Begun, MailboxError> {
        self.abandon();
        let known = (mail.id, mail.from.clone());
        let stated = match &mail.content {
            Content::Large(stated) if !self.known.contains(&known) => *stated,
            Content::Body(_) | Content::Message(_) => {
                return self.save(slice::from_ref(mail)).map(|_| Begun::Known);
            }
            Content::Large(_) => {
                // The program that saved it may have been killed before it synced.
                self.sync()?;
                return Ok(Begun::Known);
            }
        };
        let name = self.next_name(mail);
        let temporary = self.directory.join("tmp").join(&name);
        let path = self.directory.join("new").join(&name);
        let (encoder, hasher) = (ContentEncoder::new(stated), ContentHasher::new());
        let head = rfc5322::write(mail, &self.domain);
        let file = LargeFile { known, stated, temporary, path, encoder, hasher, size: 0 };
        let created = self.disk.create(&file.temporary);
        let written = created.and_then(|()| self.disk.append(&file.temporary, &head));
        let written = written.map_err(|error| MailboxError::io(&file.temporary, error));
        self.large = Some(file);
        written.inspect_err(|_| self.abandon()).map(|()| Begun::New)
    }

    /// Adds the next piece of the content that was begun.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]; nothing is left of the mail, which must not be confirmed.
    pub fn append(&mut self, piece: &Piece) -> Result<(), MailboxError> {
        let Some(file) = &mut self.large else {
            return Ok(());
        };
        let mut encoded = Vec::new();
        file.encoder.encode(piece.as_bytes(), &mut encoded);
        file.hasher.update(piece.as_bytes());
        file.size += piece.as_bytes().len() as u64;
        let appended = self.disk.append(&file.temporary, &encoded);
        let appended = appended.map_err(|error| MailboxError::io(&file.temporary, error));
        appended.inspect_err(|_| self.abandon())
    }

    /// Compares the content that was begun with what its sender stated, and makes the mail durable.
    /// [`Completed::Damaged`] if nothing was begun.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`]; nothing is left of the mail, which must not be confirmed.
    pub fn complete(&mut self) -> Result<Completed, MailboxError> {
        let Some(file) = self.large.take() else {
            return Ok(Completed::Damaged);
        };
        let LargeFile { known, stated, temporary, path, encoder, hasher, size } = file;
        if size != stated.size.get() || hasher.finish() != stated.sha256 {
            // A file that stays is removed by the next program that receives.
            let _ = self.disk.remove(&temporary);
            return Ok(Completed::Damaged);
        }
        let mut end = Vec::new();
        encoder.finish(&mut end);
        let written = self.disk.append(&temporary, &end);
        let written = written.and_then(|()| self.disk.sync(&temporary));
        let written = written.map_err(|error| MailboxError::io(&temporary, error));
        let renamed = written.and_then(|()| {
            let renamed = self.disk.rename(&temporary, &path);
            renamed.map_err(|error| MailboxError::io(&path, error))
        });
        if let Err(error) = renamed {
            let _ = self.disk.remove(&temporary);
            return Err(error);
        }
        if let Err(error) = self.sync() {
            // A file that may not be durable must not be taken for a durable one.
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        self.known.insert(known);
        Ok(Completed::Saved)
    }

    /// Ends the mail that was begun, if any, and leaves nothing of it.
    pub fn abandon(&mut self) {
        if let Some(file) = self.large.take() {
            // A file that stays is removed by the next program that receives.
            let _ = self.disk.remove(&file.temporary);
        }
    }
}
