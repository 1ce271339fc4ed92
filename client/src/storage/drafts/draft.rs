//! A draft: the typed text, and the mail that it becomes.

use correio_proto::mail::{Invalid, MailId};

use crate::storage::outgoing::{OutgoingContent, OutgoingMail};

/// The typed text, unchanged. Every part may be empty or invalid.
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
}

impl Draft {
    /// The draft as a mail, if it is valid.
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

    /// Whether the draft contains only white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        [&self.to, &self.subject, &self.body].iter().all(|part| part.trim().is_empty())
    }
}
