//! The directory with the drafts of an account.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use correio_proto::mail::{MailId, Username};

use super::{
    draft::Draft,
    error::{DraftError, failed},
    extension::{ATTACHED, EXTENSION, MAKING, MESSAGE, TEMPORARY, has_extension},
    lock::{Lock, opened},
    record::{self, Record},
};
use crate::{
    address::Address,
    files::durable,
    storage::{
        layout::{self, Kind},
        skipped::Skipped,
    },
};

/// The drafts of an account at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftList {
    /// The drafts that can be reopened, in the order in which they were last written.
    pub drafts: Vec<Draft>,
    /// The drafts that a running program is writing, in the same order. Do not offer them.
    pub in_use: Vec<Draft>,
    /// Files that are not drafts, and damaged ones. They are left unchanged.
    pub skipped: Vec<Skipped>,
}

/// The drafts of one account of one server on this computer.
#[derive(Clone, Debug)]
pub struct Drafts {
    directory: PathBuf,
}

impl Drafts {
    /// The drafts of an account in a data directory: `<data>/drafts/<host>_<port>/<username>`, host
    /// and port as for [`crate::Mailbox::open`]. Makes no directory until a draft is saved.
    #[must_use]
    pub fn open(data: &Path, address: &Address, username: &Username) -> Self {
        Self { directory: layout::directory(data, Kind::Drafts, address, username) }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Lists all drafts, and the files that are not drafts.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn list(&self) -> Result<DraftList, DraftError> {
        let mut ordered = Vec::new();
        let mut skipped = Vec::new();
        let files = self.files()?;
        for path in files.iter().filter(|path| !is_beside(path)) {
            let read = match path.extension().and_then(|extension| extension.to_str()) {
                Some(TEMPORARY) => self.recover_temporary(path),
                _ => read(path),
            };
            match read {
                Ok(Some(found)) => ordered.push(found),
                Ok(None) => {}
                Err(reason) => skipped.push(Skipped { path: path.clone(), reason }),
            }
        }
        ordered.sort_by_key(|(record, _)| record.order());
        let mut list = DraftList { skipped, ..DraftList::default() };
        for (record, lock) in ordered {
            match lock {
                Lock::Held => list.in_use.push(record.draft()),
                Lock::Free => list.drafts.push(record.draft()),
            }
        }
        let all: Vec<&Draft> = list.drafts.iter().chain(&list.in_use).collect();
        if list.skipped.is_empty() {
            // A damaged draft may have files, too.
            self.delete_left(&all, &files);
        }
        Ok(list)
    }

    /// Counts the drafts that can be reopened, without reading their bodies. A file that only
    /// begins as a draft counts, too; [`Drafts::list`] tells what is wrong with it.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn count(&self) -> Result<usize, DraftError> {
        let files = self.files()?;
        let is_left = |path: &PathBuf| {
            has_extension(path, TEMPORARY) && !path.with_extension(EXTENSION).exists()
        };
        if files.iter().any(is_left) {
            // A program was killed before it first saved a draft, which may be whole.
            return Ok(self.list()?.drafts.len());
        }
        let is_free = |path: &PathBuf| opened(path).is_ok_and(|(_, lock)| lock == Lock::Free);
        let is_draft = |path: &&PathBuf| {
            has_extension(path, EXTENSION) && is_free(path) && record::sequence(path).is_some()
        };
        Ok(files.iter().filter(is_draft).count())
    }

    /// Deletes a draft. A missing draft is no error.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete(&self, id: MailId) -> Result<(), DraftError> {
        let path = self.file(id);
        // Also delete the next version that a killed program left unfinished.
        let _ = fs::remove_file(path.with_extension(TEMPORARY));
        let removed = fs::remove_file(&path);
        if removed.is_ok() {
            for beside in [MESSAGE, MAKING] {
                // What stays is deleted later.
                let _ = fs::remove_file(path.with_extension(beside));
            }
        }
        match removed {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// The path of a draft's file, which need not exist.
    #[must_use]
    pub fn file(&self, id: MailId) -> PathBuf {
        self.directory.join(format!("{id}.{EXTENSION}"))
    }

    /// The paths in the directory, which need not exist.
    fn files(&self) -> Result<Vec<PathBuf>, DraftError> {
        let names = durable::names(&self.directory);
        let names = names.map_err(|error| failed(&self.directory, error))?;
        Ok(names.iter().map(|name| self.directory.join(name)).collect())
    }

    /// The next sequence number: above that of every other draft. Damaged files have none.
    pub(super) fn next_sequence(&self, own: MailId) -> u64 {
        let own = self.file(own);
        let files = self.files().unwrap_or_default();
        let others = files.iter().filter(|path| **path != own);
        let last = others.filter_map(|path| record::sequence(path)).max();
        last.map_or(1, |last| last.saturating_add(1))
    }

    /// Recovers a temporary file that a killed program left before it first saved the draft. A
    /// complete file is renamed to the draft; an incomplete one is an error. `None` if the file is
    /// empty, if a program still writes it, or if the draft exists.
    fn recover_temporary(&self, path: &Path) -> Result<Option<(Record, Lock)>, String> {
        let is_empty = fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0);
        let draft = path.with_extension(EXTENSION);
        if is_empty || draft.exists() {
            return Ok(None);
        }
        match read(path) {
            Ok(Some((record, Lock::Free))) => {
                durable::rename(path, &draft).map_err(|error| error.to_string())?;
                Ok(Some((record, Lock::Free)))
            }
            Ok(_) => Ok(None),
            // The program that is writing it renames it once it is complete.
            Err(_) if opened(path).is_ok_and(|(_, lock)| lock == Lock::Held) => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    pub(super) fn sync(&self) -> Result<(), DraftError> {
        let synced = durable::sync_directory(&self.directory).map(drop);
        synced.map_err(|error| failed(&self.directory, error))
    }
}

/// Whether a path is that of a file or directory beside a draft.
fn is_beside(path: &Path) -> bool {
    [MESSAGE, MAKING, ATTACHED].iter().any(|extension| has_extension(path, extension))
}

/// Reads a draft, and whether a program is writing it. `None` if another program has just deleted
/// it.
fn read(path: &Path) -> Result<Option<(Record, Lock)>, String> {
    let (file, lock) = match opened(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !durable::has_entry(path) => {
            return Ok(None);
        }
        opened => opened.map_err(|error| error.to_string())?,
    };
    let record = Record::read(file)?;
    // A draft under another name could not be deleted by its id.
    let named = path.file_stem().and_then(|stem| stem.to_str());
    if named != Some(record.id.to_string().as_str()) {
        return Err("the file name does not match the id of the draft".to_owned());
    }
    Ok(Some((record, lock)))
}
