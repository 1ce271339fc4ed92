//! Sockets to a database: how they are connected, and waits with a deadline.

use std::{
    io::{self, Read, Write},
    net::ToSocketAddrs as _,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use socket2::{Domain, SockAddr, Socket as System, TcpKeepalive, Type};

use crate::store::postgres::{database_url::Host, deadline::Deadline};

/// A socket that never blocks.
#[derive(Debug)]
pub(super) struct Socket(System);

/// A handle with which another thread ends a connection. The connection's own thread sees a
/// broken socket, and not which thread broke it.
#[derive(Debug)]
pub struct Breaker(System);

impl Breaker {
    /// Ends the connection at once.
    pub fn end(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// The readiness of a socket that a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Bytes, or the end.
    Readable,
    /// Bytes, the end, or room.
    ReadableOrWritable,
}

/// A machine that lost its power says nothing: without an answer to a probe or to data for this
/// time the connection ends.
const SILENCE_MAX: Duration = Duration::from_secs(10);

const KEEPALIVE_AFTER: Duration = Duration::from_secs(5);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(2);
const KEEPALIVE_PROBES: u32 = 3;

impl Socket {
    /// Connects to a host, each of its addresses in turn.
    ///
    /// # Errors
    ///
    /// The error of the last address.
    pub(super) fn connect(host: &Host, deadline: Deadline) -> io::Result<Self> {
        match host {
            Host::Unix { directory, port } => {
                let path = directory.join(format!(".s.PGSQL.{port}"));
                let socket = System::new(Domain::UNIX, Type::STREAM, None)?;
                Self::connected(socket, &SockAddr::unix(path)?, deadline)
            }
            Host::Tcp { name, port } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
                for address in (name.as_str(), *port).to_socket_addrs()? {
                    let address = SockAddr::from(address);
                    let connected = System::new(address.domain(), Type::STREAM, None)
                        .and_then(|socket| Self::connected(socket, &address, deadline))
                        .and_then(Self::tuned);
                    match connected {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    fn connected(socket: System, address: &SockAddr, deadline: Deadline) -> io::Result<Self> {
        match deadline.left() {
            // The system takes no wait of zero.
            Some(left) => socket.connect_timeout(address, left.max(Duration::from_millis(1)))?,
            None => socket.connect(address)?,
        }
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    fn tuned(self) -> io::Result<Self> {
        self.0.set_tcp_nodelay(true)?;
        let keepalive =
            TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
        self.0.set_tcp_keepalive(&keepalive.with_retries(KEEPALIVE_PROBES))?;
        #[cfg(target_os = "linux")]
        self.0.set_tcp_user_timeout(Some(SILENCE_MAX))?;
        Ok(self)
    }

    /// Waits. Returns whether the socket became ready before the deadline.
    pub(super) fn wait(&self, awaited: Awaited, deadline: Deadline) -> io::Result<bool> {
        let flags = match awaited {
            Awaited::Readable => PollFlags::IN,
            Awaited::ReadableOrWritable => PollFlags::IN | PollFlags::OUT,
        };
        loop {
            let left = deadline.left().and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [PollFd::new(&self.0, flags)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A handle with which another thread ends the connection.
    ///
    /// # Errors
    ///
    /// There is no file descriptor for it.
    pub(super) fn breaker(&self) -> io::Result<Breaker> {
        self.0.try_clone().map(Breaker)
    }

    /// Ends the connection at once.
    pub(super) fn shut_down(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
