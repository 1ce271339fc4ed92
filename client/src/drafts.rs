//! Mails that were written and not sent: kept until they are.
//!
//! A draft holds what was typed, whether or not it is a valid mail, under the id it is sent
//! with. Save it before sending and delete it once it was sent: then nothing that was typed is
//! lost, whatever happens in between, and sending it again never makes a second mail.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use correio_proto::{
    mail::{Invalid, MailId, Username},
    message::Send,
};

use serde::{Deserialize, Serialize};

use crate::{
    Address, Skipped, durable,
    place::{self, Kept},
};

/// Largest file that is read, in bytes: the largest body, every byte of it escaped.
const FILE_MAX: u64 = 64 * 1024 * 1024;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The id the mail is sent with. A draft whose text is changed after it was sent once, with
    /// whatever result, needs a new one: the server may have taken the first.
    #[serde(with = "id_text")]
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

/// The drafts of one account of one server on this computer.
#[derive(Debug)]
pub struct Drafts {
    directory: PathBuf,
}

impl Drafts {
    /// The drafts of an account in a data directory: `<data>/drafts/<host>_<port>/<username>`, host
    /// and port as for [`crate::Mailbox::open`]. Makes no directory until a draft is saved.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        Self { directory: place::directory(data, Kept::Drafts, address, username) }
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
        durable::create_directories(&self.directory)
            .map_err(|error| failed(&self.directory, error))?;
        let path = self.file(draft.id);
        let temporary = path.with_extension("tmp");
        let json = serde_json::to_vec_pretty(draft).map_err(io::Error::from);
        json.and_then(|json| durable::write(&temporary, &json))
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|error| failed(&path, error))?;
        self.sync()
    }

    /// All drafts, oldest first, and the files that are none.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn list(&self) -> Result<(Vec<Draft>, Vec<Skipped>), DraftError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((vec![], vec![])),
            entries => entries.map_err(|error| failed(&self.directory, error))?,
        };
        let mut drafts = Vec::new();
        let mut skipped = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(&self.directory, error))?.path();
            // What is being written, or was when its writer was killed.
            if path.extension().is_some_and(|extension| extension == "tmp") {
                continue;
            }
            match read(&path) {
                Ok(Some(draft)) => drafts.push(draft),
                Ok(None) => {}
                Err(reason) => skipped.push(Skipped { path, reason }),
            }
        }
        drafts.sort_by_key(|draft: &Draft| draft.id);
        Ok((drafts, skipped))
    }

    /// Deletes a draft; one that is not there is deleted already.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete(&self, id: MailId) -> Result<(), DraftError> {
        let path = self.file(id);
        match fs::remove_file(&path) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// The file of a draft, whether or not it is there.
    #[must_use]
    pub fn file(&self, id: MailId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn sync(&self) -> Result<(), DraftError> {
        let synced = durable::sync_directory(&self.directory);
        synced.map_err(|error| failed(&self.directory, error))
    }
}

/// Reads a draft; nothing where another program has deleted it just now.
fn read(path: &Path) -> Result<Option<Draft>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| error.to_string())?,
    };
    let mut json = Vec::new();
    let length = file.take(FILE_MAX + 1).read_to_end(&mut json);
    if length.map_err(|error| error.to_string())? as u64 > FILE_MAX {
        return Err("it is larger than any draft".to_owned());
    }
    let draft: Draft = serde_json::from_slice(&json)
        .map_err(|error| format!("it is no draft that correio saved: {error}"))?;
    // Otherwise it could not be deleted by its id.
    let named = path.file_stem().and_then(|stem| stem.to_str());
    if named != Some(draft.id.to_string().as_str()) {
        return Err("its name is not that of the draft in it".to_owned());
    }
    Ok(Some(draft))
}

fn failed(path: &Path, source: io::Error) -> DraftError {
    let path = path.to_owned();
    DraftError { path, source }
}

/// An id as text: in a file for people it is not bytes.
mod id_text {
    use correio_proto::mail::MailId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &MailId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<MailId, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    fn open(data: &TempDir) -> Drafts {
        let address = "correio.example".parse().unwrap();
        Drafts::open(data.path(), &address, &"tony".parse().unwrap())
    }

    fn draft(subject: &str) -> Draft {
        Draft {
            id: crate::new_mail_id(),
            to: "pepper, quem?".to_owned(),
            subject: subject.to_owned(),
            body: "Olá\r\n\0".to_owned(),
        }
    }

    #[test]
    fn drafts_are_kept_replaced_and_deleted() {
        let data = TempDir::new().unwrap();
        let drafts = open(&data);
        let [mut first, second] = [draft("primeiro"), draft("")];
        for draft in [&second, &first] {
            drafts.save(draft).unwrap();
        }
        first.subject = "mudado".to_owned();
        drafts.save(&first).unwrap();
        let kept = open(&data).list().unwrap();
        assert_eq!(kept, (vec![first.clone(), second.clone()], vec![]));
        drafts.delete(first.id).unwrap();
        drafts.delete(first.id).unwrap();
        assert_eq!(drafts.list().unwrap().0, [second]);
    }

    #[test]
    fn what_is_no_draft_is_told() {
        let data = TempDir::new().unwrap();
        let drafts = open(&data);
        let kept = draft("x");
        drafts.save(&kept).unwrap();
        fs::copy(drafts.file(kept.id), drafts.directory().join("copy.json")).unwrap();
        fs::write(drafts.directory().join("notes.txt"), "…").unwrap();
        fs::write(drafts.directory().join("half.tmp"), "{").unwrap();
        let (found, skipped) = drafts.list().unwrap();
        assert_eq!(found, [kept]);
        assert_eq!(skipped.len(), 2);
    }

    #[test]
    fn a_valid_draft_becomes_the_same_mail_again() {
        let mut draft = draft("Oi");
        assert!(draft.mail().is_err());
        draft.to = "pepper, steve".to_owned();
        let mail = draft.mail().unwrap();
        assert_eq!(mail.id, draft.id);
        assert_eq!(Draft::from(&mail), draft);
    }

    proptest! {
        #[test]
        fn what_was_typed_comes_back(to: String, subject: String, body: String) {
            let data = TempDir::new().unwrap();
            let drafts = open(&data);
            let draft = Draft { id: crate::new_mail_id(), to, subject, body };
            drafts.save(&draft).unwrap();
            prop_assert_eq!(drafts.list().unwrap().0, [draft]);
        }
    }
}
