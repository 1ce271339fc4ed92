//! The poll loop: listeners, sockets, signals and the waker. Nothing else in the server uses mio;
//! connections are the [`Server`]'s.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use crate::{
    clock::{Clock, Now},
    engine::{
        Server,
        connection::{Readiness, Transport},
    },
    event::Event,
    ids::ConnId,
    ops::systemd::ServiceManager,
    protocol::Protocol,
    store::StoreFailed,
    waker::Wake,
};

/// Most events that one poll takes from the kernel.
const EVENTS: usize = 1024;

/// Connections that one listener accepts in one iteration, before other listeners have their turn.
const ACCEPTS_PER_ITERATION: usize = 16;

/// How long accepting pauses when the machine has no file descriptors or memory left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);

/// What a mio [`Token`] refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Waker,
    Signals,
    Listener(usize),
    Connection(ConnId),
}

/// The first listener's token. As a connection's token it would have the generation [`u32::MAX`],
/// which no connection has.
const LISTENERS: usize = (u32::MAX as usize) << 32;

impl Source {
    fn of(token: Token) -> Self {
        match token {
            WAKER => Self::Waker,
            SIGNALS => Self::Signals,
            Token(number) if number >= LISTENERS => Self::Listener(number - LISTENERS),
            Token(number) => {
                Self::Connection(ConnId { index: number as u32, generation: (number >> 32) as u32 })
            }
        }
    }

    fn listener(index: usize) -> Token {
        Token(LISTENERS + index)
    }

    fn connection(id: ConnId) -> Token {
        Token((id.generation as usize) << 32 | id.index as usize)
    }
}

/// An error that ends [`Reactor::run`].
#[derive(Debug, thiserror::Error)]
pub enum ReactorError {
    /// The kernel refused to report events.
    #[error("waiting for events failed: {0}")]
    Poll(#[from] io::Error),
    /// The store has failed for good.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

/// Why [`Reactor::run`] returned, and what the caller must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum LoopExit {
    /// SIGHUP: reload log and certificate without blocking, then call [`Reactor::run`] again.
    Reload,
    /// The shutdown has finished, or its time is up: call [`Reactor::close`].
    End,
}

/// Wakes the reactor from any thread.
#[derive(Debug)]
pub struct ReactorWaker {
    waker: Waker,
    /// Whether the server was asked to stop.
    stop: AtomicBool,
}

impl ReactorWaker {
    /// Asks the server to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }
}

impl Wake for ReactorWaker {
    fn wake(&self) {
        // Fails only if the kernel has no memory for an event; the next job wakes again.
        let _ = self.waker.wake();
    }
}

/// Listeners, signals and the waker of a [`Reactor`] whose server does not exist yet. The server's
/// store and workers need the waker first.
pub struct ReactorBuilder {
    poll: Poll,
    waker: Arc<ReactorWaker>,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
}

struct Listener {
    socket: TcpListener,
    /// The protocol of the connections that the listener accepts.
    protocol: Protocol,
    /// Whether the backlog may have connections. Events are edge-triggered: a backlog that was not
    /// emptied is not reported again.
    is_ready: bool,
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

    /// Listens on an address, for clients that speak `protocol`. Returns the bound address, which
    /// has the port that the kernel chose for port 0.
    ///
    /// # Errors
    ///
    /// The address is in use, is not this machine's, or needs rights that the process lacks.
    pub fn listen(&mut self, address: SocketAddr, protocol: Protocol) -> io::Result<SocketAddr> {
        self.adopt(bind(address)?, protocol)
    }

    /// Takes over a non-blocking socket that listens already, for clients that speak `protocol`.
    /// Returns its address.
    ///
    /// # Errors
    ///
    /// The kernel refuses to report the socket's events.
    pub fn adopt(
        &mut self,
        listener: std::net::TcpListener,
        protocol: Protocol,
    ) -> io::Result<SocketAddr> {
        let mut socket = TcpListener::from_std(listener);
        let bound = socket.local_addr()?;
        let token = Source::listener(self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        self.listeners.push(Listener { socket, protocol, is_ready: true });
        Ok(bound)
    }

    /// A reactor for a server. `drain_timeout` is how long connections may take to finish when the
    /// server stops.
    #[must_use]
    pub fn build(self, server: Server<TcpStream>, drain_timeout: Duration) -> Reactor {
        Reactor {
            poll: self.poll,
            waker: self.waker,
            listeners: self.listeners,
            signals: self.signals,
            accept_paused: None,
            server,
            clock: Clock::start(),
            drain_timeout,
            drain_until: None,
            reload: false,
            manager: ServiceManager::default(),
        }
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

impl Transport for TcpStream {
    fn shutdown_write(&mut self) {
        // Fails only if the connection is over already.
        let _ = self.shutdown(std::net::Shutdown::Write);
    }

    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        // epoll(7): a short read has emptied a stream socket. Other kernels are asked once more.
        cfg!(any(target_os = "linux", target_os = "android")) && count < room
    }
}

/// The poll loop of one server, which [`Reactor::run`] runs.
pub struct Reactor {
    poll: Poll,
    waker: Arc<ReactorWaker>,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
    /// Until when accepting pauses (uptime).
    accept_paused: Option<Duration>,
    server: Server<TcpStream>,
    clock: Clock,
    drain_timeout: Duration,
    /// During the shutdown: until when connections may finish (uptime).
    drain_until: Option<Duration>,
    /// Whether [`Reactor::run`] must return [`LoopExit::Reload`].
    reload: bool,
    manager: ServiceManager,
}

impl Reactor {
    /// Reports to the service manager: pings its watchdog, and tells when the server stops.
    #[must_use]
    pub fn reporting_to(mut self, manager: ServiceManager) -> Self {
        self.manager = manager;
        self
    }

    /// Runs the event loop. Returns on SIGHUP (`Reload`) or once shutdown has finished (`End`).
    ///
    /// # Errors
    ///
    /// See [`ReactorError`].
    pub fn run(&mut self) -> Result<LoopExit, ReactorError> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let now = self.clock.now();
            if std::mem::take(&mut self.reload) {
                return Ok(LoopExit::Reload);
            }
            if self.drain_until.is_some_and(|until| self.server.is_empty() || now.uptime >= until) {
                return Ok(LoopExit::End);
            }
            match self.poll.poll(&mut events, self.timeout(now)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
                other => other?,
            }
            let now = self.clock.now();
            for event in &events {
                self.handle_event(now, event);
            }
            if self.waker.stop.swap(false, Ordering::Acquire) {
                self.begin_shutdown(now, "request");
            }
            self.accept(now);
            self.server.process(now)?;
            self.manager.watchdog_ping(now.uptime);
        }
    }

    /// Drops all connections and closes the store, which first makes its queued jobs durable.
    ///
    /// # Errors
    ///
    /// See [`StoreFailed`].
    pub fn close(self) -> Result<(), StoreFailed> {
        self.server.close()
    }

    fn timeout(&self, now: Now) -> Option<Duration> {
        let accepts =
            self.accept_paused.is_none() && self.listeners.iter().any(|listener| listener.is_ready);
        if accepts || self.server.has_ready() {
            return Some(Duration::ZERO);
        }
        let moments = [
            self.server.next_deadline(),
            self.accept_paused,
            self.drain_until,
            self.manager.next_watchdog_ping(),
        ];
        let next = moments.into_iter().flatten().min()?;
        // The kernel counts milliseconds and mio rounds up, so the loop never spins before a
        // deadline.
        Some(next.saturating_sub(now.uptime))
    }

    fn handle_event(&mut self, now: Now, event: &mio::event::Event) {
        match Source::of(event.token()) {
            Source::Waker => {}
            Source::Signals => self.handle_signals(now),
            Source::Listener(index) => {
                if let Some(listener) = self.listeners.get_mut(index) {
                    listener.is_ready = true;
                }
            }
            Source::Connection(id) => {
                let readiness = Readiness {
                    readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                    writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                    ended: event.is_read_closed() || event.is_error(),
                };
                self.server.note(id, readiness);
            }
        }
    }

    fn handle_signals(&mut self, now: Now) {
        let Some(signals) = &mut self.signals else {
            return;
        };
        for signal in signals.pending().collect::<Vec<_>>() {
            match signal {
                SIGHUP => self.reload = true,
                SIGINT => self.begin_shutdown(now, "SIGINT"),
                SIGQUIT => self.begin_shutdown(now, "SIGQUIT"),
                SIGUSR1 => Event::SignalIgnored { signal: "SIGUSR1" }.log(),
                SIGUSR2 => Event::SignalIgnored { signal: "SIGUSR2" }.log(),
                SIGALRM => Event::SignalIgnored { signal: "SIGALRM" }.log(),
                _ => self.begin_shutdown(now, "SIGTERM"),
            }
        }
    }

    /// Begins the shutdown. A second signal ends the wait for connections at once.
    fn begin_shutdown(&mut self, now: Now, signal: &str) {
        let connections = self.server.len();
        Event::ServerStopping { signal, connections }.log();
        self.manager.stopping(&format!("finishing {connections} connections"));
        // The service manager keeps its socket open for the next server. While it does, closing our
        // descriptor does not end the socket's events: deregister it first.
        for Listener { mut socket, .. } in self.listeners.drain(..) {
            let _ = self.poll.registry().deregister(&mut socket);
        }
        self.accept_paused = None;
        self.drain_until = match self.drain_until {
            None => Some(now.uptime + self.drain_timeout),
            Some(_) => Some(now.uptime),
        };
        self.server.begin_shutdown(now);
    }

    fn accept(&mut self, now: Now) {
        if self.accept_paused.is_some_and(|until| now.uptime < until) {
            return;
        }
        if self.accept_paused.take().is_some() {
            Event::AcceptResumed.log();
        }
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_ITERATION {
                if !self.accept_one(now, index) {
                    break;
                }
            }
        }
    }

    /// Accepts a connection. Returns whether the backlog may have another.
    fn accept_one(&mut self, now: Now, index: usize) -> bool {
        let Some(listener) = self.listeners.get_mut(index).filter(|listener| listener.is_ready)
        else {
            return false;
        };
        match listener.socket.accept() {
            Ok((socket, peer)) => {
                let protocol = listener.protocol;
                self.open(now, socket, peer, protocol);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                listener.is_ready = false;
                false
            }
            Err(error) if is_of_one_connection(&error) => true,
            Err(error) => {
                // No descriptor or no memory is left. The backlog keeps its connections, and the
                // kernel will not report them again: `is_ready` stays true.
                let reason = error.to_string();
                Event::AcceptPaused { reason: &reason }.log();
                self.accept_paused = Some(now.uptime + ACCEPT_PAUSE);
                false
            }
        }
    }

    fn open(&mut self, now: Now, socket: TcpStream, peer: SocketAddr, protocol: Protocol) {
        // Replies are small, and the client waits for each.
        let _ = socket.set_nodelay(true);
        // An inherited listener may serve both families: it gives IPv4 clients as mapped IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Some(id) = self.server.open(now, socket, peer, protocol) else {
            return;
        };
        let registry = self.poll.registry();
        let registered = self.server.transport_mut(id).is_some_and(|socket| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(socket, Source::connection(id), interest).is_ok()
        });
        if !registered {
            self.server.abort(id);
        }
    }
}

/// Whether an error of accept(2) concerns only this connection: its client has closed it already.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | TimedOut)
}

/// Raises the limit on open files as far as the machine allows. Returns the present limit.
#[must_use]
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let holds = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    holds.current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_names_its_source() {
        let first = ConnId { index: 0, generation: 0 };
        let last = ConnId { index: u32::MAX, generation: u32::MAX - 1 };
        for id in [first, last, ConnId { index: 5, generation: 7 }] {
            assert_eq!(Source::of(Source::connection(id)), Source::Connection(id));
        }
        assert_eq!(Source::of(Source::listener(3)), Source::Listener(3));
        assert_eq!(Source::of(WAKER), Source::Waker);
        assert_eq!(Source::of(SIGNALS), Source::Signals);
    }
}
