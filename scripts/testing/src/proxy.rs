//! A proxy on this machine between clients and a server. It can close connections, hold bytes back,
//! and lose a mail. Its threads end with the program; it is meant for a few clients.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    thread,
};

use correio_proto::{
    channel::Channel,
    frame, limits,
    mail::Timestamp,
    message::{ClientMessage, Reply, Request, ServerMessage},
};

/// What passes a proxy. The last three variants read requests, so the connections must be without
/// TLS.
#[derive(Clone, Debug)]
pub enum ProxyMode {
    /// Bytes pass as they come.
    Open,
    /// On each connection the server's bytes stop after this many; the connection stays open.
    Stalling(u64),
    /// Each connection ends after this many bytes, of both directions together.
    Cutting(u64),
    /// The proxy itself acknowledges the first `send`, which never reaches the server.
    LosingOneMail,
    /// No `confirm` passes; each is reported on this channel.
    WithoutConfirm(Sender<()>),
    /// The first line that a client sends with this text passes with that text in its place.
    ReplacingOneLine(&'static str, &'static str),
}

/// The proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The address that the proxy listens on.
    pub address: SocketAddr,
    mode: ProxyMode,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    is_refusing: bool,
    /// Whether bytes are held back.
    is_held: bool,
    has_lost_a_mail: bool,
    has_replaced_a_line: bool,
    streams: Vec<TcpStream>,
    cuts: u64,
}

impl Proxy {
    /// Starts a proxy to a server, on any port of this machine.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub fn start(server: SocketAddr, mode: ProxyMode) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = State {
            server,
            is_refusing: false,
            is_held: false,
            has_lost_a_mail: false,
            has_replaced_a_line: false,
            streams: vec![],
            cuts: 0,
        };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let proxy = Self { address: listener.local_addr()?, mode, shared };
        let accepting = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server cannot be reached, the client sees its connection end.
                let _ = accepting.accept(client);
            }
        });
        Ok(proxy)
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for stream in self.state().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sets whether new connections are closed at once.
    pub fn refuse(&self, is_refusing: bool) {
        self.state().is_refusing = is_refusing;
    }

    /// Sets whether bytes are held back.
    pub fn hold(&self, is_held: bool) {
        self.state().is_held = is_held;
        self.shared.1.notify_all();
    }

    /// Passes new connections on to another server.
    pub fn point_at(&self, server: SocketAddr) {
        self.state().server = server;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, client: TcpStream) -> io::Result<()> {
        let mut state = self.state();
        if state.is_refusing {
            return client.shutdown(Shutdown::Both);
        }
        let server = TcpStream::connect(state.server)?;
        state.streams.extend([client.try_clone()?, server.try_clone()?]);
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        let [forth, back] = [self.clone(), self.clone()];
        let passed = Arc::new(AtomicU64::new(0));
        let passed_back = Arc::clone(&passed);
        thread::spawn(move || forth.requests(from_client, to_server, &passed));
        thread::spawn(move || back.replies(server, client, &passed_back));
        Ok(())
    }

    /// Passes the client's bytes on, until either side ends the connection.
    fn requests(&self, mut client: TcpStream, mut server: TcpStream, passed: &AtomicU64) {
        let _ = match self.mode {
            ProxyMode::Open | ProxyMode::Stalling(_) => self.copy(&mut client, &mut server),
            ProxyMode::Cutting(bytes) => self.cut_after(bytes, passed, &mut client, &mut server),
            ProxyMode::LosingOneMail | ProxyMode::WithoutConfirm(_) => {
                self.filter(&mut client, &mut server)
            }
            ProxyMode::ReplacingOneLine(text, other) => {
                self.replace(text, other, &client, &mut server)
            }
        };
        let _ = server.shutdown(Shutdown::Both);
    }

    /// Passes the server's bytes on.
    fn replies(&self, mut server: TcpStream, mut client: TcpStream, passed: &AtomicU64) {
        let _ = match self.mode {
            ProxyMode::Stalling(bytes) => {
                let copied = self.copy(&mut (&mut server).take(bytes), &mut client);
                // Open and silent, until the client closes it.
                copied.and_then(|()| client.read(&mut [0]).map(drop))
            }
            ProxyMode::Cutting(bytes) => self.cut_after(bytes, passed, &mut server, &mut client),
            _ => self.copy(&mut server, &mut client),
        };
        let _ = client.shutdown(Shutdown::Both);
    }

    fn copy(&self, from: &mut impl Read, to: &mut TcpStream) -> io::Result<()> {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let read = from.read(&mut bytes)?;
            if read == 0 {
                return Ok(());
            }
            let state = self.shared.1.wait_while(self.state(), |state| state.is_held);
            drop(state.unwrap_or_else(PoisonError::into_inner));
            to.write_all(&bytes[..read])?;
        }
    }

    /// Copies until `max` bytes have passed in both directions together, and ends both streams.
    fn cut_after(
        &self,
        max: u64,
        passed: &AtomicU64,
        from: &mut TcpStream,
        to: &mut TcpStream,
    ) -> io::Result<()> {
        let mut bytes = vec![0; 1 << 14];
        loop {
            let read = from.read(&mut bytes)?;
            let before = passed.fetch_add(read as u64, Ordering::SeqCst);
            let left = usize::try_from(max.saturating_sub(before)).unwrap_or(usize::MAX);
            to.write_all(&bytes[..read.min(left)])?;
            if read == 0 || read >= left {
                self.state().cuts += u64::from(read != 0);
                return from.shutdown(Shutdown::Both);
            }
        }
    }

    /// Connections that [`ProxyMode::Cutting`] has ended.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.state().cuts
    }

    fn filter(&self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
        let mut channel = Channel::plaintext(limits::BODY_MAX + limits::FRAME_OVERHEAD_MAX);
        while channel.read_from(client)? > 0 {
            while let Ok(Some(message)) = channel.next_message::<ClientMessage>() {
                let mut bytes = Vec::new();
                if let Some(reply) = self.lost_mail_reply(&message) {
                    frame::encode(&reply, &mut bytes).map_err(io::Error::other)?;
                    client.write_all(&bytes)?;
                } else if !self.is_withheld(&message) {
                    frame::encode(&message, &mut bytes).map_err(io::Error::other)?;
                    server.write_all(&bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Passes lines on, the first with this text with the other text.
    fn replace(
        &self,
        text: &str,
        other: &str,
        client: &TcpStream,
        server: &mut TcpStream,
    ) -> io::Result<()> {
        let (mut client, mut line) = (BufReader::new(client), Vec::new());
        while client.read_until(b'\n', &mut line)? > 0 {
            let ended = |text: &str| format!("{text}\r\n").into_bytes();
            if line == ended(text)
                && !std::mem::replace(&mut self.state().has_replaced_a_line, true)
            {
                line = ended(other);
            }
            server.write_all(&line)?;
            line.clear();
        }
        Ok(())
    }

    /// The proxy's own reply, if it loses this mail.
    fn lost_mail_reply(&self, message: &ClientMessage) -> Option<ServerMessage> {
        if !matches!((&self.mode, &message.request), (ProxyMode::LosingOneMail, Request::Send(_))) {
            return None;
        }
        let had_lost_one = std::mem::replace(&mut self.state().has_lost_a_mail, true);
        let reply = Reply::Sent { sent_at: Timestamp(0) };
        (!had_lost_one).then_some(ServerMessage::Reply { number: message.number, reply })
    }

    fn is_withheld(&self, message: &ClientMessage) -> bool {
        match (&self.mode, &message.request) {
            (ProxyMode::WithoutConfirm(told), Request::Confirm(_)) => {
                let _ = told.send(());
                true
            }
            _ => false,
        }
    }
}
