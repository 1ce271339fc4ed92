//! Composing a mail: it is a draft on disk from its first character on.

use std::{fmt::Write, path::PathBuf};

use correio_client::{
    Draft, DraftAttachment, DraftError, DraftFile, Drafts, MakeError, WhiteSpace, new_mail_id,
    sanitize,
};
use correio_proto::mail::MailId;

use crate::{prompt::Autosave, text::Text};

/// A mail that is being written, and its draft's file.
pub(crate) struct Composition {
    pub(crate) mail: Draft,
    file: DraftFile,
    text: &'static Text,
    /// A draft that was opened again, as it was: the server may have a mail with its id and text,
    /// or a part of an upload.
    original: Option<Draft>,
    /// The id of the changed text of a draft that was opened again. Files of the editor may have
    /// it.
    changed_id: Option<MailId>,
    /// Whether the text has changed since it was last saved durably.
    has_changed: bool,
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
        Self::of(drafts, Draft::begin(new_mail_id()), text)
    }

    /// A new mail that has a text already, such as a quotation.
    pub(crate) fn of(drafts: &Drafts, mail: Draft, text: &'static Text) -> Self {
        Self {
            mail,
            file: drafts.begin(),
            text,
            original: None,
            changed_id: None,
            has_changed: true,
        }
    }

    /// A draft that was opened again.
    pub(crate) fn reopened(file: DraftFile, mail: Draft, text: &'static Text) -> Self {
        let original = Some(mail.clone());
        Self { mail, file, text, original, changed_id: None, has_changed: false }
    }

    /// Saves a field of the mail while it is typed.
    pub(crate) fn field(&mut self, field: DraftField) -> FieldAutosave<'_> {
        FieldAutosave { composition: self, field }
    }

    /// Sets the text of a field. A draft that was opened again gets a new id at its first change,
    /// and its old id back with its old text.
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
        self.changed();
    }

    /// Attaches a file.
    pub(crate) fn attach(&mut self, file: DraftAttachment) -> Result<(), MakeError> {
        self.mail.attach(file)?;
        self.changed();
        Ok(())
    }

    /// Takes an attachment away, by its number from 1, and returns it. `None` if there is none.
    pub(crate) fn detach(&mut self, number: usize) -> Option<DraftAttachment> {
        let index = number.checked_sub(1)?;
        self.mail.attachments.get(index)?;
        let detached = self.mail.attachments.remove(index);
        self.changed();
        Some(detached)
    }

    /// Gives a draft that was opened again the id of its present text and files.
    fn changed(&mut self) {
        self.has_changed = true;
        if let Some(original) = &self.original {
            // Another text is another mail: the server may have accepted the first one.
            self.mail.id = match has_parts_of(&self.mail, original) {
                true => original.id,
                false => *self.changed_id.get_or_insert_with(new_mail_id),
            };
        }
    }

    /// The ids that the mail has or had.
    pub(crate) fn ids(&self) -> Vec<MailId> {
        match &self.original {
            Some(original) => [original.id].into_iter().chain(self.changed_id).collect(),
            None => vec![self.mail.id],
        }
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

    /// The drafts that this one belongs to.
    pub(crate) fn drafts(&self) -> &Drafts {
        self.file.drafts()
    }

    /// The draft's file, if it was saved.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.file.path()
    }

    /// Deletes the draft of a mail that was sent.
    pub(crate) fn sent(self) {
        // A draft that stays does no harm: to the server it is the same mail.
        let _ = self.file.delete_draft(&self.mail);
    }

    /// Deletes the draft of a mail that the user discards.
    pub(crate) fn discard(self) -> Result<(), DraftError> {
        self.file.delete_draft(&self.mail)
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

fn has_parts_of(mail: &Draft, other: &Draft) -> bool {
    let Draft { id: _, to, subject, body, attachments, origin: _ } = mail;
    (to, subject, body) == (&other.to, &other.subject, &other.body)
        && *attachments == other.attachments
}

fn reason(text: &Text, error: &DraftError) -> String {
    let reason = sanitize(&error.to_string(), WhiteSpace::OneLine);
    text.with("send-not-kept", &[("reason", reason.into())])
}

#[cfg(test)]
mod tests {
    use correio_client::Reopened;

    use super::*;
    use crate::text::Lang;

    fn reopened(drafts: &Drafts, id: MailId) -> Composition {
        let Ok(Reopened::Draft(file, mail)) = drafts.reopen(id) else { panic!() };
        Composition::reopened(file, mail, Box::leak(Box::new(Text::new(Lang::En))))
    }

    #[test]
    fn a_reopened_draft_has_its_id_while_it_has_its_text() {
        let data = tempfile::tempdir().unwrap();
        let drafts =
            Drafts::open(data.path(), &"127.0.0.1:8888".parse().unwrap(), &"tony".parse().unwrap());
        let (to, subject, body) = ("steve".to_owned(), "Oi".to_owned(), "um\n".to_owned());
        let draft = Draft { to, subject, body, ..Draft::begin(new_mail_id()) };
        drafts.save(&draft).unwrap();
        let mut composition = reopened(&drafts, draft.id);
        let mut body = composition.field(DraftField::Body);
        body.autosave("um\n").unwrap();
        body.autosave("um\n.").unwrap();
        let changed = composition.mail.id;
        assert_ne!(changed, draft.id);
        assert_eq!(composition.ids(), [draft.id, changed]);
        composition.field(DraftField::Body).autosave("um\n").unwrap();
        composition.save().unwrap();
        assert_eq!(composition.mail, draft);
        composition.set(DraftField::Subject, "Ola");
        assert_eq!(composition.mail.id, changed);
        composition.set(DraftField::Subject, "Oi");
        composition.save().unwrap();
        drop(composition);
        // A program that another test starts may hold the lock for a moment.
        let list = drafts.list().unwrap();
        assert_eq!([list.drafts, list.in_use].concat(), [draft]);
    }
}
