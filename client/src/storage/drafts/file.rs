//! The file of a draft while a program writes it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use correio_proto::{limits, mail::MailId};

use super::{
    directory::Drafts,
    draft::Draft,
    error::{DraftError, failed},
    extension::TEMPORARY,
    lock::{Lock, OPEN_TRIES, has_name, lock},
    record::{NewRecord, Record},
};
use crate::{files::durable, storage::outgoing::OutgoingMail};

/// A draft that this program is writing. Other programs see it in [`super::DraftList::in_use`]
/// until the value is dropped or the program ends. Dropping it leaves the last saved version on
/// disk.
#[derive(Debug)]
pub struct DraftFile {
    drafts: Drafts,
    on_disk: Option<OnDisk>,
}

/// The version on disk.
#[derive(Debug)]
struct OnDisk {
    id: MailId,
    sequence: u64,
    /// The open and locked file, which has the draft's name.
    file: File,
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

/// The event that a version on disk must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Survives {
    Program,
    PowerFailure,
}

impl Drafts {
    /// Begins a new draft. Nothing is on disk until it is saved.
    #[must_use]
    pub fn begin(&self) -> DraftFile {
        DraftFile::new(self.clone())
    }

    /// Reopens a draft, and keeps other programs from offering it meanwhile.
    ///
    /// # Errors
    ///
    /// See [`DraftError`]; [`io::ErrorKind::InvalidData`] if the file is damaged.
    pub fn reopen(&self, id: MailId) -> Result<Reopened, DraftError> {
        DraftFile::reopen(self.clone(), id)
    }

    /// Saves a draft durably, replaces one with the same id, and does not mark it as in use.
    ///
    /// # Errors
    ///
    /// See [`DraftError`]. A draft that was there before is then unchanged.
    pub fn save(&self, draft: &Draft) -> Result<(), DraftError> {
        self.begin().save(draft)
    }
}

impl DraftFile {
    fn new(drafts: Drafts) -> Self {
        Self { drafts, on_disk: None }
    }

    fn reopen(drafts: Drafts, id: MailId) -> Result<Reopened, DraftError> {
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
        let on_disk = OnDisk { id, sequence: record.sequence, file };
        Ok(Reopened::Draft(Self { drafts, on_disk: Some(on_disk) }, record.draft()))
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
        self.write(draft.id, |sequence| NewRecord::of(draft, sequence), Survives::Program)
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
        let record = |sequence| NewRecord::of(draft, sequence);
        self.write(draft.id, record, Survives::PowerFailure)
    }

    /// Makes the version on disk survive a power failure, too, without writing it again. Does
    /// nothing if there is none.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn sync(&self) -> Result<(), DraftError> {
        let Some(OnDisk { id, file, .. }) = &self.on_disk else {
            return Ok(());
        };
        durable::sync(file).map_err(|error| failed(&self.drafts.file(*id), error))?;
        self.drafts.sync()
    }

    /// As [`DraftFile::save`], for a mail. Its content is in memory a piece at a time.
    ///
    /// # Errors
    ///
    /// See [`DraftFile::save`]; also errors of the file that has the content.
    pub fn save_mail(&mut self, mail: &OutgoingMail) -> Result<(), DraftError> {
        let record = |sequence| NewRecord::of_mail(mail, sequence);
        self.write(mail.id, record, Survives::PowerFailure)
    }

    /// Deletes the draft, which was sent or is not wanted any more.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete(self) -> Result<(), DraftError> {
        self.on_disk.as_ref().map_or(Ok(()), |on_disk| self.drafts.delete(on_disk.id))
    }

    /// As [`DraftFile::delete`], with the files that exist for this draft alone.
    ///
    /// # Errors
    ///
    /// See [`DraftError`].
    pub fn delete_draft(self, draft: &Draft) -> Result<(), DraftError> {
        let drafts = self.drafts.clone();
        self.delete()?;
        drafts.delete_attached(draft);
        Ok(())
    }

    /// The directory of the draft.
    #[must_use]
    pub fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// The path of the file, if anything was saved.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.on_disk.as_ref().map(|on_disk| self.drafts.file(on_disk.id))
    }

    fn write<'a>(
        &mut self,
        id: MailId,
        record: impl FnOnce(u64) -> NewRecord<'a>,
        survives: Survives,
    ) -> Result<(), DraftError> {
        let directory = self.drafts.directory();
        durable::create_directories(directory).map_err(|error| failed(directory, error))?;
        let sequence = match &self.on_disk {
            // The number is looked up when the draft is begun and at its end, not at each pause.
            Some(on_disk) if survives == Survives::Program => on_disk.sequence,
            _ => self.drafts.next_sequence(id),
        };
        let path = self.drafts.file(id);
        let temporary = path.with_extension(TEMPORARY);
        let written = write(&temporary, record(sequence), survives).and_then(|file| {
            durable::rename(&temporary, &path)?;
            Ok(file)
        });
        let file = written.map_err(|error| {
            // Report the first error.
            let _ = fs::remove_file(&temporary);
            failed(&path, error)
        })?;
        let before = self.on_disk.replace(OnDisk { id, sequence, file });
        let synced = match survives {
            Survives::Program => Ok(()),
            Survives::PowerFailure => self.drafts.sync(),
        };
        synced?;
        match before.filter(|before| before.id != id) {
            // If this fails there are two drafts, and nothing is lost.
            Some(before) => self.drafts.delete(before.id),
            None => Ok(()),
        }
    }
}

/// Writes the next version of a draft and locks it, before it has the draft's name.
fn write(path: &Path, record: NewRecord<'_>, survives: Survives) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(path)?;
    lock(&file);
    let mut out = BufWriter::with_capacity(limits::PIECE_MAX, &file);
    record.write(&mut out)?;
    out.flush()?;
    drop(out);
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
