//! The texts of errors with messages: while they are made, forwarded, and while attachments are
//! saved.

use std::{borrow::Cow, io, path::Path};

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
                self.with("attach-unreadable", &[shown(path), self.of_file(source)])
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
                self.with("body-unreadable", &[shown(path), self.of_file(source)])
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
                self.with("save-failed", &[shown(path), self.of_file(source)])
            }
            SaveError::TooManyFiles { path } => self.with("save-too-many", &[shown(path)]),
            SaveError::Cancelled => self.of("request-cancelled"),
        }
    }

    fn of_file(&self, error: &io::Error) -> (&'static str, Cow<'static, str>) {
        ("reason", self.file_error(error).into())
    }

    /// Why a file that the user has named cannot be used: in the user's language for what a wrong
    /// name causes, otherwise as the operating system says it.
    pub(crate) fn file_error(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::NotFound => self.of("file-not-found"),
            io::ErrorKind::PermissionDenied => self.of("file-not-allowed"),
            // What a directory, a pipe or a device is refused with.
            io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => self.of("file-not-regular"),
            io::ErrorKind::StorageFull => self.of("file-no-room"),
            _ => sanitize(&error.to_string(), WhiteSpace::OneLine),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn what_a_wrong_file_name_causes_is_said_in_the_language() {
        let (pt, en) = (Text::new(Lang::Pt), Text::new(Lang::En));
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(pt.file_error(&missing), "o arquivo ou o diretório não existe");
        assert_eq!(en.file_error(&missing), "the file or directory does not exist");
        let other = io::Error::other("x");
        assert_eq!(pt.file_error(&other), "x");
    }
}
