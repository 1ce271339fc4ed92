//! Where a backup goes.

use std::{
    fs::{self, File},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use super::error::BackupError;
use crate::{
    data_directory,
    scratch::{self, Scratch},
};

/// Where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupTarget {
    /// To standard output.
    Output,
    /// To a file.
    File {
        /// The file's path.
        path: PathBuf,
        /// Whether an existing file is replaced.
        replace: bool,
    },
}

impl BackupTarget {
    /// Refuses a target before work is done for it.
    pub(super) fn check(&self, directory: &Path) -> Result<(), BackupError> {
        match self {
            Self::File { path, .. } if is_of_server(path, directory) => {
                Err(BackupError::Reserved { path: path.clone() })
            }
            Self::Output if io::stdout().is_terminal() => Err(BackupError::Terminal),
            Self::Output => Ok(()),
            Self::File { path, .. } if path.is_dir() => {
                Err(BackupError::Directory { path: path.clone() })
            }
            Self::File { path, replace: false } if path.symlink_metadata().is_ok() => {
                Err(BackupError::Exists { path: path.clone() })
            }
            Self::File { .. } => Ok(()),
        }
    }

    /// A directory for unfinished files: beside the file, so that renaming moves it; or where the
    /// system keeps temporary files.
    pub(super) fn scratch(&self) -> Result<Scratch, BackupError> {
        let (place, name) = match self {
            Self::Output => (std::env::temp_dir(), "correio-backup".to_owned()),
            Self::File { path, .. } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                (parent(path), format!("{name}.unfinished"))
            }
        };
        Scratch::make_in(&place, &name)
            .map_err(|source| BackupError::Scratch { path: place, source })
    }
}

/// Whether a path is that of a file that the server keeps in its data directory.
fn is_of_server(path: &Path, directory: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_there = parent(path).canonicalize().ok() == directory.canonicalize().ok();
    is_there && name.is_some_and(data_directory::is_reserved)
}

/// The directory of a file, absolute: SQLite would read a path such as `file:x` in its own way.
fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned())
}

/// Gives a finished backup its name, durably.
pub(super) fn put(finished: &Path, path: &Path, replace: bool) -> Result<(), BackupError> {
    let failed = |source| BackupError::Put { path: path.to_owned(), source };
    let renamed = match replace {
        true => fs::rename(finished, path),
        // A file that was made meanwhile is not replaced either.
        false => scratch::publish(finished, path),
    };
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists { path: path.to_owned() });
        }
        renamed => renamed.map_err(failed)?,
    }
    File::open(parent(path)).and_then(|directory| directory.sync_all()).map_err(failed)
}
