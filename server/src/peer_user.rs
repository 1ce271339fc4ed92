//! The user at the other end of a Unix socket, as the kernel knows it.

use std::os::fd::BorrowedFd;

use rustix::process::Uid;

/// The user whose process connected the other end, or listens there. `None` if the kernel does not
/// say.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_user(socket: BorrowedFd<'_>) -> Option<Uid> {
    rustix::net::sockopt::socket_peercred(socket).ok().map(|peer| peer.uid)
}

/// This process's user: the mode of the socket's file and of its directory keeps others out here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_user(_socket: BorrowedFd<'_>) -> Option<Uid> {
    Some(rustix::process::geteuid())
}
