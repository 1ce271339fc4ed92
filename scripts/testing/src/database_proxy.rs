//! A proxy between a store and its database that reads messages, without TLS: it can end
//! connections at any message, and hold messages back. Its threads end with the program.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

pub use correio_server::store::postgres::DatabaseUrl;
use correio_server::store::postgres::Host;

/// Which of the two ends sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The store.
    Client,
    /// The database.
    Server,
}

/// The proxy.
#[derive(Clone, Debug)]
pub struct DatabaseProxy {
    /// The address that the proxy listens on.
    pub address: SocketAddr,
    to: DatabaseUrl,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    cut: Option<(Side, u64)>,
    cuts: u64,
    from_client: u64,
    from_server: u64,
    is_held: bool,
    /// How many messages are held back, at most two of a connection.
    held: usize,
    is_refusing: bool,
    listeners: Listeners,
    clients: Vec<(TcpStream, IsListening)>,
}

/// What becomes of connections that listen for notifications (LISTEN).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listeners {
    /// They are counted, cut and held as all others.
    #[default]
    Cut,
    /// They are neither counted nor cut nor held. Their messages come at times of their own:
    /// without them the same jobs always have the same messages.
    Spared,
}

/// Whether a connection listens for notifications.
type IsListening = Arc<AtomicBool>;

/// What becomes of a message.
enum Verdict {
    Passes,
    /// It is lost, and its connection with it.
    Cuts,
}

/// Longest message that passes, in bytes.
const MESSAGE_MAX: usize = 1 << 30;

/// The codes of the requests for TLS and for GSSAPI in the place of a version.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

impl DatabaseProxy {
    /// Starts a proxy to the first host of an address, on any port of this machine.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub fn start(to: &DatabaseUrl) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let proxy = Self { address, to: to.clone(), shared: Arc::default() };
        let accepting = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the database cannot be reached, the store sees its connection end.
                let _ = accepting.accept(client);
            }
        });
        Ok(proxy)
    }

    /// The address of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        let (name, port) = (self.address.ip().to_string(), self.address.port());
        self.to.with_hosts(vec![Host::Tcp { name, port }])
    }

    /// Lets this many messages of a side pass, counted over all connections from now on. The next
    /// one is lost, and its connection ends; everything after that passes. `None` lets everything
    /// pass. Bytes that went to the database before still reach it.
    pub fn cut_after(&self, messages: Option<(Side, u64)>) {
        let mut state = self.state();
        (state.cut, state.cuts, state.from_client, state.from_server) = (messages, 0, 0, 0);
    }

    /// Sets what becomes of connections that listen, from their LISTEN on.
    pub fn set_listeners(&self, listeners: Listeners) {
        self.state().listeners = listeners;
    }

    /// Whether a connection has begun to listen, open or not.
    #[must_use]
    pub fn has_listener(&self) -> bool {
        self.state().clients.iter().any(|(_, is_listening)| is_listening.load(Ordering::SeqCst))
    }

    /// Messages of a side that have passed since the last call of [`DatabaseProxy::cut_after`].
    #[must_use]
    pub fn passed(&self, side: Side) -> u64 {
        let state = self.state();
        match side {
            Side::Client => state.from_client,
            Side::Server => state.from_server,
        }
    }

    /// Whether a connection was ended since the last call of [`DatabaseProxy::cut_after`].
    #[must_use]
    pub fn has_cut(&self) -> bool {
        self.state().cuts > 0
    }

    /// Ends every connection now, but listeners that are spared.
    pub fn cut(&self) {
        let mut state = self.state();
        let spares = state.listeners == Listeners::Spared;
        state.clients.retain(|(client, is_listening)| {
            let is_spared = spares && is_listening.load(Ordering::SeqCst);
            if !is_spared {
                let _ = client.shutdown(Shutdown::Both);
            }
            is_spared
        });
    }

    /// Sets whether messages are held back, with the connections open.
    pub fn hold(&self, is_held: bool) {
        self.state().is_held = is_held;
        self.shared.1.notify_all();
    }

    /// Whether a message has come that is held back.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        self.state().held > 0
    }

    /// Sets whether new connections are ended at once.
    pub fn refuse(&self, is_refusing: bool) {
        self.state().is_refusing = is_refusing;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, client: TcpStream) -> io::Result<()> {
        if self.state().is_refusing {
            return client.shutdown(Shutdown::Both);
        }
        client.set_nodelay(true)?;
        let server = Upstream::connect(&self.to.hosts()[0])?;
        let is_listening = IsListening::default();
        self.state().clients.push((client.try_clone()?, is_listening.clone()));
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        let [forth, back] = [self.clone(), self.clone()];
        let of_client = is_listening.clone();
        thread::spawn(move || {
            let _ = forth.requests(from_client, &to_server, &of_client);
            to_server.end();
        });
        thread::spawn(move || {
            let mut server = server;
            let _ = back.answers(&mut server, &client, &is_listening);
            let _ = client.shutdown(Shutdown::Both);
            // The database never sees a reset before it has read everything.
            let _ = io::copy(&mut server, &mut io::sink());
        });
        Ok(())
    }

    fn requests(
        &self,
        mut client: TcpStream,
        mut server: &Upstream,
        is_listening: &IsListening,
    ) -> io::Result<()> {
        let mut has_begun = false;
        while let Some(message) = read_message(&mut client, has_begun)? {
            let code = message.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
            has_begun |= !code.is_some_and(|code| ENCRYPTION.contains(&code));
            if message.starts_with(b"Q") && message.get(5..).is_some_and(is_listen) {
                is_listening.store(true, Ordering::SeqCst);
            }
            if let Verdict::Cuts = self.judge(Side::Client, is_listening) {
                return client.shutdown(Shutdown::Both);
            }
            server.write_all(&message)?;
        }
        Ok(())
    }

    fn answers(
        &self,
        server: &mut Upstream,
        mut client: &TcpStream,
        is_listening: &IsListening,
    ) -> io::Result<()> {
        while let Some(message) = read_message(server, true)? {
            if let Verdict::Cuts = self.judge(Side::Server, is_listening) {
                return Ok(());
            }
            client.write_all(&message)?;
        }
        Ok(())
    }

    fn judge(&self, side: Side, is_listening: &IsListening) -> Verdict {
        let mut state = self.state();
        if state.listeners == Listeners::Spared && is_listening.load(Ordering::SeqCst) {
            return Verdict::Passes;
        }
        state.held += 1;
        let state = self.shared.1.wait_while(state, |state| state.is_held);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.held -= 1;
        let passed = match side {
            Side::Client => state.from_client,
            Side::Server => state.from_server,
        };
        if state.cut.is_some_and(|(of, after)| of == side && passed >= after) {
            state.cut = None;
            state.cuts += 1;
            return Verdict::Cuts;
        }
        match side {
            Side::Client => state.from_client += 1,
            Side::Server => state.from_server += 1,
        }
        Verdict::Passes
    }
}

/// Whether the text of a simple query is a LISTEN.
fn is_listen(query: &[u8]) -> bool {
    query.starts_with(b"LISTEN ")
}

/// Reads a message: a tag, and a length that counts itself. The messages before a connection has
/// begun have no tag. `None` at the end.
fn read_message(from: &mut impl Read, has_tag: bool) -> io::Result<Option<Vec<u8>>> {
    let head = 4 + usize::from(has_tag);
    let mut message = vec![0; head];
    match from.read_exact(&mut message) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let length = u32::from_be_bytes(message[head - 4..].try_into().unwrap()) as usize;
    if !(4..MESSAGE_MAX).contains(&length) {
        return Err(io::Error::other("no message"));
    }
    message.resize(head + length - 4, 0);
    from.read_exact(&mut message[head..])?;
    Ok(Some(message))
}

/// A connection to the database.
#[derive(Debug)]
enum Upstream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Upstream {
    fn connect(host: &Host) -> io::Result<Self> {
        match host {
            Host::Tcp { name, port } => {
                let stream = TcpStream::connect((name.as_str(), *port))?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Host::Unix { directory, port } => {
                UnixStream::connect(directory.join(format!(".s.PGSQL.{port}"))).map(Self::Unix)
            }
        }
    }

    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Sends nothing more; what was sent arrives.
    fn end(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl Read for Upstream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for &Upstream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Upstream::Tcp(stream) => (&mut &*stream).write(bytes),
            Upstream::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
