//! Composing a mail: it is a draft on disk from its first character on.

use std::{fmt::Write, path::PathBuf};

use correio_client::{Draft, DraftError, DraftFile, Drafts, WhiteSpace, new_mail_id, sanitize};
use correio_proto::mail::MailId;

use crate::{prompt::Autosave, text::Text};

/// A mail that is being written, and its draft's file.
pub(crate) struct Composition {
    pub(crate) mail: Draft,
    file: DraftFile,
    text: &'static Text,
    /// Whether the draft was there before: the server may have a mail with this id, and with its
    /// old text.
    is_reopened: bool,
    /// Whether the text has changed since it was last saved durably.
    has_changed: bool,
    /// The id from before the first change of a reopened draft. Files of the editor may have it.
    earlier_id: Option<MailId>,
}

/// A field of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DraftField {
    To,
    Subject,
    Body,
}

impl Composition {
    /// A new mail.
    pub(crate) fn begin(drafts: &Drafts, text: &'static Text) -> Self {
        let (to, subject, body) = Default::default();
        let mail = Draft { id: new_mail_id(), to, subject, body };
        Self {
            mail,
            file: drafts.begin(),
            text,
            is_reopened: false,
            has_changed: true,
            earlier_id: None,
        }
    }

    /// A draft that was opened again.
    pub(crate) fn reopened(file: DraftFile, mail: Draft, text: &'static Text) -> Self {
        Self { mail, file, text, is_reopened: true, has_changed: false, earlier_id: None }
    }

    /// Saves a field of the mail while it is typed.
    pub(crate) fn field(&mut self, field: DraftField) -> FieldAutosave<'_> {
        FieldAutosave { composition: self, field }
    }

    /// Sets the text of a field. A draft that was opened again gets a new id at its first change.
    pub(crate) fn set(&mut self, field: DraftField, typed: &str) {
        let place = match field {
            DraftField::To => &mut self.mail.to,
            DraftField::Subject => &mut self.mail.subject,
            DraftField::Body => &mut self.mail.body,
        };
        if place == typed {
            return;
        }
        typed.clone_into(place);
        self.has_changed = true;
        if std::mem::take(&mut self.is_reopened) {
            // Another text is another mail: the server may have accepted the first one.
            self.earlier_id = Some(std::mem::replace(&mut self.mail.id, new_mail_id()));
        }
    }

    /// The ids that the mail has or had.
    pub(crate) fn ids(&self) -> Vec<MailId> {
        self.earlier_id.into_iter().chain([self.mail.id]).collect()
    }

    /// Saves the draft durably. A text that has not changed is not written again.
    pub(crate) fn save(&mut self) -> Result<(), DraftError> {
        match self.has_changed {
            true => self.file.save(&self.mail)?,
            false => self.file.sync()?,
        }
        self.has_changed = false;
        Ok(())
    }

    /// The draft's file, if it was saved.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.file.path()
    }

    /// Deletes the draft of a mail that was sent.
    pub(crate) fn sent(self) {
        // A draft that stays does no harm: to the server it is the same mail.
        let _ = self.file.delete();
    }

    /// Deletes the draft of a mail that the user discards.
    pub(crate) fn discard(self) -> Result<(), DraftError> {
        self.file.delete()
    }

    /// The message for a draft that could not be saved: the reason, and the text of the mail, to be
    /// copied.
    pub(crate) fn not_saved(&self, error: &DraftError) -> String {
        let mut said = reason(self.text, error);
        for part in [&self.mail.to, &self.mail.subject, &self.mail.body] {
            if !part.is_empty() {
                // Writing to a string cannot fail.
                _ = write!(said, "\n{}", sanitize(part, WhiteSpace::Lines));
            }
        }
        said
    }
}

/// A field of the mail that is being typed.
pub(crate) struct FieldAutosave<'a> {
    composition: &'a mut Composition,
    field: DraftField,
}

impl Autosave for FieldAutosave<'_> {
    fn autosave(&mut self, typed: &str) -> Result<(), String> {
        let Composition { mail, file, text, has_changed, .. } = {
            self.composition.set(self.field, typed);
            &mut *self.composition
        };
        if !*has_changed || (mail.is_blank() && file.path().is_none()) {
            return Ok(());
        }
        file.autosave(mail).map_err(|error| reason(text, &error))
    }
}

fn reason(text: &Text, error: &DraftError) -> String {
    let reason = sanitize(&error.to_string(), WhiteSpace::OneLine);
    text.with("send-not-kept", &[("reason", reason.into())])
}
