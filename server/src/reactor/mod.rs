//! The poll loop: the only place that knows mio. Listeners, waker and signals live here; what
//! the events mean is the [`Server`]'s.

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

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

/// Connections that one listener may bring before the others have their turn.
const ACCEPTS_PER_ITERATION: usize = 16;

/// How long accepting rests when the machine has no file descriptor or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);

/// Who an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Waker,
    Signals,
    Listener(usize),
    Connection(ConnId),
}

/// Tokens from which on listeners are numbered: the generation [`u32::MAX`] is no connection's.
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

/// What ends [`Reactor::run`] without the server being asked to stop.
#[derive(Debug, thiserror::Error)]
pub enum ReactorError {
    /// The kernel does not report events any more.
    #[error("waiting for events failed: {0}")]
    Poll(#[from] io::Error),
    /// See [`StoreFailed`].
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

/// What [`Reactor::run`] leaves to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum LoopExit {
    /// SIGHUP: what was read at the start is to be read anew, without blocking; then to go on.
    Reload,
    /// Everything under way is finished, or its time is over: [`Reactor::close`] is next.
    End,
}

/// Wakes the reactor from any thread.
#[derive(Debug)]
pub struct ReactorWaker {
    waker: Waker,
    /// Whether it is to stop.
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
        // It fails only where the kernel has no memory for an event; the next job wakes again.
        let _ = self.waker.wake();
    }
}

/// The poll, before there is a server for it.
pub struct ReactorBuilder {
    poll: Poll,
    waker: Arc<ReactorWaker>,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
}

struct Listener {
    socket: TcpListener,
    /// The protocol of the connections that it accepts.
    protocol: Protocol,
    /// With edge-triggered events a backlog that was not emptied is not reported again.
    is_ready: bool,
}

impl ReactorBuilder {
    /// A poll with nothing to listen to yet.
    ///
    /// # Errors
    ///
    /// The kernel refuses one.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let waker = Arc::new(ReactorWaker { waker, stop: AtomicBool::new(false) });
        Ok(Self { poll, waker, listeners: Vec::new(), signals: None })
    }

    /// How other threads wake the reactor.
    #[must_use]
    pub fn waker(&self) -> Arc<ReactorWaker> {
        self.waker.clone()
    }

    /// Takes SIGTERM, SIGINT, SIGQUIT and SIGHUP from now on, and SIGUSR1, SIGUSR2 and SIGALRM,
    /// which would end the process otherwise.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn take_signals(&mut self) -> io::Result<()> {
        let mut signals =
            Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM])?;
        self.poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Listens on an address. Returns the address with the port that was given for port 0.
    ///
    /// # Errors
    ///
    /// The address is in use, is not this machine's, or needs rights that are not there.
    pub fn listen(&mut self, address: SocketAddr, protocol: Protocol) -> io::Result<SocketAddr> {
        self.adopt(bind(address)?, protocol)
    }

    /// Takes a socket that listens already and does not block. Returns its address.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
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
}

/// A backlog above mio's own 128, and an IPv6 socket that leaves IPv4 to its own listener.
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
        // A connection that is gone already needs no goodbye.
        let _ = self.shutdown(std::net::Shutdown::Write);
    }

    fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        // As epoll(7) says of stream sockets: a short read has taken all there was. Other kernels
        // are asked once more.
        cfg!(any(target_os = "linux", target_os = "android")) && count < room
    }
}

/// See the module's description.
pub struct Reactor {
    poll: Poll,
    waker: Arc<ReactorWaker>,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
    /// Until when accepting rests.
    accept_paused: Option<Duration>,
    server: Server<TcpStream>,
    clock: Clock,
    drain_timeout: Duration,
    /// Once the server stops: until when connections may finish.
    drain_until: Option<Duration>,
    /// Whether the caller is to read anew what was read at the start.
    reload: bool,
    manager: ServiceManager,
}

impl Reactor {
    /// A reactor for a server. `drain_timeout` is how long connections may finish when it stops.
    #[must_use]
    pub fn new(
        builder: ReactorBuilder,
        server: Server<TcpStream>,
        drain_timeout: Duration,
    ) -> Self {
        Self {
            poll: builder.poll,
            waker: builder.waker,
            listeners: builder.listeners,
            signals: builder.signals,
            accept_paused: None,
            server,
            clock: Clock::start(),
            drain_timeout,
            drain_until: None,
            reload: false,
            manager: ServiceManager::default(),
        }
    }

    /// Gives the service manager signs of life, and tells it when the server stops.
    #[must_use]
    pub fn reporting_to(mut self, manager: ServiceManager) -> Self {
        self.manager = manager;
        self
    }

    /// Serves until something is asked that is the caller's to do.
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
                self.take(now, event);
            }
            if self.waker.stop.swap(false, Ordering::Acquire) {
                self.start_to_stop(now, "request");
            }
            self.accept(now);
            self.server.process(now)?;
            self.manager.watchdog_ping(now.uptime);
        }
    }

    /// Lets go of everything; what the store had queued is made durable.
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
        // The kernel counts in milliseconds and mio rounds up: never awake too early in a circle.
        Some(next.saturating_sub(now.uptime))
    }

    fn take(&mut self, now: Now, event: &mio::event::Event) {
        match Source::of(event.token()) {
            Source::Waker => {}
            Source::Signals => self.take_signals(now),
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

    fn take_signals(&mut self, now: Now) {
        let Some(signals) = &mut self.signals else {
            return;
        };
        for signal in signals.pending().collect::<Vec<_>>() {
            match signal {
                SIGHUP => self.reload = true,
                SIGINT => self.start_to_stop(now, "SIGINT"),
                SIGQUIT => self.start_to_stop(now, "SIGQUIT"),
                SIGUSR1 => Event::SignalIgnored { signal: "SIGUSR1" }.log(),
                SIGUSR2 => Event::SignalIgnored { signal: "SIGUSR2" }.log(),
                SIGALRM => Event::SignalIgnored { signal: "SIGALRM" }.log(),
                _ => self.start_to_stop(now, "SIGTERM"),
            }
        }
    }

    /// A second signal cuts the waiting short.
    fn start_to_stop(&mut self, now: Now, signal: &str) {
        let connections = self.server.len();
        Event::ServerStopping { signal, connections }.log();
        self.manager.stopping(&format!("finishing {connections} connections"));
        // A socket of the service manager goes on listening, for the next server; while it is open
        // there, closing it here does not end the reports about it.
        for Listener { mut socket, .. } in self.listeners.drain(..) {
            let _ = self.poll.registry().deregister(&mut socket);
        }
        self.accept_paused = None;
        self.drain_until = match self.drain_until {
            None => Some(now.uptime + self.drain_timeout),
            Some(_) => Some(now.uptime),
        };
        self.server.stop(now);
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

    /// Whether there may be another connection behind this one.
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
                // No descriptor, or no memory: what waits stays in the backlog, and the kernel
                // will not report it again.
                let reason = error.to_string();
                Event::AcceptPaused { reason: &reason }.log();
                self.accept_paused = Some(now.uptime + ACCEPT_PAUSE);
                false
            }
        }
    }

    fn open(&mut self, now: Now, socket: TcpStream, peer: SocketAddr, protocol: Protocol) {
        // Replies are small and each is waited for.
        let _ = socket.set_nodelay(true);
        // A listener for both families, as others may hand over, names IPv4 clients within IPv6.
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

/// Errors that a peer which is gone already leaves behind (accept(2)); the next may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | TimedOut)
}

/// Raises the limit on open files as far as the machine allows. Returns what holds now.
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
