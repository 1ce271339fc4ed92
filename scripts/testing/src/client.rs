//! A client over TCP that waits for each answer. Methods that begin with `try_` return errors; the
//! others are for tests and panic.

use std::{
    error::Error,
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use correio_proto::{
    channel::Channel,
    limits,
    message::{ClientMessage, Fetch, Notice, Page, Reply, Request, ServerMessage},
    tls::Security,
};

use crate::request::hello;

/// Longest wait for an answer: a flood of logins before it may be hashed first.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
#[derive(Debug)]
pub struct Client {
    /// The socket.
    pub stream: TcpStream,
    /// Frames and messages.
    pub channel: Channel,
    /// The number of the last request.
    pub number: u32,
    /// Notices that came before a reply.
    pub notices: Vec<Notice>,
}

impl Client {
    /// A client on a socket that is connected.
    ///
    /// # Errors
    ///
    /// The socket cannot be set up.
    pub fn try_over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
        Ok(Self { stream, channel, number: 0, notices: vec![] })
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Self::try_over(TcpStream::connect(address)?)
    }

    /// Connects with TLS, or without it, and finishes the handshake.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses the handshake.
    pub fn try_connect_with(address: SocketAddr, security: &Security) -> io::Result<Self> {
        let mut client = Self::try_connect(address)?;
        client.channel = Channel::new(security, limits::REPLY_FRAME_MAX);
        loop {
            while client.channel.wants_write() {
                uninterrupted(|| client.channel.write_to(&mut client.stream))?;
            }
            if !client.channel.is_handshaking() {
                return Ok(client);
            }
            if uninterrupted(|| client.channel.read_from(&mut client.stream))? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends a request without waiting for the answer.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn try_begin(&mut self, request: Request) -> io::Result<()> {
        self.number += 1;
        let message = ClientMessage { number: self.number, request };
        self.channel.push(&message).map_err(invalid)?;
        while self.channel.pending_output() > 0 {
            uninterrupted(|| self.channel.write_to(&mut self.stream))?;
        }
        Ok(())
    }

    /// Waits for the next reply and keeps the notices before it.
    ///
    /// # Errors
    ///
    /// The connection broke or ended (`UnexpectedEof`), no reply came in time, or the server sent
    /// bytes that are not a reply (`InvalidData`).
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        loop {
            match self.channel.next_message().map_err(invalid)? {
                Some(ServerMessage::Reply { reply, .. }) => return Ok(reply),
                Some(ServerMessage::Notice(notice)) => self.notices.push(notice),
                None => {
                    if uninterrupted(|| self.channel.read_from(&mut self.stream))? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    ///
    /// As [`Client::try_reply`]. A reply that the server gave before it closed the connection
    /// counts, even if the request could not be written.
    pub fn try_ask(&mut self, request: Request) -> io::Result<Reply> {
        let begun = self.try_begin(request);
        self.try_reply().map_err(|error| begun.err().unwrap_or(error))
    }

    /// A client on a socket that is connected.
    #[must_use]
    pub fn over(stream: TcpStream) -> Self {
        Self::try_over(stream).unwrap()
    }

    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap()
    }

    /// Connects and greets; `None` if the server is gone.
    #[must_use]
    pub fn greet_unless_gone(address: SocketAddr) -> Option<Self> {
        let mut client = Self::try_connect(address).ok()?;
        client.ask_unless_gone(hello())?;
        Some(client)
    }

    /// Greets.
    pub fn greet(&mut self) {
        assert!(matches!(self.ask(hello()), Reply::Hello(_)));
    }

    /// Sends a request without waiting for the answer.
    pub fn begin(&mut self, request: Request) {
        self.try_begin(request).unwrap();
    }

    /// Sends a request and waits for its reply.
    pub fn ask(&mut self, request: Request) -> Reply {
        self.begin(request);
        self.reply().expect("a reply")
    }

    /// The next reply; `None` at the end of the stream.
    pub fn reply(&mut self) -> Option<Reply> {
        match self.try_reply() {
            Ok(reply) => Some(reply),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`Client::ask`]; `None` if the server is gone.
    pub fn ask_unless_gone(&mut self, request: Request) -> Option<Reply> {
        unless_gone(self.try_ask(request))
    }

    /// As [`Client::reply`]; `None` if the server is gone.
    pub fn reply_unless_gone(&mut self) -> Option<Reply> {
        unless_gone(self.try_reply())
    }

    /// Fetches the first page.
    pub fn fetch(&mut self) -> Page {
        match self.ask(Request::Fetch(Fetch::default())) {
            Reply::Page(page) => page,
            reply => panic!("a page was expected, not {reply:?}"),
        }
    }
}

/// Repeats an operation that a signal interrupts: a socket with a timeout reports each.
fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn invalid(error: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Maps a lost connection to `None`. Panics if the bytes are not a reply: no server sends such
/// bytes, even one that is killed.
fn unless_gone(reply: io::Result<Reply>) -> Option<Reply> {
    reply.inspect_err(|error| assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{error}")).ok()
}
