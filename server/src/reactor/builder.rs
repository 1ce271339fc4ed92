//! The parts of a reactor that exist before its server: listeners, signals and the waker.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use mio::{Interest, Poll, Waker, event::Source as EventSource, net::TcpListener};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use super::{
    admin_socket::AdminSocket,
    source::{SIGNALS, Source, WAKER},
    waker::ReactorWaker,
};
use crate::protocol::Service;

/// Listeners, signals and the waker of a [`Reactor`](super::Reactor) whose server does not exist
/// yet. The server's store and workers need the waker first.
pub struct ReactorBuilder {
    pub(super) poll: Poll,
    pub(super) waker: Arc<ReactorWaker>,
    pub(super) listeners: Vec<Listener>,
    pub(super) signals: Option<Signals>,
}

/// A socket that accepts connections.
pub(super) struct Listener {
    pub(super) door: Door,
    /// Whether the backlog may have connections. Events are edge-triggered: a backlog that was not
    /// emptied is not reported again.
    pub(super) is_ready: bool,
}

/// Where a listener's connections come from.
pub(super) enum Door {
    /// The network; clients are offered this service.
    Tcp(TcpListener, Service),
    /// The operator's commands.
    Admin(AdminSocket),
}

impl Door {
    /// The listening socket.
    pub(super) fn source(&mut self) -> &mut dyn EventSource {
        match self {
            Self::Tcp(listener, _) => listener,
            Self::Admin(socket) => &mut socket.listener,
        }
    }
}

impl ReactorBuilder {
    /// A builder without listeners.
    ///
    /// # Errors
    ///
    /// The kernel refuses a poll.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let waker = Arc::new(ReactorWaker { waker, stop: AtomicBool::new(false) });
        Ok(Self { poll, waker, listeners: Vec::new(), signals: None })
    }

    /// The handle with which other threads wake the reactor.
    #[must_use]
    pub fn waker(&self) -> Arc<ReactorWaker> {
        self.waker.clone()
    }

    /// Handles SIGTERM, SIGINT, SIGQUIT and SIGHUP from now on, and ignores SIGUSR1, SIGUSR2 and
    /// SIGALRM, which would end the process otherwise.
    ///
    /// # Errors
    ///
    /// The kernel refuses the signal handlers.
    pub fn register_signals(&mut self) -> io::Result<()> {
        let mut signals =
            Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM])?;
        self.poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Listens on an address, to offer this service. Returns the bound address, which
    /// has the port that the kernel chose for port 0.
    ///
    /// # Errors
    ///
    /// The address is in use, is not this machine's, or needs rights that the process lacks.
    pub fn listen(&mut self, address: SocketAddr, service: Service) -> io::Result<SocketAddr> {
        self.adopt(bind(address)?, service)
    }

    /// Takes over a non-blocking socket that listens already, to offer this service.
    /// Returns its address.
    ///
    /// # Errors
    ///
    /// The kernel refuses to report the socket's events.
    pub fn adopt(
        &mut self,
        listener: std::net::TcpListener,
        service: Service,
    ) -> io::Result<SocketAddr> {
        let socket = TcpListener::from_std(listener);
        let bound = socket.local_addr()?;
        self.open(Door::Tcp(socket, service))?;
        Ok(bound)
    }

    /// Listens for the operator's commands in a data directory that the store keeps locked, on a
    /// socket that only this user and root may use. Removes one of a server that was killed.
    ///
    /// # Errors
    ///
    /// The directory or its file system has no room for a socket.
    pub fn listen_for_operator(&mut self, directory: &Path) -> io::Result<()> {
        self.open(Door::Admin(AdminSocket::bind(directory)?))
    }

    fn open(&mut self, mut door: Door) -> io::Result<()> {
        let token = Source::listener(self.listeners.len());
        self.poll.registry().register(door.source(), token, Interest::READABLE)?;
        self.listeners.push(Listener { door, is_ready: true });
        Ok(())
    }
}

/// Binds a listener by hand: its backlog is larger than mio's 128, and an IPv6 socket leaves IPv4
/// to a listener of its own.
fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
