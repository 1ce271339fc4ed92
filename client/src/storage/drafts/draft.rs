//! A draft: the typed text, the attached files, and the mail that it becomes.

use correio_proto::{
    limits::CONTENT_MAX,
    mail::{Invalid, MailId},
};

use super::{attachment::DraftAttachment, origin::DraftOrigin};
use crate::{
    message::{FILES_MAX, MakeError},
    storage::outgoing::{OutgoingContent, OutgoingMail},
};

/// The typed text, unchanged, and what else belongs to the mail. Every part may be empty or
/// invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The id the mail is sent with. A draft that is changed after it was sent once, with any
    /// result, needs a new id: the server may have accepted the first version.
    pub id: MailId,
    /// Usernames separated by commas.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body.
    pub body: String,
    /// The attached files; [`Draft::attach`] adds one.
    pub attachments: Vec<DraftAttachment>,
    /// The mail that is answered or forwarded, if there is one.
    pub origin: Option<Box<DraftOrigin>>,
}

impl Draft {
    /// An empty draft.
    #[must_use]
    pub fn begin(id: MailId) -> Self {
        let (to, subject, body) = Default::default();
        Self { id, to, subject, body, attachments: Vec::new(), origin: None }
    }

    /// The draft as a mail with a text, if it is valid. What a text cannot have, attachments and
    /// the thread, is left out; [`super::Drafts::outgoing`] makes a message where one is needed.
    ///
    /// # Errors
    ///
    /// The first part that is not valid.
    pub fn mail(&self) -> Result<OutgoingMail, Invalid> {
        Ok(OutgoingMail {
            id: self.id,
            to: self.to.parse()?,
            subject: self.subject.parse()?,
            content: OutgoingContent::text(&self.body)?,
        })
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// [`MakeError::TooMany`] above a hundred files, [`MakeError::TooLarge`] if no server takes so
    /// many bytes.
    pub fn attach(&mut self, file: DraftAttachment) -> Result<(), MakeError> {
        if self.attachments.len() >= FILES_MAX {
            return Err(MakeError::TooMany { max: FILES_MAX });
        }
        let sizes = self.attachments.iter().chain([&file]).map(DraftAttachment::size);
        let size = sizes.fold(0, u64::saturating_add);
        // In base64, four bytes stand for three.
        let size = size.saturating_add(size / 3);
        if size > CONTENT_MAX {
            return Err(MakeError::TooLarge { size, max: CONTENT_MAX });
        }
        self.attachments.push(file);
        Ok(())
    }

    /// Whether the draft has attachments or belongs to a thread, so that a text is not enough.
    #[must_use]
    pub fn needs_message(&self) -> bool {
        !self.attachments.is_empty() || !self.references().is_empty()
    }

    pub(super) fn references(&self) -> &[crate::message::MessageId] {
        self.origin.as_ref().map(|origin| origin.references.as_slice()).unwrap_or_default()
    }

    /// Whether the draft contains only white space and no file.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.attachments.is_empty()
            && [&self.to, &self.subject, &self.body].iter().all(|part| part.trim().is_empty())
    }
}
