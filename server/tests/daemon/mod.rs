//! The daemon as a process, and a client that waits for each answer.

#![allow(dead_code, missing_docs, unreachable_pub)] // Each test file uses a part of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use correio_proto::{
    channel::Channel,
    credential::Credential,
    limits,
    mail::MailId,
    message::{
        ClientMessage, ErrorCode, Fetch, Hello, Login, Notice, Page, Register, Reply, Request,
        Send, ServerMessage, Software,
    },
};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server that ends with its test.
pub struct Daemon {
    pub child: Child,
    pub address: SocketAddr,
}

pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command
        .env_clear()
        .args(["--config", "/dev/null", "--plaintext", "--bcrypt-cost", "4", "--data-dir"])
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

impl Daemon {
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = command(directory, arguments);
        command.args(["--listen", "127.0.0.1:0"]).stderr(Stdio::null());
        Self::spawn(command)
    }

    pub fn spawn(command: Command) -> Self {
        Self::try_spawn(command).unwrap_or_else(|ended| panic!("not ready: {ended:?}"))
    }

    /// A server that may end before it is ready.
    pub fn try_spawn(command: Command) -> Result<Self, ExitStatus> {
        Self::try_spawn_aloud(command).map_err(|(ended, _)| ended)
    }

    /// As [`Daemon::try_spawn`], with what one that has ended said on standard error.
    pub fn try_spawn_aloud(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.strip_suffix(" (plaintext)\n"))
            .and_then(|address| address.parse().ok());
        match address {
            Some(address) => Ok(Self { address, child }),
            None => {
                let mut said = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    stderr.read_to_string(&mut said).unwrap();
                }
                Err((child.wait().unwrap(), said))
            }
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks it to end, and waits for that.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }

    pub fn client(&self) -> Client {
        let mut client = Client::connect(self.address);
        client.greet();
        client
    }

    pub fn session(&self, username: &str) -> Client {
        let mut client = self.client();
        let reply = client.ask(register(username));
        assert_eq!(reply, Reply::Registered {});
        assert!(matches!(client.ask(login(username)), Reply::LoggedIn(_)));
        client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that waits for each answer.
pub struct Client {
    pub stream: TcpStream,
    pub channel: Channel,
    pub number: u32,
    pub notices: Vec<Notice>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects and greets; `None` where the server is gone.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let mut client = Self::over(TcpStream::connect(address).ok()?);
        client.try_ask(hello())?;
        Some(client)
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
        Self { stream, channel, number: 0, notices: vec![] }
    }

    pub fn greet(&mut self) {
        assert!(matches!(self.ask(hello()), Reply::Hello(_)));
    }

    pub fn begin(&mut self, request: Request) {
        self.number += 1;
        self.channel.push(&ClientMessage { number: self.number, request }).unwrap();
        while self.channel.pending_output() > 0 {
            self.channel.write_to(&mut self.stream).unwrap();
        }
    }

    pub fn ask(&mut self, request: Request) -> Reply {
        self.begin(request);
        self.reply().expect("a reply")
    }

    /// As [`Client::ask`], of a server that may be gone.
    pub fn try_ask(&mut self, request: Request) -> Option<Reply> {
        self.number += 1;
        self.channel.push(&ClientMessage { number: self.number, request }).unwrap();
        while self.channel.pending_output() > 0 {
            if self.channel.write_to(&mut self.stream).is_err() {
                // It may have said why before.
                break;
            }
        }
        self.try_reply()
    }

    /// As [`Client::reply`], of a server that may be gone.
    pub fn try_reply(&mut self) -> Option<Reply> {
        loop {
            match self.channel.next_message().unwrap() {
                Some(ServerMessage::Reply { reply, .. }) => return Some(reply),
                Some(ServerMessage::Notice(notice)) => self.notices.push(notice),
                None if self.channel.read_from(&mut self.stream).ok()? == 0 => return None,
                None => {}
            }
        }
    }

    /// The next reply; `None` at the end of the stream.
    pub fn reply(&mut self) -> Option<Reply> {
        loop {
            match self.channel.next_message().unwrap() {
                Some(ServerMessage::Reply { reply, .. }) => return Some(reply),
                Some(ServerMessage::Notice(notice)) => self.notices.push(notice),
                None if self.channel.read_from(&mut self.stream).unwrap() == 0 => return None,
                None => {}
            }
        }
    }

    pub fn fetch(&mut self) -> Page {
        match self.ask(Request::Fetch(Fetch::default())) {
            Reply::Page(page) => page,
            reply => panic!("a page was expected, not {reply:?}"),
        }
    }
}

/// Waits until something is so.
pub fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come to that");
        thread::park_timeout(Duration::from_millis(5));
    }
}

pub fn id(number: u64) -> MailId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[8] |= 0x80;
    MailId::try_from(bytes).unwrap()
}

pub fn hello() -> Request {
    Request::Hello(Hello { version: 1, software: Software::named("test") })
}

pub fn register(username: &str) -> Request {
    Request::Register(Register {
        id: id(username.bytes().map(u64::from).sum()),
        username: username.parse().unwrap(),
        full_name: "Tony Stark".parse().unwrap(),
        credential: Credential::from([1; 23]),
        invite: None,
    })
}

pub fn login(username: &str) -> Request {
    let credential = Credential::from([1; 23]);
    Request::Login(Login { username: username.parse().unwrap(), credential })
}

pub fn mail(number: u64, to: &str) -> Request {
    Request::Send(Send {
        id: id(number),
        to: to.parse().unwrap(),
        subject: format!("Mail {number}").parse().unwrap(),
        body: "x".parse().unwrap(),
    })
}

/// Runs a server that is expected to end by itself.
pub fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

pub fn code(reply: &Reply) -> ErrorCode {
    match reply {
        Reply::Error(error) => error.code,
        reply => panic!("an error was expected, not {reply:?}"),
    }
}

/// Connects from another address of this machine.
pub fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}
