//! The texts of errors with messages: while they are made, forwarded, and while attachments are saved.

use std::{borrow::Cow, path::Path};

use correio_client::{DraftMailError, MakeError, ReattachError, SaveError, WhiteSpace, sanitize};

use super::{Text, size::Rounding};

impl Text {
    /// Why a draft does not become a mail.
    pub(crate) fn draft_mail(&self, error: &DraftMailError) -> String {
        match error {
            DraftMailError::Invalid(invalid) => self.invalid(*invalid),
            DraftMailError::NoMessages => self.of("request-no-messages"),
            DraftMailError::Make(error) => self.make(error),
            DraftMailError::Content(error) => self.content(error),
            DraftMailError::Draft(error) => self.draft(error),
        }
    }

    /// Why a message is not made.
    pub(crate) fn make(&self, error: &MakeError) -> String {
        match error {
            MakeError::Attachment { path, source } => {
                self.with("attach-unreadable", &[shown(path), reason(source)])
            }
            MakeError::Changed { path } => self.with("attach-changed", &[shown(path)]),
            MakeError::TooMany { max } => {
                self.with("attach-too-many", &[("max", max.to_string().into())])
            }
            MakeError::TooLarge { size, max } => {
                let (size, max) = (self.size_of(*size), self.size(*max, Rounding::Down));
                self.with("attach-too-large", &[("size", size.into()), ("max", max.into())])
            }
            MakeError::Domain(error) => self.with("attach-not-made", &[reason(error)]),
            MakeError::Write { path, source } => {
                self.with("body-unreadable", &[shown(path), reason(source)])
            }
            MakeError::Cancelled => self.of("request-cancelled"),
        }
    }

    /// Why an attachment is not saved.
    pub(crate) fn save(&self, error: &SaveError) -> String {
        match error {
            SaveError::NoSuchAttachment(index) => {
                self.with("attach-no-such", &[("number", (index + 1).to_string().into())])
            }
            SaveError::Read(source) => self.with("mailbox-error", &[reason(source)]),
            SaveError::Write { path, source } => {
                self.with("save-failed", &[shown(path), reason(source)])
            }
            SaveError::TooManyFiles { path } => self.with("save-too-many", &[shown(path)]),
            SaveError::Cancelled => self.of("request-cancelled"),
        }
    }

    /// Why the attachments of a mail are not forwarded.
    pub(crate) fn reattach(&self, error: &ReattachError) -> String {
        match error {
            ReattachError::Mailbox(error) => self.mailbox(error),
            ReattachError::Save(error) => self.save(error),
            ReattachError::Make(error) => self.make(error),
            ReattachError::Draft(error) => self.draft(error),
        }
    }
}

fn shown(path: &Path) -> (&'static str, Cow<'static, str>) {
    ("path", sanitize(&path.to_string_lossy(), WhiteSpace::OneLine).into())
}

fn reason(error: &impl ToString) -> (&'static str, Cow<'static, str>) {
    ("reason", sanitize(&error.to_string(), WhiteSpace::OneLine).into())
}
