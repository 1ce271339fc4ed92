//! Attaches the attachments of a mail to a draft that forwards it.

use super::{attachment::DraftAttachment, directory::Drafts, draft::Draft, error::DraftError};
use crate::{
    cancel::Cancel,
    message::{Attachment, AttachmentSaver, MakeError, SaveError},
    storage::mailbox::{Mailbox, MailboxError, Stored},
};

/// Why the attachments of a mail cannot be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum ReattachError {
    /// The mail cannot be read.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// An attachment cannot be written into a file.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The file cannot be attached.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The directory for the files cannot be made.
    #[error(transparent)]
    Draft(#[from] DraftError),
}

impl Drafts {
    /// Attaches these attachments of a listed mail, in the order of its message, to a draft, as
    /// files that exist for the draft alone. `fallback` is the name of an attachment without one.
    ///
    /// # Errors
    ///
    /// See [`ReattachError`]. Some attachments may be attached already.
    pub fn reattach(
        &self,
        draft: &mut Draft,
        (mailbox, stored): (&Mailbox, &Stored),
        attachments: &[Attachment],
        fallback: &str,
        cancel: &Cancel,
    ) -> Result<(), ReattachError> {
        if attachments.is_empty() {
            return Ok(());
        }
        let directory = self.attached_directory()?;
        let mut saver = AttachmentSaver::new(mailbox.content(stored)?, &directory, fallback);
        for attachment in attachments {
            let path = saver.save(attachment.index, cancel)?;
            draft.attach(DraftAttachment::open(&path)?)?;
        }
        Ok(())
    }
}
