//! The file of a draft while a program writes it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use correio_proto::mail::MailId;

use super::{Draft, DraftError, Drafts, TEMPORARY, failed, record::Record};
use crate::storage::durable;

/// Retry interval and number of tries for the lock of a draft: a program that lists drafts holds it
/// for a moment, a program that writes the draft holds it until it ends.
const LOCK_RETRY: Duration = Duration::from_millis(5);
const LOCK_TRIES: usize = 40;

/// Times that a file is opened again because a program has just replaced it.
const OPEN_TRIES: usize = 16;

/// A draft that this program is writing. Other programs see it in [`super::DraftList::in_use`]
/// until the value is dropped or the program ends. Dropping it leaves the last saved version on
/// disk.
#[derive(Debug)]
pub struct DraftFile {
    drafts: Drafts,
    held: Option<Held>,
}

/// The version on disk.
#[derive(Debug)]
struct Held {
    id: MailId,
    sequence: u64,
    /// The open and locked file, which has the draft's name.
    _file: File,
}

/// Result of [`Drafts::reopen`].
#[derive(Debug)]
pub enum Reopened {
    /// The draft, which this program now writes.
    Draft(DraftFile, Draft),
    /// Another program is writing it.
    InUse,
    /// It was deleted.
    Gone,
}

/// Whether a program holds the lock of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Held,
    Free,
}

/// The event that a version on disk must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Survives {
    Program,
    PowerFailure,
}

impl DraftFile {
    pub(super) fn new(drafts: Drafts) -> Self {
        Self { drafts, held: None }
    }

    pub(super) fn reopen(drafts: Drafts, id: MailId) -> Result<Reopened, DraftError> {
        let path = drafts.file(id);
        let mut file = match writable(&path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Reopened::InUse),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reopened::Gone),
            Err(error) => return Err(failed(&path, error)),
        };
        let damaged = |reason| failed(&path, io::Error::new(io::ErrorKind::InvalidData, reason));
        let record = Record::read(&mut file).map_err(damaged)?;
        if record.id != id {
            return Err(damaged("the file name does not match the id of the draft".to_owned()));
        }
        let held = Held { id, sequence: record.sequence, _file: file };
        Ok(Reopened::Draft(Self { drafts, held: Some(held) }, record.draft()))
    }

    /// Saves the typed text, so that it survives the end of the program. Cheap enough for every
    /// pause in typing, because it does not sync: a power failure may lose the text.
    /// [`DraftFile::save`] survives that, too.
    ///
    /// A draft with another id replaces the one before.
    ///
    /// # Errors
    ///
    /// See [`DraftError`]. The version that was on disk is unchanged.
    pub fn autosave(&mut self, draft: &Draft) -> Result<(), DraftError> {
        self.write(draft, Survives::Program)
    }

    /// Saves a draft durably, as the last written, and replaces the version before.
    ///
    /// A draft with another id replaces the one before.
    ///
    /// # Errors
    ///
    /// See [`DraftError`]. The version on disk is unchanged, unless syncing the directory failed:
    /// then the new version is there, and may not survive a power failure.
    pub fn save(&mut self, draft: &Draft) -> Result<(), DraftError> {
        self.write(draft, Survives::PowerFailure)
    }

    /// Deletes the draft, which was sent or is not wanted any more.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete(self) -> Result<(), DraftError> {
        self.held.as_ref().map_or(Ok(()), |held| self.drafts.delete(held.id))
    }

    /// The path of the file, if anything was saved.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.held.as_ref().map(|held| self.drafts.file(held.id))
    }

    fn write(&mut self, draft: &Draft, survives: Survives) -> Result<(), DraftError> {
        let directory = self.drafts.directory();
        durable::create_directories(directory).map_err(|error| failed(directory, error))?;
        let sequence = match &self.held {
            // The number is looked up when the draft is begun and at its end, not at each pause.
            Some(held) if survives == Survives::Program => held.sequence,
            _ => self.drafts.next_sequence(draft.id),
        };
        let path = self.drafts.file(draft.id);
        let temporary = path.with_extension(TEMPORARY);
        let written = Record::of(draft, sequence).json().and_then(|json| {
            let file = write(&temporary, &json, survives)?;
            durable::rename(&temporary, &path)?;
            Ok(file)
        });
        let file = written.map_err(|error| {
            // Report the first error.
            let _ = fs::remove_file(&temporary);
            failed(&path, error)
        })?;
        let before = self.held.replace(Held { id: draft.id, sequence, _file: file });
        let synced = match survives {
            Survives::Program => Ok(()),
            Survives::PowerFailure => self.drafts.sync(),
        };
        synced?;
        match before.filter(|before| before.id != draft.id) {
            // If this fails there are two drafts, and nothing is lost.
            Some(before) => self.drafts.delete(before.id),
            None => Ok(()),
        }
    }
}

/// Writes the next version of a draft and locks it, before it has the draft's name.
fn write(path: &Path, json: &[u8], survives: Survives) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    lock(&file);
    file.write_all(json)?;
    if survives == Survives::PowerFailure {
        durable::sync(&file)?;
    }
    Ok(file)
}

/// Opens and locks a draft for writing; `None` if another program holds the lock.
fn writable(path: &Path) -> io::Result<Option<File>> {
    for _ in 0..OPEN_TRIES {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            // Some network file systems lock only files that are open for writing.
            Err(error) if is_read_only(&error) => File::open(path)?,
            opened => opened?,
        };
        if lock(&file) == Lock::Held {
            return Ok(None);
        }
        if has_name(&file, path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Locks a file. [`Lock::Held`] if another program keeps the lock. Without locks in the file
/// system, no program counts as holding one.
fn lock(file: &File) -> Lock {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_RETRY),
            Ok(()) | Err(TryLockError::Error(_)) => return Lock::Free,
        }
    }
    Lock::Held
}

/// Opens a draft for reading, and tells whether a program is writing it.
pub(super) fn opened(path: &Path) -> io::Result<(File, Lock)> {
    let mut tries = 0..OPEN_TRIES;
    loop {
        let file = durable::open_file(path)?;
        // Lock it shared, so that two programs that list do not take each other for writers.
        let lock = match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Lock::Held,
            Ok(()) | Err(TryLockError::Error(_)) => Lock::Free,
        };
        // Only the file that has the name now counts: an older version has lost its lock.
        if tries.next().is_none() || has_name(&file, path)? {
            return Ok((file, lock));
        }
    }
}

/// Whether a path still names this open file.
fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}
