//! Small files of the data directory that nobody else may read: keys.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::Path,
};

use zeroize::Zeroizing;

/// Longest file that is read, in bytes.
const LENGTH_MAX: usize = 64 * 1024;

/// Makes a file as a whole or not at all, and never in the place of another: of two programs that
/// do it at the same time both find what the first one made. It belongs to whoever the directory
/// belongs to, so that an administrator may run first what a service uses afterwards.
///
/// # Errors
///
/// Those of the file system; there is then no file.
pub(crate) fn make(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let half = directory.join(format!("{name}.{random:016x}"));
    let made = write(directory, &half, content).and_then(|()| {
        match fs::hard_link(&half, directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    });
    // Whatever came of it, the other name is not needed.
    let _ = fs::remove_file(&half);
    made?;
    fs::File::open(directory)?.sync_all()
}

/// Whoever owns the directory may have put links into it: a file that is there is refused, be it
/// a link or not, and what changes its owner is the open file and never its name.
fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if rustix::process::geteuid().is_root() {
        let owner = fs::metadata(directory)?;
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Reads such a file: no link, and no longer than any key and certificate.
///
/// # Errors
///
/// Those of the file system.
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
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no half is left");
    }
}
