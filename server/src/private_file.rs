//! Key files in the data directory, which no other user may read.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// Most bytes that are read from a file.
const LENGTH_MAX: usize = 64 * 1024;

/// What to do about an error of a file that only the server's user may use; the error's text ends
/// with it.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run the command as the server's user or as root",
        _ => "",
    }
}

/// Makes a file atomically, unless it exists already. If two programs make it at the same time,
/// both then read the file of the first. The file gets the directory's owner, so that an
/// administrator may run commands before the service's first start.
///
/// # Errors
///
/// An error of the file system. If only the last sync failed, the file exists nevertheless.
pub(crate) fn make(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let half = half(directory, name)?;
    let made = write(directory, &half, content).and_then(|()| {
        match fs::hard_link(&half, directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    });
    // The temporary name is no longer needed, whether the link was made or not.
    let _ = fs::remove_file(&half);
    made?;
    fs::File::open(directory)?.sync_all()
}

/// As [`make`], in place of a file that exists. A symlink is replaced, too, and not followed.
///
/// # Errors
///
/// An error of the file system. The file that exists stays, unless only the last sync failed.
pub(crate) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let half = half(directory, name)?;
    let made =
        write(directory, &half, content).and_then(|()| fs::rename(&half, directory.join(name)));
    if made.is_err() {
        let _ = fs::remove_file(&half);
    }
    made?;
    fs::File::open(directory)?.sync_all()
}

/// A name for a file that is not complete, in a directory that is made if it does not exist.
fn half(directory: &Path, name: &str) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(directory.join(format!("{name}.{random:016x}")))
}

fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = create(directory, path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a new, empty file that belongs to the owner of a directory. This owner may be hostile:
/// `O_EXCL` refuses symlinks, and `fchown` changes the owner of the open descriptor, never of a
/// path.
///
/// # Errors
///
/// An error of the file system.
pub(crate) fn create(directory: &Path, path: &Path) -> io::Result<fs::File> {
    let file = create_new(path)?;
    if rustix::process::geteuid().is_root() {
        let owner = fs::metadata(directory)?;
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(file)
}

/// Makes a new, empty file that only this user can read. A path that exists is refused, a symlink
/// too.
///
/// # Errors
///
/// An error of the file system.
pub(crate) fn create_new(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Reads a file. Symlinks are refused, and bytes after the first 64 KiB are ignored.
///
/// # Errors
///
/// An error of the file system.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut content = Zeroizing::new(Vec::with_capacity(LENGTH_MAX));
    file.take(LENGTH_MAX as u64).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").unwrap();
        let key = directory.path().join("key");
        std::os::unix::fs::symlink(&elsewhere, &key).unwrap();
        make(directory.path(), "key", b"secret").unwrap();
        assert!(read(&key).is_err());
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
        fs::remove_file(&key).unwrap();
        make(directory.path(), "key", b"first").unwrap();
        make(directory.path(), "key", b"second").unwrap();
        assert_eq!(read(&key).unwrap().as_slice(), b"first");
        replace(directory.path(), "key", b"third").unwrap();
        assert_eq!(read(&key).unwrap().as_slice(), b"third");
        fs::remove_file(&key).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &key).unwrap();
        replace(directory.path(), "key", b"fourth").unwrap();
        assert_eq!(read(&key).unwrap().as_slice(), b"fourth");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no half is left");
    }
}
