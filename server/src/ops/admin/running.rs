//! The operator's requests to a running server, through its admin socket.

use std::{
    fs, io,
    os::{
        fd::AsFd,
        unix::{fs::MetadataExt, net::UnixStream},
    },
    path::Path,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Uid, geteuid},
};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::ops::admin_error::{
    AdminCommandError,
    unanswered::{Consequence, NoAnswer},
};
use crate::{
    admin::{
        line::LINE_MAX,
        reply::{AdminError, AdminErrorCode, AdminReply},
        request::AdminRequest,
    },
    cancel::Cancel,
    clock::Clock,
    data_directory::{ADMIN_SOCKET, SocketPath},
    peer_user::peer_user,
};

/// How long a wait lasts until the next look at [`Cancel`], in nanoseconds.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes that are read at once.
const READ: usize = 64 * 1024;

/// Longest line of a reply, in bytes: no reply of this version has a quarter of it.
const REPLY_MAX: usize = 64 * 1024 * 1024;

/// A connection to a server.
pub(super) struct RunningServer<'a> {
    socket: UnixStream,
    cancel: &'a Cancel,
}

impl<'a> RunningServer<'a> {
    /// Connects to the server of a data directory. `None` if no server listens there.
    pub(super) fn connect(
        directory: &Path,
        cancel: &'a Cancel,
    ) -> Result<Option<Self>, AdminCommandError> {
        let failed =
            |source| AdminCommandError::Connect { path: directory.join(ADMIN_SOCKET), source };
        let socket = match connect(directory) {
            Ok(socket) => socket,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let owner = fs::metadata(directory).map_err(failed)?.uid();
        match peer_user(socket.as_fd()) {
            Some(user) if is_trusted(user, owner) => Ok(Some(Self { socket, cancel })),
            Some(_) | None => Err(AdminCommandError::Stranger(directory.join(ADMIN_SOCKET))),
        }
    }

    /// Makes a request, and waits for its reply.
    pub(super) fn ask(&mut self, request: &AdminRequest) -> Result<AdminReply, AdminCommandError> {
        let mut line = serde_json::to_vec(request)
            .map_err(|error| AdminCommandError::Answer(error.to_string()))?;
        if line.len() > LINE_MAX {
            let text = format!("this is too large: a request has at most {LINE_MAX} bytes");
            let error = AdminError::new(AdminErrorCode::TooLarge, text);
            return Ok(AdminReply::Error(error));
        }
        line.push(b'\n');
        let consequence = Consequence::of(request);
        self.exchange(&line, consequence.patience())
            .map_err(|cause| AdminCommandError::Unanswered { cause, consequence })
    }

    /// Writes a line, and reads the line that answers it.
    fn exchange(&mut self, line: &[u8], patience: Duration) -> Result<AdminReply, NoAnswer> {
        // A server that refuses the connection closes it, whether or not the line was written.
        let written = self.write(line, patience);
        if let Err(NoAnswer::Interrupted | NoAnswer::Silent(_)) = written {
            written?;
        }
        let reply = self.read_line(patience)?;
        serde_json::from_slice(&reply).map_err(|error| NoAnswer::Unreadable(error.to_string()))
    }

    fn write(&mut self, line: &[u8], patience: Duration) -> Result<(), NoAnswer> {
        let mut rest = line;
        while !rest.is_empty() {
            self.wait(PollFlags::OUT, patience)?;
            match rustix::io::write(&self.socket, rest) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Err(NoAnswer::Ended),
            }
        }
        Ok(())
    }

    /// Reads a line, without its end.
    fn read_line(&mut self, patience: Duration) -> Result<Vec<u8>, NoAnswer> {
        let (mut line, mut buffer) = (Vec::new(), vec![0; READ]);
        loop {
            self.wait(PollFlags::IN, patience)?;
            match rustix::io::read(&self.socket, &mut *buffer) {
                Ok(0) => return Err(NoAnswer::Ended),
                Ok(length) => line.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Err(NoAnswer::Ended),
            }
            // One request has one reply: its end is the last byte.
            if line.pop_if(|last| *last == b'\n').is_some() {
                return Ok(line);
            }
            if line.len() > REPLY_MAX {
                return Err(NoAnswer::Unreadable(format!("it has more than {REPLY_MAX} bytes")));
            }
        }
    }

    /// Waits until the socket is ready, or the server has closed it.
    fn wait(&self, ready: PollFlags, patience: Duration) -> Result<(), NoAnswer> {
        let clock = Clock::start();
        loop {
            if self.cancel.is_asked() {
                return Err(NoAnswer::Interrupted);
            }
            match poll(&mut [PollFd::new(&self.socket, ready)], Some(&WAIT)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(NoAnswer::Unreadable(io::Error::from(error).to_string())),
            }
            if clock.uptime() >= patience {
                return Err(NoAnswer::Silent(patience));
            }
        }
    }
}

/// Connects without a wait: a server that does not accept connections any more lets nobody wait.
fn connect(directory: &Path) -> io::Result<UnixStream> {
    let path = SocketPath::of(directory)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path.as_path())?)?;
    Ok(UnixStream::from(std::os::fd::OwnedFd::from(socket)))
}

/// Whether a server of this user may be told what an operator asks: that of this user, of root, or
/// of the owner of the data directory. Others could give codes that they have made.
fn is_trusted(user: Uid, owner: u32) -> bool {
    user.is_root() || user == geteuid() || user.as_raw() == owner
}

/// Whether nothing listens: there is no socket, or its server has ended.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    fn pair(directory: &Path) -> (UnixListener, Cancel) {
        (UnixListener::bind(directory.join(ADMIN_SOCKET)).unwrap(), Cancel::default())
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for_without_end() {
        let directory = tempfile::TempDir::new().unwrap();
        let (listener, cancel) = pair(directory.path());
        let mut running = RunningServer::connect(directory.path(), &cancel).unwrap().unwrap();
        let _accepted = listener.accept().unwrap();
        assert_eq!(running.exchange(b"{}\n", PATIENCE), Err(NoAnswer::Silent(PATIENCE)));
        // Nor is one that does not read.
        let line = vec![b' '; 8 << 20];
        assert_eq!(running.exchange(&line, PATIENCE), Err(NoAnswer::Silent(PATIENCE)));
    }

    #[test]
    fn a_signal_and_the_server_s_end_end_the_wait() {
        let directory = tempfile::TempDir::new().unwrap();
        let (listener, cancel) = pair(directory.path());
        let mut running = RunningServer::connect(directory.path(), &cancel).unwrap().unwrap();
        drop(listener.accept().unwrap());
        let long = Duration::from_secs(600);
        assert_eq!(running.exchange(b"{}\n", long), Err(NoAnswer::Ended));
        let mut running = RunningServer::connect(directory.path(), &cancel).unwrap().unwrap();
        let _accepted = listener.accept().unwrap();
        let signal = cancel.flag();
        let sent = thread::spawn(move || signal.store(2, std::sync::atomic::Ordering::Relaxed));
        assert_eq!(running.exchange(b"{}\n", long), Err(NoAnswer::Interrupted));
        sent.join().unwrap();
    }

    #[test]
    fn the_server_of_a_stranger_is_not_trusted() {
        let (own, stranger, owner) = (geteuid(), Uid::from_raw(4242), 4243);
        assert!(is_trusted(own, owner) && is_trusted(Uid::ROOT, owner));
        assert!(is_trusted(Uid::from_raw(owner), owner));
        assert!(!is_trusted(stranger, owner));
    }
}
