//! What the service manager hands over and is told: sockets that listen already, readiness, the
//! end, and signs of life.
//!
//! The words are systemd's (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)); other
//! managers speak them too. Without a manager all of it does nothing. Reloading is not announced:
//! what SIGHUP does is done without a pause, and `Type=notify-reload` is not known to the systemd
//! of Debian 12.

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

use crate::protocol::Protocol;

/// Sockets that may be handed over. A server listens on a few addresses.
const SOCKETS_MAX: usize = 64;

/// Why sockets that were handed over cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritError {
    /// The variables that describe them make no sense.
    #[error("the sockets of the service manager (LISTEN_FDS) cannot be taken: {0}")]
    Environment(io::Error),
    /// There are more than a server has addresses for.
    #[error("the service manager hands over {count} sockets; at most {SOCKETS_MAX} are taken")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// One is something else than a listening TCP socket.
    #[error(
        "socket {number} of the service manager is no listening TCP socket: {source}; \
         give it ListenStream= with a port, and Accept=no"
    )]
    NoListener {
        /// Which one, from 1.
        number: usize,
        /// What it is not.
        source: io::Error,
    },
}

/// A listening socket that the service manager opened. It does not block.
#[derive(Debug)]
pub struct InheritedListener {
    /// The socket.
    pub socket: TcpListener,
    /// The protocol that its clients speak.
    pub protocol: Protocol,
}

/// Takes the listening sockets that the service manager opened for this process, in its order;
/// none without a manager. They do not block. To be called once, before there are threads: the
/// variables that name them are removed, so that nobody takes them for his own.
///
/// # Errors
///
/// See [`InheritError`].
pub fn inherited() -> Result<Vec<InheritedListener>, InheritError> {
    // This reads LISTEN_FDS strictly, for this process only, and looks at every descriptor; the
    // other crate makes sockets of them.
    let count = sd_notify::listen_fds().map_err(InheritError::Environment)?.len();
    if count > SOCKETS_MAX {
        return Err(InheritError::TooMany { count });
    }
    let mut found = if count == 0 { ListenFd::empty() } else { ListenFd::from_env() };
    let mut listeners = Vec::new();
    for index in 0..found.len() {
        let taken = take(&mut found, index);
        let number = index + 1;
        let taken = taken.map_err(|source| InheritError::NoListener { number, source })?;
        listeners
            .extend(taken.map(|socket| InheritedListener { socket, protocol: Protocol::Correio }));
    }
    Ok(listeners)
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

/// When the next sign of life is due.
#[derive(Clone, Copy, Debug)]
struct Watchdog {
    every: Duration,
    next: Duration,
}

impl ServiceManager {
    /// The manager that started this process: NOTIFY_SOCKET and WATCHDOG_USEC.
    ///
    /// # Errors
    ///
    /// NOTIFY_SOCKET is no address.
    pub fn of_process() -> io::Result<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let Some(name) = name else {
            return Ok(Self::default());
        };
        let limit = sd_notify::watchdog_enabled();
        Ok(Self { address: Some(address(&name)?), watchdog: limit.and_then(Watchdog::within) })
    }

    /// Tells that the server can be used. `status` is for people.
    ///
    /// # Errors
    ///
    /// The manager does not take it, and will give the server up.
    pub fn ready(&self, status: &str) -> io::Result<()> {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&plain(status))])
    }

    /// Tells that the server finishes what is under way and ends then.
    pub fn stopping(&self, status: &str) {
        // The manager asked for it, or will see the end itself.
        let _ = self.tell(&[NotifyState::Stopping, NotifyState::Status(&plain(status))]);
    }

    /// When the next sign of life is due; `None` if the manager waits for none.
    #[must_use]
    pub fn next_watchdog_ping(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog.next)
    }

    /// Gives a sign of life if one is due. The loop calls it in its own turn, so that a loop that
    /// is stuck gives none and is restarted.
    pub fn watchdog_ping(&mut self, now: Duration) {
        let Some(watchdog) = &mut self.watchdog else {
            return;
        };
        if now < watchdog.next {
            return;
        }
        watchdog.next = now + watchdog.every;
        // Two signs fit into the manager's time: one that is lost is made up for by the next.
        let _ = self.tell(&[NotifyState::Watchdog]);
    }

    /// Sends one datagram that the kernel takes or refuses at once. `sd_notify::notify` would
    /// wait for room in the manager's queue, and the loop with it, for ever if the manager hangs.
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
    /// Signs at half of the time after which the manager gives the server up.
    fn within(limit: Duration) -> Option<Self> {
        let every = (limit / 2).max(Duration::from_millis(1));
        (!limit.is_zero()).then_some(Self { every, next: Duration::ZERO })
    }
}

/// A path, or a name without one that begins with `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

/// A line break would begin another assignment.
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
    fn signs_of_life_come_twice_within_the_limit() {
        let (_directory, socket, mut manager) = manager(Duration::from_secs(10));
        let mut signs = 0;
        for second in 0..=20 {
            manager.watchdog_ping(Duration::from_secs(second));
            signs += usize::from(received(&socket).as_deref() == Some("WATCHDOG=1\n"));
        }
        assert_eq!(signs, 5, "at 0, 5, 10, 15 and 20 seconds");
        assert_eq!(manager.next_watchdog_ping(), Some(Duration::from_secs(25)));
    }

    #[test]
    fn without_a_limit_there_are_no_signs() {
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
    fn nobody_is_told_where_there_is_no_manager() {
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
