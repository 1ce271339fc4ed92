//! `correiod restore`: a data directory from a backup.
//!
//! Everything is unpacked into a directory inside the data directory and verified there. Only then
//! the files get their names, the database last: a directory without a database is no server's.

mod error;
mod target;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

pub use self::error::RestoreError;
use self::target::RestoreTarget;
use crate::{
    cancel::Cancel,
    data_directory::DATABASE,
    ops::{
        archive::{self, ArchiveError, Manifest},
        progress::Progress,
        streams::Input,
    },
    private_file,
    scratch::Scratch,
    store::sqlite::{Checked, Schema, SqliteOpenError, SqliteSnapshot},
};

/// Name of the directory for files that are not verified yet.
const UNVERIFIED: &str = ".restore";

/// Where a backup comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreSource {
    /// From standard input.
    Input,
    /// From a file.
    File(PathBuf),
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What it holds.
    pub manifest: Manifest,
    /// Accounts and mails of its database.
    pub checked: Checked,
}

/// Makes a data directory from a backup. The directory must be empty or missing.
///
/// # Errors
///
/// See [`RestoreError`]. The directory is then as it was.
pub fn restore(
    source: &RestoreSource,
    directory: &Path,
    cancel: &Cancel,
) -> Result<Restored, RestoreError> {
    match source {
        RestoreSource::Input => restore_from(Input::new(cancel), None, directory, cancel),
        RestoreSource::File(path) => {
            let file = File::open(path)
                .map_err(|source| RestoreError::Source { path: path.clone(), source })?;
            restore_from(file, Some(path), directory, cancel)
        }
    }
}

fn path_of(path: Option<&Path>) -> PathBuf {
    path.unwrap_or(Path::new("standard input")).to_owned()
}

fn restore_from(
    source: impl Read,
    path: Option<&Path>,
    directory: &Path,
    cancel: &Cancel,
) -> Result<Restored, RestoreError> {
    let refused = |source| RestoreError::Archive { path: path_of(path), source };
    let progress = Progress::new();
    // Dropped after the scratch directory, which is inside.
    let mut target = RestoreTarget::take(directory)?;
    let scratch = Scratch::make_in(directory, UNVERIFIED).map_err(|it| target.failed(it))?;
    let accept = |manifest: &Manifest| {
        progress.begin_bytes("unpacking", manifest.bytes());
        accept(manifest, directory)
    };
    let open = |entry: &archive::FileEntry| {
        private_file::create(directory, &scratch.path().join(entry.file.name()))
    };
    let manifest = archive::unpack(source, cancel, accept, open, |done| progress.set(done))
        .map_err(refused)?;
    progress.begin_count("checking mails");
    let checked = verify(&manifest, scratch.path(), cancel, &progress).map_err(|error| {
        // The message names the backup, since the file that was verified is removed.
        match error {
            VerifyError::Archive(source) => refused(source),
            VerifyError::Other(error) => error,
        }
    })?;
    target.fill(&manifest, scratch.path(), cancel)?;
    Ok(Restored { manifest, checked })
}

/// Refuses a backup of a newer version, and one for which there is no room.
fn accept(manifest: &Manifest, directory: &Path) -> Result<(), ArchiveError> {
    if manifest.schema > Schema::PRESENT.version() {
        return Err(ArchiveError::Newer { correio: manifest.correio.clone() });
    }
    let needed = manifest.bytes();
    // Where the file system does not tell its room, writing fails.
    let Ok(disk) = rustix::fs::statvfs(directory) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    match needed > free {
        true => Err(ArchiveError::TooLarge { needed, free }),
        false => Ok(()),
    }
}

enum VerifyError {
    Archive(ArchiveError),
    Other(RestoreError),
}

/// Verifies an unpacked database: that it is the manifest's, closed in order, and whole.
fn verify(
    manifest: &Manifest,
    directory: &Path,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<Checked, VerifyError> {
    let damaged = |reason: String| VerifyError::Archive(ArchiveError::Damaged { reason });
    let snapshot = SqliteSnapshot::open(directory, cancel).map_err(|error| match error {
        SqliteOpenError::Newer { .. } => {
            VerifyError::Archive(ArchiveError::Newer { correio: manifest.correio.clone() })
        }
        error => damaged(error.to_string()),
    })?;
    let other = |error| VerifyError::Other(RestoreError::Snapshot(error));
    if (snapshot.realm(), snapshot.version()) != (manifest.realm, manifest.schema) {
        return Err(damaged(format!("its {DATABASE} is not the one that its manifest names")));
    }
    if !snapshot.is_closed().map_err(other)? {
        return Err(damaged(format!("its {DATABASE} was not closed in order")));
    }
    let checked = snapshot.check(|mails| progress.set(mails)).map_err(other)?;
    match checked.findings.first() {
        Some(finding) => Err(damaged(format!("its {DATABASE}: {finding}"))),
        None => Ok(checked),
    }
}
