//! The listener of the operator's commands: a Unix socket in the data directory, for the server's own
//! user and root alone.

use std::{
    fs, io,
    os::{fd::AsFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use mio::net::{UnixListener, UnixStream};
use rustix::fs::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::data_directory::{ADMIN_SOCKET, SocketPath};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 16;

/// The listening socket. Its file is removed with it.
#[derive(Debug)]
pub(super) struct AdminSocket {
    pub(super) listener: UnixListener,
    file: PathBuf,
}

impl AdminSocket {
    /// Listens in a data directory, which the caller has locked: a socket that is there already is one
    /// of a server that was killed.
    pub(super) fn bind(directory: &Path) -> io::Result<Self> {
        let file = directory.join(ADMIN_SOCKET);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let path = SocketPath::of(directory)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Before the file exists: it is never open to others, whatever the umask (unix(7) of Linux).
        fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        socket.bind(&SockAddr::unix(path.as_path())?)?;
        fs::set_permissions(path.as_path(), fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket));
        Ok(Self { listener, file })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // A file that stays is removed at the next start.
        let _ = fs::remove_file(&self.file);
    }
}

/// Whether the other end is a process of this user or of root.
pub(super) fn is_allowed(socket: &UnixStream) -> bool {
    peer_user(socket.as_fd())
        .is_some_and(|user| user.is_root() || user == rustix::process::geteuid())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn peer_user(socket: std::os::fd::BorrowedFd<'_>) -> Option<rustix::process::Uid> {
    rustix::net::sockopt::socket_peercred(socket).ok().map(|peer| peer.uid)
}

/// The mode of the socket's file and of its directory keeps others out here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn peer_user(_socket: std::os::fd::BorrowedFd<'_>) -> Option<rustix::process::Uid> {
    Some(rustix::process::geteuid())
}
