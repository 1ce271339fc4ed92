//! Starts the daemon as a process, and connects to it.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use correio_proto::{
    message::{ErrorCode, Reply, Request},
    tls::{ALPN, Security},
};
use correio_testing::request;
pub use correio_testing::{
    client::Client,
    request::{hello, id},
    wait::{PATIENCE, eventually},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// A server process, which is killed when it is dropped.
pub struct Daemon {
    pub child: Child,
    pub address: SocketAddr,
}

pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = command_over_tls(directory);
    command.arg("--plaintext").args(arguments);
    command
}

/// As [`command`], with TLS and a certificate of its own.
pub fn command_over_tls(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command
        .env_clear()
        .args(["--config", "/dev/null", "--bcrypt-cost", "4", "--data-dir"])
        .arg(directory)
        .stdin(Stdio::null());
    command
}

/// As [`command`], listening on any port of this machine.
pub fn listening(directory: &Path) -> Command {
    command(directory, &["--listen", "127.0.0.1:0"])
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

    /// As [`Daemon::spawn`]; the error is the exit status of a server that ends before it is ready.
    pub fn try_spawn(command: Command) -> Result<Self, ExitStatus> {
        Self::try_spawn_aloud(command).map_err(|(ended, _)| ended)
    }

    /// As [`Daemon::try_spawn`]; the error contains the standard error, too.
    pub fn try_spawn_aloud(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split_once(" ("))
            .map(|(address, _)| address)
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

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Asks the server to stop, and waits for its end.
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

/// A registration of Tony Stark under a username, with the first password.
pub fn register(username: &str) -> Request {
    request::register(username, "Tony Stark", 1)
}

/// A login to an account that [`register`] made.
pub fn login(username: &str) -> Request {
    request::login(username, 1)
}

/// A mail whose subject contains its number.
pub fn mail(number: u64, to: &str) -> Request {
    request::mail(number, to, &format!("Mail {number}"))
}

/// Runs a server that must end by itself. Returns its exit status and standard error.
pub fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A client that trusts the certificate in a server's data directory.
pub fn client_over_tls(address: SocketAddr, data: &Path) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data.join("tls.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let name = ServerName::try_from("correio").unwrap();
    let security = Security::Client(Arc::new(config), name);
    let mut client = Client::try_connect_with(address, &security).unwrap();
    client.greet();
    client
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
