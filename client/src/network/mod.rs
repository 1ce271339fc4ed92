//! The mio driver: one thread that owns the connection to a server and passes requests and answers
//! between it and the calling threads. [`Link`] decides when to connect and handles the bytes.

mod backoff;
mod happy_eyeballs;
pub(crate) mod link;
mod lookup;
mod news;
mod state;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{self, Receiver, SyncSender, TryRecvError, TrySendError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use correio_proto::{
    mail::Username,
    message::{NewMail, Reply, Request, Welcome},
};
use mio::{Events, Interest, Poll, Token, Waker, net::TcpStream};

use crate::{
    address::Address,
    cancel::Cancel,
    client::{Client, ClientConfig, Event, Failure, RequestId},
    error::{ConnectError, RequestError},
    mutex::lock,
    network::{
        link::{Link, Net},
        lookup::Lookup,
    },
    oneshot,
    options::ConnectOptions,
};

pub use state::{News, State};

/// Maximum of commands that wait for the thread. A further one fails with
/// [`RequestError::Overloaded`].
const COMMANDS_MAX: usize = 64;

const WAKER: Token = Token(0);
/// One token is enough for all sockets, since a step does not depend on what woke the thread.
const SOCKET: Token = Token(1);

/// Result of a request: the reply, and the time it took.
pub(crate) type RequestResult = Result<(Reply, Duration), RequestError>;

/// Handle of the network thread. Dropping it ends the thread and the connection.
#[derive(Debug)]
pub(crate) struct Network {
    commands: SyncSender<Command>,
    waker: Arc<Waker>,
    view: Arc<Mutex<View>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's state that other threads can read.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) welcome: Option<Welcome>,
    pub(crate) username: Option<Username>,
    pub(crate) notices: VecDeque<NewMail>,
    /// Counts the connections that were greeted.
    pub(crate) connections: u64,
    pending: news::Pending,
}

impl View {
    /// The news, or the error that ends the wait for them.
    fn news(&mut self) -> Result<Option<News>, RequestError> {
        match (self.state, &self.username) {
            (State::Closed, _) => Err(RequestError::Closed),
            (_, None) => Err(RequestError::SessionEnded),
            (_, Some(_)) => Ok(self.pending.take()),
        }
    }
}

#[derive(Debug)]
enum Command {
    Request {
        ticket: u64,
        request: Box<Request>,
        within: Duration,
        answer: oneshot::Sender<RequestResult>,
    },
    Abandon(u64),
    Close,
}

impl Network {
    /// Starts the thread and waits for the first connection.
    pub(crate) fn connect(
        address: &Address,
        options: &ConnectOptions,
        cancel: &Cancel,
    ) -> Result<Self, ConnectError> {
        if cancel.is_cancelled() {
            return Err(ConnectError::Cancelled);
        }
        let (first, connected) = oneshot::channel();
        let network = Self::start(address, options, first).map_err(|error| local(&error))?;
        // On an error, dropping the network ends the thread.
        match connected.wait(cancel) {
            Ok(Ok(())) => Ok(network),
            Ok(Err(error)) => Err(error),
            Err(oneshot::RecvError::Cancelled) => Err(ConnectError::Cancelled),
            Err(oneshot::RecvError::Gone) => {
                Err(local(&io::Error::other("the network thread ended")))
            }
        }
    }

    fn start(
        address: &Address,
        options: &ConnectOptions,
        first: oneshot::Sender<Result<(), ConnectError>>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (commands, received) = mpsc::sync_channel(COMMANDS_MAX);
        let view = Arc::new(Mutex::new(View {
            state: State::Reconnecting,
            welcome: None,
            username: None,
            notices: VecDeque::new(),
            connections: 0,
            pending: news::Pending::default(),
        }));
        let security = options.trust.security(address);
        let config = ClientConfig { security, ..ClientConfig::default() };
        let driver = Driver {
            commands: received,
            view: Arc::clone(&view),
            notices_max: config.notices_max,
            link: Link::new(Client::new(config), address.clone(), options.deadline),
            net: MioNet { poll, waker: Arc::clone(&waker), lookup: None },
            started: Instant::now(),
            first: Some(first),
            callers: HashMap::new(),
            stopping: false,
        };
        let thread = thread::Builder::new()
            .name("correio-network".to_owned())
            .spawn(move || driver.run())?;
        Ok(Self { commands, waker, view, thread: Some(thread) })
    }

    /// Hands a request over, under a ticket of the caller's choice.
    pub(crate) fn request(
        &self,
        ticket: u64,
        request: Request,
        within: Duration,
    ) -> Result<oneshot::Receiver<RequestResult>, RequestError> {
        let (answer, receiver) = oneshot::channel();
        let command = Command::Request { ticket, request: Box::new(request), within, answer };
        match self.commands.try_send(command) {
            Ok(()) => {
                self.wake();
                Ok(receiver)
            }
            Err(TrySendError::Full(_)) => Err(RequestError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(RequestError::Closed),
        }
    }

    /// Abandons the request of this ticket.
    pub(crate) fn abandon(&self, ticket: u64) {
        self.command(Command::Abandon(ticket));
    }

    /// See [`crate::Service::wait_for_news`].
    pub(crate) fn wait_for_news(
        &self,
        longest: Duration,
        cancel: &Cancel,
    ) -> Result<News, RequestError> {
        let _watch = cancel.watch();
        let until = Instant::now() + longest;
        self.view().pending.waiting = Some(thread::current());
        let news = loop {
            if cancel.is_cancelled() {
                break Err(RequestError::Cancelled);
            }
            match self.view().news() {
                Ok(None) => {}
                Ok(Some(news)) => break Ok(news),
                Err(error) => break Err(error),
            }
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break Ok(News::Nothing);
            }
            // The network's thread and `Cancel` unpark this thread after they have acted.
            thread::park_timeout(rest);
        };
        self.view().pending.waiting = None;
        news
    }

    /// Locks the readable state.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    /// Hands over a command that must not be lost. Blocks while too many commands wait, which is
    /// brief, since the thread takes commands at once.
    fn command(&self, command: Command) {
        self.wake();
        if self.commands.send(command).is_ok() {
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only if the thread's poll is gone, and with it the thread.
        let _ = self.waker.wake();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.command(Command::Close);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported already.
            let _ = thread.join();
        }
    }
}

/// The thread's own state.
struct Driver {
    net: MioNet,
    link: Link<TcpStream>,
    commands: Receiver<Command>,
    view: Arc<Mutex<View>>,
    notices_max: usize,
    started: Instant,
    /// Gets the result of the first connection, whose failure ends the thread.
    first: Option<oneshot::Sender<Result<(), ConnectError>>>,
    callers: HashMap<RequestId, Caller>,
    /// Whether the server has announced its stop and no new connection was made since.
    stopping: bool,
}

struct Caller {
    ticket: u64,
    answer: oneshot::Sender<RequestResult>,
}

/// Whether the thread continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

impl Driver {
    fn run(mut self) {
        let mut events = Events::with_capacity(64);
        while self.take_commands() == Flow::On && self.step() == Flow::On {
            let timeout = self.timeout();
            match self.net.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Without a poll the thread cannot work.
                Err(_) => break,
            }
        }
        let now = self.now();
        self.link.close(now);
        let mut view = lock(&self.view);
        view.state = State::Closed;
        view.pending.wake();
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn timeout(&self) -> Option<Duration> {
        // Mio rounds up, so the step is due after the wait.
        Some(self.link.timeout()?.saturating_sub(self.now()))
    }

    fn take_commands(&mut self) -> Flow {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Request { ticket, request, within, answer }) => {
                    let deadline = self.now() + within;
                    match self.link.client.request(*request, deadline) {
                        Ok(id) => {
                            self.callers.insert(id, Caller { ticket, answer });
                        }
                        Err(failure) => answer.send(Err(self.request_error(failure))),
                    }
                }
                Ok(Command::Abandon(ticket)) => self.abandon(ticket),
                Err(TryRecvError::Empty) => return Flow::On,
                Ok(Command::Close) | Err(TryRecvError::Disconnected) => return Flow::End,
            }
        }
    }

    fn abandon(&mut self, ticket: u64) {
        let mut callers = self.callers.iter();
        if let Some((&id, _)) = callers.find(|(_, caller)| caller.ticket == ticket) {
            self.callers.remove(&id);
            self.link.client.abandon(id);
        }
    }

    fn step(&mut self) -> Flow {
        let now = self.now();
        if let Err(error) = self.link.step(now, &mut self.net) {
            if let Some(first) = self.first.take() {
                first.send(Err(error));
            }
            return Flow::End;
        }
        self.show();
        self.give_up_on_untrusted();
        while let Some(event) = self.link.client.poll() {
            self.take_event(event);
        }
        if self.link.is_up()
            && let Some(first) = self.first.take()
        {
            first.send(Ok(()));
        }
        Flow::On
    }

    /// Fails all requests at once if the server at this address is no longer trusted: waiting does
    /// not help, since the user must decide.
    fn give_up_on_untrusted(&mut self) {
        let untrusted = |failure: &&ConnectError| matches!(failure, ConnectError::Untrusted(_));
        let Some(failure) = self.link.failure().filter(untrusted).cloned() else {
            return;
        };
        for (id, caller) in self.callers.drain() {
            self.link.client.abandon(id);
            caller.answer.send(Err(RequestError::Unreachable(failure.clone())));
        }
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Greeted(welcome) => {
                self.stopping = false;
                let mut view = lock(&self.view);
                view.welcome = Some(welcome);
                view.connections += 1;
                if self.first.is_none() {
                    view.pending.add(News::Reconnected);
                }
            }
            Event::Answer { id, outcome, took } => {
                if let Some(caller) = self.callers.remove(&id) {
                    let outcome = outcome.map(|reply| (reply, took));
                    let outcome = outcome.map_err(|failure| self.request_error(failure));
                    caller.answer.send(outcome);
                }
            }
            Event::NewMail(mail) => {
                let mut view = lock(&self.view);
                if view.notices.len() >= self.notices_max {
                    view.notices.pop_front();
                }
                view.notices.push_back(mail);
                view.pending.add(News::NewMail);
            }
            Event::ShuttingDown => self.stopping = true,
            Event::SessionEnded => lock(&self.view).pending.wake(),
        }
    }

    /// Publishes the state, before answers reveal that it has changed.
    fn show(&self) {
        let mut view = lock(&self.view);
        view.state = match (self.stopping, self.link.is_up()) {
            (true, _) => State::Stopping,
            (false, true) => State::Connected,
            (false, false) => State::Reconnecting,
        };
        if view.username.as_ref() != self.link.client.username() {
            view.username = self.link.client.username().cloned();
        }
    }

    fn request_error(&self, failure: Failure) -> RequestError {
        match failure {
            Failure::SessionEnded => RequestError::SessionEnded,
            Failure::TooLarge { size, limit } => RequestError::TooLarge { size, limit },
            Failure::NoMessages => RequestError::NoMessages,
            Failure::Overloaded => RequestError::Overloaded,
            Failure::TimedOut => match self.link.failure() {
                Some(failure) => RequestError::Unreachable(failure.clone()),
                None => RequestError::TimedOut,
            },
        }
    }
}

/// The network, through mio.
struct MioNet {
    poll: Poll,
    waker: Arc<Waker>,
    /// At most one look-up is under way, even after its attempt to connect has ended.
    lookup: Option<Lookup>,
}

impl Net for MioNet {
    type Socket = TcpStream;

    fn look_up(&mut self, host: String, port: u16) -> io::Result<Option<Vec<SocketAddr>>> {
        let Some(lookup) = &self.lookup else {
            let waker = Arc::clone(&self.waker);
            let done = move || {
                // If the poll is gone, the result is not needed.
                let _ = waker.wake();
            };
            self.lookup = Some(Lookup::start(host, port, done)?);
            return Ok(None);
        };
        let Some(found) = lookup.result() else {
            return Ok(None);
        };
        self.lookup = None;
        found.map(Some)
    }

    fn open(&mut self, address: SocketAddr) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, SOCKET, interest)?;
        Ok(socket)
    }

    fn is_connected(&self, socket: &TcpStream) -> io::Result<bool> {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Ok(_) => {
                // Requests are small and wait for their answers, which Nagle's algorithm would
                // delay.
                let _ = socket.set_nodelay(true);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn random(&mut self) -> u64 {
        // Without random numbers clients reconnect at the same time, which does little harm.
        getrandom::u64().unwrap_or(u64::MAX / 2)
    }
}

/// Wraps an error of this computer before any address was tried.
fn local(error: &io::Error) -> ConnectError {
    ConnectError::Io { detail: error.to_string(), tried: vec![] }
}
