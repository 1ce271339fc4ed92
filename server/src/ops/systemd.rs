//! The service manager: inherits its listening sockets, and tells it readiness, shutdown and
//! watchdog pings.
//!
//! The protocols are systemd's (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)); other
//! managers speak them, too. Without a manager, all functions do nothing. Reloads are not
//! announced: SIGHUP does not interrupt the service, and the systemd of Debian 12 does not know
//! `Type=notify-reload`.

use std::{
    env,
    ffi::OsStr,
    io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::protocol::Service;

/// Most inherited sockets. A server listens on a few addresses.
const SOCKETS_MAX: usize = 64;

/// An error about inherited sockets.
#[derive(Debug, thiserror::Error)]
pub enum InheritError {
    /// The environment variables that describe the sockets are invalid.
    #[error("the sockets of the service manager (LISTEN_FDS) cannot be taken: {0}")]
    Environment(io::Error),
    /// The manager opened more sockets than a server takes.
    #[error("the service manager hands over {count} sockets; at most {SOCKETS_MAX} are taken")]
    TooMany {
        /// Number of sockets.
        count: usize,
    },
    /// A descriptor is not a listening TCP socket.
    #[error(
        "socket {number} of the service manager is no listening TCP socket: {source}; \
         give it ListenStream= with a port, and Accept=no"
    )]
    NoListener {
        /// Number of the descriptor, from 1.
        number: usize,
        /// The check that failed.
        source: io::Error,
    },
}

/// A listening socket that the service manager opened. It does not block.
#[derive(Debug)]
pub struct InheritedListener {
    /// The socket.
    pub socket: TcpListener,
    /// What the socket's clients are offered.
    pub service: Service,
}

/// Takes the listening sockets that the service manager opened for this process, in the manager's
/// order. Must be called once, before there are threads: it removes the environment variables that
/// name the sockets, so that no child process uses them.
///
/// # Errors
///
/// See [`InheritError`].
pub fn inherited() -> Result<Vec<InheritedListener>, InheritError> {
    // `sd_notify` parses LISTEN_FDS strictly, for this process only, and checks every descriptor;
    // `listenfd` makes sockets of them.
    let names = sd_notify::listen_fds_with_names().map_err(InheritError::Environment)?;
    let count = names.len();
    if count > SOCKETS_MAX {
        return Err(InheritError::TooMany { count });
    }
    let mut found = if count == 0 { ListenFd::empty() } else { ListenFd::from_env() };
    let mut listeners = Vec::new();
    for (index, (_, name)) in (0..found.len()).zip(names) {
        let taken = take(&mut found, index);
        let number = index + 1;
        let taken = taken.map_err(|source| InheritError::NoListener { number, source })?;
        let service = service(&name);
        listeners.extend(taken.map(|socket| InheritedListener { socket, service }));
    }
    Ok(listeners)
}

/// The service of a socket, by its name (`FileDescriptorName=`). Without one, systemd takes the
/// unit's.
fn service(name: &str) -> Service {
    let mut named = Service::GATEWAYS.into_iter().chain([Service::METRICS]);
    named.find(|service| service.name() == name).unwrap_or(Service::CORREIO)
}

fn take(found: &mut ListenFd, index: usize) -> io::Result<Option<TcpListener>> {
    let Some(listener) = found.take_tcp_listener(index)? else {
        return Ok(None);
    };
    if !rustix::net::sockopt::socket_acceptconn(&listener)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
    }
    listener.set_nonblocking(true)?;
    Ok(Some(listener))
}

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct ServiceManager {
    address: Option<SocketAddr>,
    watchdog: Option<Watchdog>,
}

/// The manager's watchdog. Times are uptimes.
#[derive(Clone, Copy, Debug)]
struct Watchdog {
    every: Duration,
    next: Duration,
}

impl ServiceManager {
    /// The manager that started this process, from NOTIFY_SOCKET and WATCHDOG_USEC.
    ///
    /// # Errors
    ///
    /// NOTIFY_SOCKET is not an address.
    pub fn of_process() -> io::Result<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let Some(name) = name else {
            return Ok(Self::default());
        };
        let limit = sd_notify::watchdog_enabled();
        Ok(Self { address: Some(address(&name)?), watchdog: limit.and_then(Watchdog::within) })
    }

    /// Tells the manager that the server accepts clients. `status` is shown to people.
    ///
    /// # Errors
    ///
    /// The manager did not receive the message, and will end the server.
    pub fn ready(&self, status: &str) -> io::Result<()> {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&plain(status))])
    }

    /// Tells the manager that the server shuts down.
    pub fn stopping(&self, status: &str) {
        // The manager asked for the shutdown, or will notice it.
        let _ = self.tell(&[NotifyState::Stopping, NotifyState::Status(&plain(status))]);
    }

    /// When the next watchdog ping is due (uptime); `None` if the manager has no watchdog.
    #[must_use]
    pub fn next_watchdog_ping(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog.next)
    }

    /// Pings the manager's watchdog if a ping is due. Called by the event loop itself, so that a
    /// stuck loop sends no ping and the manager restarts the server.
    pub fn watchdog_ping(&mut self, now: Duration) {
        let Some(watchdog) = &mut self.watchdog else {
            return;
        };
        if now < watchdog.next {
            return;
        }
        watchdog.next = now + watchdog.every;
        // Two pings fit into the manager's limit, so one may be lost.
        let _ = self.tell(&[NotifyState::Watchdog]);
    }

    /// Sends one datagram without blocking. `sd_notify::notify` would wait for room in the
    /// manager's queue, and block the event loop for ever if the manager hangs.
    fn tell(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let Some(address) = &self.address else {
            return Ok(());
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let text: String = states.iter().map(|state| format!("{state}\n")).collect();
        socket.send_to_addr(text.as_bytes(), address)?;
        Ok(())
    }
}

impl Watchdog {
    /// A watchdog that is pinged after half of the manager's limit.
    fn within(limit: Duration) -> Option<Self> {
        let every = (limit / 2).max(Duration::from_millis(1));
        (!limit.is_zero()).then_some(Self { every, next: Duration::ZERO })
    }
}

/// Parses NOTIFY_SOCKET: a path, or an abstract name after `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

/// Replaces control characters: a line break would begin another assignment.
fn plain(status: &str) -> String {
    status.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(limit: Duration) -> (tempfile::TempDir, UnixDatagram, ServiceManager) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = Some(address(path.as_os_str()).unwrap());
        (directory, socket, ServiceManager { address, watchdog: Watchdog::within(limit) })
    }

    fn received(socket: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    #[test]
    fn the_watchdog_is_pinged_twice_within_the_limit() {
        let (_directory, socket, mut manager) = manager(Duration::from_secs(10));
        let mut pings = 0;
        for second in 0..=20 {
            manager.watchdog_ping(Duration::from_secs(second));
            pings += usize::from(received(&socket).as_deref() == Some("WATCHDOG=1\n"));
        }
        assert_eq!(pings, 5, "at 0, 5, 10, 15 and 20 seconds");
        assert_eq!(manager.next_watchdog_ping(), Some(Duration::from_secs(25)));
    }

    #[test]
    fn without_a_limit_there_are_no_pings() {
        let (_directory, socket, mut manager) = manager(Duration::ZERO);
        manager.watchdog_ping(Duration::from_secs(1));
        assert_eq!((received(&socket), manager.next_watchdog_ping()), (None, None));
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let (_directory, _socket, manager) = manager(Duration::ZERO);
        let refused = (0..100_000).find_map(|_| manager.ready("").err());
        assert_eq!(refused.unwrap().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_status_stays_in_its_line() {
        let (_directory, socket, manager) = manager(Duration::ZERO);
        manager.ready("listening\nMAINPID=1").unwrap();
        assert_eq!(received(&socket).unwrap(), "READY=1\nSTATUS=listening MAINPID=1\n");
    }

    #[test]
    fn no_message_is_sent_without_a_manager() {
        let mut manager = ServiceManager::default();
        manager.ready("listening").unwrap();
        manager.watchdog_ping(Duration::from_secs(1));
        assert_eq!(manager.next_watchdog_ping(), None);
    }

    #[test]
    fn names_without_a_path_are_addresses_too() {
        let name = address(OsStr::new("@correio/notify")).unwrap();
        assert_eq!(name.as_abstract_name(), Some(&b"correio/notify"[..]));
        assert!(address(OsStr::new(&"x".repeat(200))).is_err());
    }
}
