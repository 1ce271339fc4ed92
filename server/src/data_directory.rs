//! The names of the files in a data directory, and whether they exist.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// Longest path of a socket, in bytes, without its end (`sun_path` of unix(7)).
const SOCKET_PATH_MAX: usize = 107;

/// Name of the database.
pub(crate) const DATABASE: &str = "correio.db";

/// Name of the file with the server's own certificate and its key.
pub(crate) const CERTIFICATE: &str = "tls.pem";

/// Name of the file with the server's own certificate for mail programs and its key.
pub(crate) const PROGRAM_CERTIFICATE: &str = "tls-programs.pem";

/// Name of the file with the key of invites.
pub(crate) const INVITE_KEY: &str = "invite.key";

/// Name of the file with the key of resume tickets.
pub(crate) const TICKET_KEY: &str = "ticket.key";

/// Name of the file that says that the store is a PostgreSQL database, and not in this directory.
pub(crate) const STORE_IS_POSTGRES: &str = "store-is-postgres";

/// Name of the file that a running server keeps locked.
pub(crate) const LOCK: &str = "lock";

/// Name of the socket that the operator's commands ask the running server at.
pub(crate) const ADMIN_SOCKET: &str = "admin.sock";

/// What to do about an error of a data directory; the error's text ends with it.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run the command as the directory's owner, or choose another directory with --data-dir"
        }
        _ => "choose another directory with --data-dir",
    }
}

/// Whether the server uses this file name in a data directory.
pub(crate) fn is_reserved(name: &str) -> bool {
    [
        CERTIFICATE,
        PROGRAM_CERTIFICATE,
        INVITE_KEY,
        TICKET_KEY,
        STORE_IS_POSTGRES,
        LOCK,
        ADMIN_SOCKET,
    ]
    .contains(&name)
        || name.starts_with(DATABASE)
}

/// Makes a data directory if it does not exist. Only its owner can read it then.
///
/// # Errors
///
/// The directory cannot be made.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Locks a data directory for this server, until the file is closed.
///
/// # Errors
///
/// Another server has the directory ([`fs::TryLockError::WouldBlock`]), or its file [`LOCK`] cannot
/// be used.
pub(crate) fn lock(directory: &Path) -> Result<fs::File, fs::TryLockError> {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(directory.join(LOCK))
        .map_err(fs::TryLockError::Error)?;
    file.try_lock().map(|()| file)
}

/// Whether the directory has an entry of this name, of any kind.
///
/// # Errors
///
/// The directory cannot be searched.
pub(crate) fn has(directory: &Path, name: &str) -> io::Result<bool> {
    match fs::symlink_metadata(directory.join(name)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The name of a key file in the directory, if there is one. A first start makes the store before
/// its keys, so a key without a store means that the store was lost.
///
/// # Errors
///
/// See [`has`].
pub(crate) fn key_in(directory: &Path) -> io::Result<Option<&'static str>> {
    for name in [CERTIFICATE, PROGRAM_CERTIFICATE, INVITE_KEY, TICKET_KEY] {
        if has(directory, name)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// A path to the admin socket of a directory, short enough for a socket's address.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    /// The directory, which the path goes through where its own path is too long.
    _directory: Option<OwnedFd>,
}

impl SocketPath {
    /// The path to the admin socket of this directory.
    ///
    /// # Errors
    ///
    /// The directory cannot be opened.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(ADMIN_SOCKET);
        if path.as_os_str().len() <= SOCKET_PATH_MAX {
            return Ok(Self { path, _directory: None });
        }
        let directory = OwnedFd::from(fs::File::open(directory)?);
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        Ok(Self { path: path.join(ADMIN_SOCKET), _directory: Some(directory) })
    }

    /// The path, as long as the value lives.
    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}
