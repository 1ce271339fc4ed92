//! Durable files: once a call has returned, its result survives a power failure. Only the owner can
//! read the files.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// The disk that [`crate::Saving`] uses. [`crate::Mailbox`] uses this computer's; a test can pass a
/// disk that fails.
pub trait Disk {
    /// The names in a directory; a missing directory has none.
    ///
    /// # Errors
    ///
    /// Errors of the operating system, here and below.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Writes a file, or replaces its content, and makes the content durable, but not the file's
    /// name.
    ///
    /// # Errors
    ///
    /// After an error no file is left.
    fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Makes an empty file, or empties it, for [`Disk::append`].
    ///
    /// # Errors
    ///
    /// See [`Disk::names`].
    fn create(&mut self, path: &Path) -> io::Result<()>;

    /// Appends to the file that [`Disk::create`] made last. The appended bytes are durable only
    /// after a [`Disk::sync`] of the file.
    ///
    /// # Errors
    ///
    /// It is then unknown how many of the bytes were appended.
    fn append(&mut self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Makes the content of the file that was created last durable, but not the file's name.
    ///
    /// # Errors
    ///
    /// How much is durable is then unknown.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Renames a file, and replaces the file that has the new name.
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
    /// Which names are durable is then unknown.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// The names in a directory; a missing directory has none.
///
/// # Errors
///
/// Errors of the operating system.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        entries => entries?.map(|entry| entry.map(|entry| entry.file_name())).collect(),
    }
}

/// Whether a path exists, even as a dangling link.
pub(crate) fn has_entry(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Creates a directory and its missing parents.
///
/// # Errors
///
/// Errors of the operating system.
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
        // Another program has just created the directory.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a directory durable. `Some` is the error of a file system that does not
/// support this.
///
/// # Errors
///
/// Errors of the operating system. Which names are durable is then unknown, and a second call may
/// wrongly succeed.
pub(crate) fn sync_directory(path: &Path) -> io::Result<Option<io::Error>> {
    sync(&File::open(path)?)
}

/// Makes a file or directory durable. `Some` is the error of a file system that does not support
/// this, as some of SMB and FUSE.
///
/// # Errors
///
/// Errors of the operating system.
pub(crate) fn sync(file: &File) -> io::Result<Option<io::Error>> {
    match file.sync_all() {
        Ok(()) => Ok(None),
        Err(error) if is_unsupported(&error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Whether an error means that the file system does not support the operation, or not with this
/// name.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}

/// Renames a file, and replaces the file that has the new name. If the file system cannot rename,
/// links the file to the free name and removes the old one, as the Maildir convention delivers.
///
/// # Errors
///
/// Errors of renaming.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if is_unsupported(&error) => {
            fs::hard_link(from, to).map_err(|_| error)?;
            fs::remove_file(from)
        }
        renamed => renamed,
    }
}

/// Writes a file, or replaces its content, and makes the content durable, but not the file's name.
/// After an error no file is left. `Some` as for [`sync`].
///
/// # Errors
///
/// Errors of the operating system.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<Option<io::Error>> {
    let mut file = create(path)?;
    let written = file.write_all(content).and_then(|()| sync(&file));
    if written.is_err() {
        // Report the first error.
        let _ = fs::remove_file(path);
    }
    written
}

/// Replaces a file in a directory, which is made if it is missing, as a whole: after a power
/// failure the file has its old or its new content. The caller holds a lock that keeps other
/// programs of this kind out. On a file system that does not support syncing, the new content may
/// be lost.
///
/// # Errors
///
/// Errors of the operating system. The old content is then still there.
pub(crate) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let half = directory.join(format!("{name}.new"));
    create_directories(directory)?;
    write(&half, content)?;
    rename(&half, &directory.join(name))?;
    sync_directory(directory).map(drop)
}

/// Makes an empty file, or empties it, and opens it for writing.
///
/// # Errors
///
/// Errors of the operating system.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Opens a file for reading. Refuses pipes and devices, since opening them could block or have
/// effects.
///
/// # Errors
///
/// Errors of the operating system; [`io::ErrorKind::InvalidData`] if the path is not a regular
/// file.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"))
}
