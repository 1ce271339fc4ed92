//! Small files of the data directory that nobody else may read: keys.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown},
    path::Path,
};

/// Makes a file as a whole or not at all, and never in the place of another: of two programs that
/// do it at the same time both find what the first one made. It belongs to whoever the directory
/// belongs to, so that an administrator may run first what a service uses afterwards.
///
/// # Errors
///
/// Those of the file system; there is then no file.
pub(crate) fn make(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let half = directory.join(format!("{name}.{}", std::process::id()));
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

fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    if rustix::process::geteuid().is_root() {
        let owner = fs::metadata(directory)?;
        chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.write_all(content)?;
    file.sync_all()
}
