//! Makes the mail of a draft, as a text or as a message in a file beside the draft.

use std::path::{Path, PathBuf};

use correio_proto::{
    capability::{Capabilities, MESSAGES},
    mail::{FullName, Invalid, MailId, Timestamp, Username},
};

use super::{
    attachment::DraftAttachment,
    directory::Drafts,
    draft::Draft,
    error::{DraftError, failed},
    extension::{MAKING, MESSAGE},
};
use crate::{
    cancel::Cancel,
    files::durable,
    message::{MakeError, MessageDraft},
    storage::outgoing::{ContentError, OutgoingContent, OutgoingMail},
};

/// The person who sends a mail.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The username.
    pub username: &'a Username,
    /// The full name.
    pub full_name: &'a FullName,
    /// The domain of the server's mail addresses ([`crate::Mailbox::domain`]).
    pub domain: &'a str,
}

/// The mail of a draft.
#[derive(Clone, Debug)]
pub struct DraftMail {
    /// The mail.
    pub mail: OutgoingMail,
    /// Whether the mail names the thread that it belongs to.
    pub thread: ThreadFields,
}

/// Whether a mail names its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadFields {
    /// All that the draft has is in the mail.
    Kept,
    /// The server takes no messages, and the mail is an answer without attachments: it is a text,
    /// which names no thread.
    LeftOut,
}

/// Why a draft does not become a mail. Nothing was sent, and the draft is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DraftMailError {
    /// A part of the draft is not valid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The draft has attachments, and the server takes no messages.
    #[error("the server takes no messages")]
    NoMessages,
    /// The message cannot be made: an attachment is gone or was changed, for instance.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The message that was made cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The directory of the drafts cannot be written.
    #[error(transparent)]
    Draft(#[from] DraftError),
}

impl Drafts {
    /// Makes the mail of a draft, for a server with these capabilities. A draft with attachments,
    /// or with a thread, becomes a message. The message is made once and stays in a file beside the
    /// draft until the draft is deleted: the same id is always sent with the same bytes, so that an
    /// upload goes on after a break, whatever has become of the attached files. Its date is that of
    /// the id.
    ///
    /// # Errors
    ///
    /// See [`DraftMailError`].
    pub fn outgoing(
        &self,
        draft: &Draft,
        author: &Author<'_>,
        capabilities: &Capabilities,
        cancel: &Cancel,
    ) -> Result<DraftMail, DraftMailError> {
        let takes_messages = capabilities.contains(MESSAGES);
        let thread = match takes_messages || draft.references().is_empty() {
            true => ThreadFields::Kept,
            false => ThreadFields::LeftOut,
        };
        match (draft.needs_message(), takes_messages) {
            (false, _) => Ok(DraftMail { mail: draft.mail()?, thread }),
            (true, true) => Ok(DraftMail { mail: self.message(draft, author, cancel)?, thread }),
            (true, false) if draft.attachments.is_empty() => {
                Ok(DraftMail { mail: draft.mail()?, thread })
            }
            (true, false) => Err(DraftMailError::NoMessages),
        }
    }

    fn message(
        &self,
        draft: &Draft,
        author: &Author<'_>,
        cancel: &Cancel,
    ) -> Result<OutgoingMail, DraftMailError> {
        let (id, to) = (draft.id, draft.to.parse()?);
        let subject: correio_proto::mail::Subject = draft.subject.parse()?;
        if draft.attachments.is_empty() {
            OutgoingContent::check(&draft.body)?;
        }
        let path = self.message_file(id);
        if !durable::has_entry(&path) {
            let files = draft.attachments.iter().map(DraftAttachment::file);
            let message = MessageDraft {
                id,
                from: author.username.clone(),
                from_name: author.full_name.clone(),
                domain: author.domain.to_owned(),
                to: Clone::clone(&to),
                subject: subject.clone(),
                date: time_of(id),
                in_reply_to: draft.references().last().cloned(),
                references: draft.references().to_vec(),
                text: draft.body.clone(),
                attachments: files.collect::<Result<_, _>>()?,
            };
            self.write_message(&message, &path, cancel)?;
        }
        let content = OutgoingContent::message(&path)?;
        Ok(OutgoingMail { id, to, subject, content })
    }

    /// Writes a message, which has its name when all of it is on disk.
    fn write_message(
        &self,
        message: &MessageDraft,
        path: &Path,
        cancel: &Cancel,
    ) -> Result<(), DraftMailError> {
        let directory = self.directory();
        durable::create_directories(directory).map_err(|error| failed(directory, error))?;
        let temporary = path.with_extension(MAKING);
        message.write(&temporary, cancel)?;
        durable::rename(&temporary, path).map_err(|error| failed(path, error))?;
        self.sync()?;
        Ok(())
    }

    /// The path of the message of a draft, which need not exist.
    pub(super) fn message_file(&self, id: MailId) -> PathBuf {
        self.file(id).with_extension(MESSAGE)
    }
}

/// The time in an id of version 7: its first six bytes.
fn time_of(id: MailId) -> Timestamp {
    let time = id.as_bytes().iter().take(6);
    Timestamp(time.fold(0, |time, byte| time << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        let id: MailId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        // The example of RFC 9562, A.6.
        assert_eq!(time_of(id), Timestamp(1_645_557_742_000));
    }
}
