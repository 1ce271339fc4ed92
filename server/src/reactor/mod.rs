//! The poll loop: listeners, sockets, signals and the waker. Nothing else in the server uses mio;
//! connections are the [`Server`]'s.

mod admin_socket;
mod builder;
mod socket;
mod source;
mod waker;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mio::{
    Events, Interest, Poll,
    net::{TcpStream, UnixStream},
};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

pub use self::{builder::ReactorBuilder, socket::Socket, waker::ReactorWaker};
use self::{
    builder::{Door, Listener},
    source::Source,
};
use crate::{
    clock::{Clock, Now},
    counted::Counted,
    engine::{Server, connection::Readiness},
    event::Event,
    ids::ConnId,
    ops::systemd::ServiceManager,
    protocol::Service,
    store::StoreFailed,
};

/// Most events that one poll takes from the kernel.
const EVENTS: usize = 1024;

/// Connections that one listener accepts in one iteration, before other listeners have their turn.
const ACCEPTS_PER_ITERATION: usize = 16;

/// How long accepting pauses when the machine has no file descriptors or memory left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

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

/// The poll loop of one server, which [`Reactor::run`] runs.
pub struct Reactor {
    poll: Poll,
    waker: Arc<ReactorWaker>,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
    /// Until when accepting pauses (uptime).
    accept_paused: Option<Duration>,
    server: Server<Socket>,
    clock: Clock,
    drain_timeout: Duration,
    /// During the shutdown: until when connections may finish (uptime).
    drain_until: Option<Duration>,
    /// Whether [`Reactor::run`] must return [`LoopExit::Reload`].
    reload: bool,
    manager: ServiceManager,
}

impl ReactorBuilder {
    /// A reactor for a server. `drain_timeout` is how long connections may take to finish when the
    /// server stops.
    #[must_use]
    pub fn build(self, server: Server<Socket>, drain_timeout: Duration) -> Reactor {
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
        let mut begun = None;
        loop {
            let now = self.clock.now();
            if let Some(begun) = begun.take() {
                self.server.iterated(now.uptime.saturating_sub(begun));
            }
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
            begun = Some(now.uptime);
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
        self.manager.stopping(&format!("finishing {}", Counted(connections as u64, "connection")));
        // The service manager keeps its socket open for the next server. While it does, closing our
        // descriptor does not end the socket's events: deregister it first.
        for Listener { mut door, .. } in self.listeners.drain(..) {
            let _ = self.poll.registry().deregister(door.source());
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
        match accept(&listener.door) {
            Ok(Accepted::Tcp(socket, peer, service)) => {
                self.open(now, socket, peer, service);
                true
            }
            Ok(Accepted::Admin(socket)) => {
                self.open_admin(now, socket);
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

    fn open(&mut self, now: Now, socket: TcpStream, peer: SocketAddr, service: Service) {
        // Replies are small, and the client waits for each.
        let _ = socket.set_nodelay(true);
        // An inherited listener may serve both families: it gives IPv4 clients as mapped IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let id = self.server.open(now, Socket::Tcp(socket), peer, service);
        self.register(id);
    }

    /// Opens a connection of the operator, unless another user is at its other end.
    fn open_admin(&mut self, now: Now, socket: UnixStream) {
        if !admin_socket::is_allowed(&socket) {
            let text = "another user tried to use the admin socket";
            return Event::ServerWarning { text }.log();
        }
        let id = self.server.open_admin(now, Socket::Unix(socket));
        self.register(id);
    }

    /// Has the kernel report the readiness of a connection, if it was opened.
    fn register(&mut self, id: Option<ConnId>) {
        let Some(id) = id else {
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

/// An accepted connection.
enum Accepted {
    /// Of a client with this address, which is offered this service.
    Tcp(TcpStream, SocketAddr, Service),
    /// Of the operator.
    Admin(UnixStream),
}

fn accept(door: &Door) -> io::Result<Accepted> {
    match door {
        Door::Tcp(listener, service) => {
            listener.accept().map(|(socket, peer)| Accepted::Tcp(socket, peer, *service))
        }
        Door::Admin(socket) => socket.listener.accept().map(|(socket, _)| Accepted::Admin(socket)),
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
