//! `correiod backup`: one file with everything of a data directory that a server needs, as of one
//! moment.
//!
//! The database is copied and checked before it is packed. The backup is written beside its place,
//! read again, and only then gets its name, so that a file of this name is always a whole backup.

mod error;
mod target;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use correio_proto::message::Realm;
use zeroize::Zeroizing;

pub use self::{error::BackupError, target::BackupTarget};
use crate::{
    cancel::Cancel,
    clock,
    data_directory::{DATABASE, has},
    ops::{
        archive::{self, ArchiveError, ArchivedFile, FileEntry, KEY_BYTES_MAX, Manifest, Source},
        progress::Progress,
        streams::Output,
    },
    private_file,
    store::sqlite::{Checked, SqliteSnapshot},
};

/// Name of the unfinished backup in its scratch directory.
const UNFINISHED: &str = "backup";

/// A backup that was made.
#[derive(Debug)]
pub struct Report {
    /// What it holds.
    pub manifest: Manifest,
    /// Accounts and mails of its database.
    pub checked: Checked,
}

/// Makes a backup of a data directory, whether its server runs or not.
///
/// # Errors
///
/// See [`BackupError`]. The target is then as it was.
pub fn backup(
    directory: &Path,
    target: &BackupTarget,
    cancel: &Cancel,
) -> Result<Report, BackupError> {
    target.check(directory)?;
    let progress = Progress::new();
    let scratch = target.scratch()?;
    let copy = scratch.path().join(DATABASE);
    let (keys, realm) = copy_out(directory, &copy, cancel, &progress)?;
    let snapshot = SqliteSnapshot::open(scratch.path(), cancel)?;
    progress.begin_count("checking mails");
    let checked = snapshot.check(|mails| progress.set(mails))?;
    if let Some(finding) = checked.findings.first() {
        let (directory, finding) = (directory.to_owned(), finding.to_string());
        return Err(BackupError::Damaged { directory, finding });
    }
    let mut database = File::open(&copy).map_err(|source| unreadable(&copy, source))?;
    let manifest = Manifest {
        correio: env!("CARGO_PKG_VERSION").to_owned(),
        schema: snapshot.version(),
        realm,
        made_at: now(),
        files: entries(&mut database, &keys, cancel)?,
    };
    let mut database = File::open(&copy).map_err(|source| unreadable(&copy, source))?;
    let mut contents: Vec<&[u8]> = keys.iter().map(|(_, key)| key.as_slice()).collect();
    let mut sources: Vec<Source<'_>> = vec![&mut database];
    sources.extend(contents.iter_mut().map(|key| key as Source<'_>));
    match target {
        BackupTarget::Output => {
            progress.begin_bytes("packing", manifest.bytes());
            let output = Output::new(cancel);
            archive::pack(output, &manifest, &mut sources, cancel, |done| progress.set(done))
                .map_err(|source| BackupError::Output { source })?;
        }
        BackupTarget::File { path, replace } => {
            let unfinished = scratch.path().join(UNFINISHED);
            write_file(&unfinished, &manifest, &mut sources, cancel, &progress)
                .map_err(|source| BackupError::File { path: path.clone(), source })?;
            target::put(&unfinished, path, *replace)?;
        }
    }
    Ok(Report { manifest, checked })
}

/// The content of key files, in the order of the manifest.
type Keys = Vec<(ArchivedFile, Zeroizing<Vec<u8>>)>;

/// Copies the database, and reads the keys while the snapshot keeps a stopped server from starting.
fn copy_out(
    directory: &Path,
    copy: &Path,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<(Keys, Realm), BackupError> {
    let mut snapshot = SqliteSnapshot::open(directory, cancel)?;
    progress.begin_bytes("copying the database", snapshot.bytes()?);
    // SQLite would make a file that others can read.
    private_file::create_new(copy)
        .map_err(|source| BackupError::Scratch { path: copy.to_owned(), source })?;
    snapshot.copy_to(copy, progress.setter())?;
    Ok((read_keys(directory)?, snapshot.realm()))
}

fn read_keys(directory: &Path) -> Result<Keys, BackupError> {
    let mut keys = Vec::new();
    for file in ArchivedFile::ALL.into_iter().filter(|file| *file != ArchivedFile::Database) {
        let path = directory.join(file.name());
        let is_there = has(directory, file.name()).map_err(|source| unreadable(&path, source))?;
        if is_there {
            let key = private_file::read(&path).map_err(|source| unreadable(&path, source))?;
            if key.len() as u64 >= KEY_BYTES_MAX {
                let source = io::Error::other("it is larger than any key");
                return Err(unreadable(&path, source));
            }
            keys.push((file, key));
        }
    }
    Ok(keys)
}

fn unreadable(path: &Path, source: io::Error) -> BackupError {
    BackupError::Unreadable { path: path.to_owned(), source }
}

fn entries(
    database: &mut dyn Read,
    keys: &Keys,
    cancel: &Cancel,
) -> Result<Vec<FileEntry>, BackupError> {
    let entry = |file, content: Source<'_>| -> Result<FileEntry, BackupError> {
        let digest = archive::digest(content, cancel);
        let (sha256, size) = digest.map_err(|source| BackupError::Pack { source })?;
        Ok(FileEntry { file, size, sha256 })
    };
    let mut entries = vec![entry(ArchivedFile::Database, database)?];
    for (file, key) in keys {
        entries.push(entry(*file, &mut key.as_slice())?);
    }
    Ok(entries)
}

fn now() -> String {
    let seconds = clock::since_1970().unwrap_or_default().as_secs();
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX));
    time.unwrap_or_default().to_string()
}

/// Writes the backup, makes it durable, and verifies it as a restore would read it.
fn write_file(
    path: &PathBuf,
    manifest: &Manifest,
    sources: &mut [Source<'_>],
    cancel: &Cancel,
    progress: &Progress,
) -> Result<(), ArchiveError> {
    let file = private_file::create_new(path).map_err(ArchiveError::Write)?;
    progress.begin_bytes("packing", manifest.bytes());
    let file = archive::pack(file, manifest, sources, cancel, |done| progress.set(done))?;
    file.sync_all().map_err(ArchiveError::Write)?;
    drop(file);
    progress.begin_bytes("verifying", manifest.bytes());
    let written = File::open(path).map_err(ArchiveError::Read)?;
    let accept = |found: &Manifest| match found == manifest {
        true => Ok(()),
        false => Err(ArchiveError::Damaged { reason: "its manifest is another".to_owned() }),
    };
    archive::unpack(written, cancel, accept, |_| Ok(io::sink()), |done| progress.set(done))?;
    Ok(())
}
