//! The listener of the operator's commands: a Unix socket in the data directory, for the server's
//! own user and root alone.

use std::{
    fs, io,
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use mio::net::{UnixListener, UnixStream};
use rustix::fs::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    data_directory::{ADMIN_SOCKET, SocketPath},
    peer_user::peer_user,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 16;

/// The listening socket. Its file is removed with it.
#[derive(Debug)]
pub(super) struct AdminSocket {
    pub(super) listener: UnixListener,
    file: PathBuf,
    /// Device and inode of the file. A server that did not start gives its lock back before the
    /// socket, so that the next one may have put a file of its own there meanwhile.
    identity: (u64, u64),
}

impl AdminSocket {
    /// Listens in a data directory, which the caller has locked: a socket that is there already is
    /// one of a server that was killed.
    pub(super) fn bind(directory: &Path) -> io::Result<Self> {
        let file = directory.join(ADMIN_SOCKET);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let path = SocketPath::of(directory)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Before the file exists: it is never open to others, whatever the umask (unix(7) of
        // Linux).
        fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        socket.bind(&SockAddr::unix(path.as_path())?)?;
        fs::set_permissions(path.as_path(), fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket));
        let identity = identity(&file)?;
        Ok(Self { listener, file, identity })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // A file that stays is removed at the next start.
        if identity(&self.file).is_ok_and(|present| present == self.identity) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// Device and inode of a file.
fn identity(file: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether the other end is a process of this user or of root.
pub(super) fn is_allowed(socket: &UnixStream) -> bool {
    peer_user(socket.as_fd())
        .is_some_and(|user| user.is_root() || user == rustix::process::geteuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_another_server_put_there_meanwhile_stays() {
        let directory = tempfile::TempDir::new().unwrap();
        let ours = AdminSocket::bind(directory.path()).unwrap();
        let theirs = AdminSocket::bind(directory.path()).unwrap();
        drop(ours);
        assert!(directory.path().join(ADMIN_SOCKET).exists());
        drop(theirs);
        assert!(!directory.path().join(ADMIN_SOCKET).exists());
    }
}
