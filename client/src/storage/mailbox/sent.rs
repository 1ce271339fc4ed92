//! Keeps mails that were sent, in the folder of sent mails.

use std::{io, slice};

use correio_proto::{
    limits,
    mail::{Content, Mail, Seq},
};

use super::{
    FileName, Mailbox,
    error::MailboxError,
    flags::{Flag, FlagChange},
    folder::Folder,
    large_file::{Begun, Completed},
    name,
    saving::{Locked, Saving},
    scan::{Subdirectory, scan},
    sent_mail::SentMail,
};
use crate::{
    cancel::Cancel,
    storage::outgoing::{ContentError, ContentPieces, OutgoingContent},
};

impl Mailbox {
    /// Keeps a mail that was sent in the folder of sent mails, durably and once: its id recognises
    /// it. A large content is read from its file piece by piece. The mail counts as read.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`], also if the content's file was changed since the mail was sent;
    /// [`MailboxError::Locked`]. Nothing is then left of the copy.
    pub fn keep_sent(&self, sent: SentMail<'_>, cancel: &Cancel) -> Result<(), MailboxError> {
        let folder = self.in_folder(Folder::Sent);
        folder.create_folder()?;
        let mail = folder.mail(sent)?;
        let mut saving = folder.start_saving(cancel)?;
        match &mail.content {
            Content::Body(_) | Content::Message(_) => {
                saving.save(slice::from_ref(&mail))?;
            }
            Content::Large(_) => {
                let copied = folder.copy(&mut saving, &mail, &sent.mail.content);
                copied.inspect_err(|_| saving.abandon())?;
            }
        }
        folder.mark_copy(&mail)
    }

    /// Copies a large content piece by piece.
    fn copy(
        &self,
        saving: &mut Saving<Locked>,
        mail: &Mail,
        content: &OutgoingContent,
    ) -> Result<(), MailboxError> {
        if saving.begin(mail)? == Begun::Known {
            return Ok(());
        }
        let mut pieces = ContentPieces::open(content).map_err(|error| self.failed(error))?;
        let mut left = content.size();
        while left > 0 {
            let piece = pieces.next(limits::PIECE_MAX).map_err(|error| self.failed(error))?;
            left = left.saturating_sub(piece.as_bytes().len() as u64);
            saving.append(&piece)?;
        }
        match saving.complete()? {
            Completed::Saved => Ok(()),
            Completed::Damaged => {
                let changed = io::Error::other("the content was changed since it was sent");
                Err(MailboxError::io(&self.directory, changed))
            }
        }
    }

    /// The mail as its file has it. The server's number of a sent mail is not known.
    fn mail(&self, sent: SentMail<'_>) -> Result<Mail, MailboxError> {
        let SentMail { from, from_name, mail, sent_at } = sent;
        let content = content(&mail.content).map_err(|error| self.failed(error))?;
        Ok(Mail {
            seq: Seq(0),
            id: mail.id,
            from: from.clone(),
            from_name: from_name.clone(),
            to: mail.to.clone(),
            sent_at,
            subject: mail.subject.clone(),
            content,
        })
    }

    /// Marks a copy as read. A copy that cannot be marked is kept all the same.
    fn mark_copy(&self, mail: &Mail) -> Result<(), MailboxError> {
        let found = scan(&self.directory)?;
        let is_it = |name: &FileName| name.id == mail.id && name.sender == mail.from;
        let new = found.files.iter().rev().find(|file| is_it(&file.name));
        if let Some(file) = new.filter(|file| file.subdirectory == Subdirectory::New) {
            let seen =
                |separator| name::changed(&file.file, Flag::Seen, FlagChange::Set, separator);
            self.move_to_cur(&file.path(&self.directory), seen)?;
        }
        Ok(())
    }

    fn failed(&self, error: ContentError) -> MailboxError {
        match error {
            ContentError::Io { path, source } => MailboxError::Io { path, source },
            other => MailboxError::io(&self.directory, io::Error::other(other)),
        }
    }
}

/// The content as the copy has it: within the mail if that is possible.
fn content(content: &OutgoingContent) -> Result<Content, ContentError> {
    match content.size() <= limits::BODY_MAX as u64 {
        true => content.inline(),
        false => Ok(Content::Large(content.stated())),
    }
}
