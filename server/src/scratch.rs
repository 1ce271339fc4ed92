//! A directory for the unfinished files of a command, which is removed with them when it is
//! dropped.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

/// A directory that only this user can enter. A process that is killed leaves it behind
/// ([`Scratch::remove_orphans_in`]).
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the directory `name` with a random suffix in a directory.
    ///
    /// # Errors
    ///
    /// An error of the file system.
    pub(crate) fn make_in(parent: &Path, name: &str) -> io::Result<Self> {
        let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let path = parent.join(format!("{name}-{random:016x}"));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    /// Removes the directories of this name that killed processes left in `parent`. The caller must
    /// hold the lock under which processes make them. A directory that cannot be removed stays.
    pub(crate) fn remove_orphans_in(parent: &Path, name: &str) {
        let is_orphan = |entry: &fs::DirEntry| {
            let found = entry.file_name();
            let suffix =
                found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('-'));
            // A link is no directory here: `file_type` does not follow it.
            suffix.is_some_and(is_suffix) && entry.file_type().is_ok_and(|kind| kind.is_dir())
        };
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        for orphan in entries.filter(is_orphan) {
            let _ = fs::remove_dir_all(orphan.path());
        }
    }

    /// The directory's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Files that cannot be removed stay: the command's own result counts.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Whether a text is a random suffix that [`Scratch::make_in`] gives.
fn is_suffix(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Gives a finished file its name. The old name may stay.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if the name is taken: no file is replaced. Other errors of the
/// file system.
pub(crate) fn publish(finished: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(finished, name) {
        // A file system without links, such as FAT.
        Err(error) if is_unsupported(&error) => match name.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(finished, name),
        },
        linked => linked,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::PERM, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}
