//! Files that are there after a power failure once a call has returned, readable by their owner
//! alone.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// What [`crate::Saving`] needs of a disk. This computer's is behind [`crate::Mailbox`]; a test may
/// bring one that fails.
pub trait Disk {
    /// The names in a directory; one that is not there has none.
    ///
    /// # Errors
    ///
    /// Those of the operating system; so for the others.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Writes a file's content, replacing any, and makes it durable; its name is not yet.
    ///
    /// # Errors
    ///
    /// No file is left then.
    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    ///
    /// See [`Disk::names`].
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Deletes a file.
    ///
    /// # Errors
    ///
    /// See [`Disk::names`].
    fn remove(&mut self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    ///
    /// What is durable is then unknown.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// The names in a directory; one that is not there has none.
///
/// # Errors
///
/// Those of the operating system.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        entries => entries?.map(|entry| entry.map(|entry| entry.file_name())).collect(),
    }
}

/// Whether a directory has an entry of this path, be it a link that leads nowhere.
pub(crate) fn has_entry(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Makes a directory with all above it that are missing.
///
/// # Errors
///
/// Those of the operating system.
pub(crate) fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directories(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_directory(parent.unwrap_or(Path::new("."))).map(drop),
        // Somebody else was faster, unless what is there is no directory.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a directory durable. `Some` is the reason of a file system that makes
/// nothing durable on request.
///
/// # Errors
///
/// Those of the operating system. What is durable is then unknown, and asking again may be
/// answered wrongly.
pub(crate) fn sync_directory(path: &Path) -> io::Result<Option<io::Error>> {
    sync(&File::open(path)?)
}

/// Makes a file or directory durable. `Some` is the reason of a file system that makes nothing
/// durable on request, as some of SMB and FUSE.
///
/// # Errors
///
/// Those of the operating system.
pub(crate) fn sync(file: &File) -> io::Result<Option<io::Error>> {
    match file.sync_all() {
        Ok(()) => Ok(None),
        Err(error) if is_unsupported(&error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Whether an error says that the file system does not do this at all, or not with this name.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}

/// Gives a file another name, in place of the file that has it. Where the file system renames
/// nothing, the file gets a further name that is not taken and loses the first, which is how the
/// Maildir convention delivers.
///
/// # Errors
///
/// Those of renaming.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if is_unsupported(&error) => {
            fs::hard_link(from, to).map_err(|_| error)?;
            fs::remove_file(from)
        }
        renamed => renamed,
    }
}

/// Writes a file's content, replacing any, and makes it durable; its name is not yet. Where that
/// fails no file is left. `Some` as for [`sync`].
///
/// # Errors
///
/// Those of the operating system.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<Option<io::Error>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(content).and_then(|()| sync(&file));
    if written.is_err() {
        // The error to tell is the first one.
        let _ = fs::remove_file(path);
    }
    written
}

/// Opens a file to be read. Opening a pipe or a device would wait or act: those are refused.
///
/// # Errors
///
/// Those of the operating system; [`io::ErrorKind::InvalidData`] where it is no file.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"))
}
