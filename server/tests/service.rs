//! Tests of the daemon under a service manager: inherited sockets, readiness, signs of life, the
//! end.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use correio_testing::{client::Client, skip, wait::PATIENCE};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

const SERVER: &str = env!("CARGO_BIN_EXE_correiod");

/// A process, which is killed when it is dropped.
struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for the end of the process and returns its exit status.
    fn status(&mut self) -> Option<i32> {
        let mut error = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_string(&mut error).unwrap();
        }
        self.0.wait().unwrap().code()
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A stand-in for the service manager: its socket, and a directory for the socket and the server.
struct Manager {
    directory: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { directory, socket }
    }

    fn notice(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a notice");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// The next notice that is no sign of life.
    fn news(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let notice = self.notice();
            if notice != "WATCHDOG=1\n" {
                return notice;
            }
        }
        panic!("nothing but signs of life");
    }

    fn server(&self) -> Command {
        let mut command = Command::new(SERVER);
        self.prepare(&mut command);
        command.args(arguments(self.directory.path()));
        command
    }

    /// As [`Manager::server_on`], with a second socket of this name.
    fn server_with_second(&self, mail: &TcpListener, second: (&str, &TcpListener)) -> Command {
        let (name, second) = second;
        let script = format!(
            "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=correio.socket:{name} \
             exec \"$0\" \"$@\" 3<&0 4<&1 </dev/null >&2"
        );
        let mut command = Command::new("/bin/sh");
        self.prepare(&mut command);
        command.args(["-c", &script, SERVER]).args(arguments(self.directory.path()));
        let socket = |listener: &TcpListener| OwnedFd::from(listener.try_clone().unwrap());
        command.stdin(socket(mail)).stdout(socket(second));
        command
    }

    /// Starts a server with a listening socket as descriptor 3. The shell becomes the server, so
    /// that `LISTEN_PID` is the server's process id.
    fn server_on(&self, listener: &TcpListener, more: &[&str]) -> Process {
        self.server_with(OwnedFd::from(listener.try_clone().unwrap()), more)
    }

    fn server_with(&self, socket: OwnedFd, more: &[&str]) -> Process {
        let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 </dev/null";
        let mut command = Command::new("/bin/sh");
        self.prepare(&mut command);
        command.args(["-c", script, SERVER]).args(arguments(self.directory.path())).args(more);
        Process(command.stdin(socket).spawn().unwrap())
    }

    fn prepare(&self, command: &mut Command) {
        command
            .env_clear()
            .env("NOTIFY_SOCKET", self.directory.path().join("notify"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
}

/// Arguments of a server that has a socket: they name no address, so that a server that ignored the
/// socket would listen elsewhere.
fn arguments(directory: &Path) -> Vec<String> {
    let data = directory.join("data").to_str().unwrap().to_owned();
    ["--config", "/dev/null", "--plaintext", "--bcrypt-cost", "4", "--data-dir", &data]
        .map(str::to_owned)
        .to_vec()
}

fn local() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn address(line: &str) -> SocketAddr {
    let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
    address.and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| panic!("{line:?}"))
}

/// Greets, and returns once the server has greeted back.
fn greet(stream: &TcpStream) {
    Client::over(stream.try_clone().unwrap()).greet();
}

#[test]
fn the_manager_hears_of_readiness_and_of_the_end() {
    let manager = Manager::new();
    let mut server = Process(manager.server().args(["--listen", "127.0.0.1:0"]).spawn().unwrap());
    let ready = manager.news();
    let line = ready.strip_prefix("READY=1\nSTATUS=").unwrap_or_else(|| panic!("{ready:?}"));
    // The server can be used from this moment on.
    greet(&TcpStream::connect(address(line)).unwrap());
    server.signal(Signal::TERM);
    let stopping = manager.news();
    assert!(stopping.starts_with("STOPPING=1\nSTATUS=finishing "), "{stopping:?}");
    assert_eq!(server.status(), Some(0));
}

#[test]
fn signs_of_life_come_without_anything_else_to_do() {
    let manager = Manager::new();
    let start = Instant::now();
    let mut command = manager.server();
    command.env("WATCHDOG_USEC", "400000").args(["--listen", "127.0.0.1:0"]);
    let _server = Process(command.spawn().unwrap());
    assert!(manager.news().starts_with("READY=1\n"));
    for _ in 0..5 {
        assert_eq!(manager.notice(), "WATCHDOG=1\n");
    }
    // The first comes at once, the others 200 ms apart. More would wake the loop for nothing.
    assert!(start.elapsed() >= Duration::from_millis(800), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_stands_still_gives_no_signs_of_life() {
    let manager = Manager::new();
    let mut command = manager.server();
    command.env("WATCHDOG_USEC", "400000").args(["--listen", "127.0.0.1:0"]);
    let server = Process(command.spawn().unwrap());
    assert!(manager.news().starts_with("READY=1\n"));
    assert_eq!(manager.notice(), "WATCHDOG=1\n");
    server.signal(Signal::STOP);
    let pid = Pid::from_child(&server.0);
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    let mut bytes = [0; 64];
    // Discard earlier notices.
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut bytes).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    manager.socket.set_read_timeout(Some(Duration::from_millis(800))).unwrap();
    assert_eq!(manager.socket.recv(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.signal(Signal::CONT);
    manager.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(manager.notice(), "WATCHDOG=1\n");
}

#[test]
fn a_socket_handed_over_is_used_instead_of_the_settings() {
    let manager = Manager::new();
    let (given, other) = (local(), local());
    // Listening there would fail: the address is taken.
    let taken = other.local_addr().unwrap().to_string();
    let mut server = manager.server_on(&given, &["--listen", &taken]);
    assert_eq!(address(&server.first_line()), given.local_addr().unwrap());
    greet(&TcpStream::connect(given.local_addr().unwrap()).unwrap());
    server.signal(Signal::TERM);
    let mut log = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("the setting listen is not used"), "{log}");
}

#[test]
fn a_restart_refuses_no_connection() {
    let manager = Manager::new();
    let listener = local();
    let at = listener.local_addr().unwrap();
    let mut first = manager.server_on(&listener, &[]);
    assert!(manager.news().starts_with("READY=1\n"));
    let early = TcpStream::connect(at).unwrap();
    greet(&early);
    first.signal(Signal::TERM);
    assert!(manager.news().starts_with("STOPPING=1\n"));
    // The server has stopped or is about to, and yet a client can connect.
    let between = TcpStream::connect(at).unwrap();
    assert_eq!(first.status(), Some(0));
    let late = TcpStream::connect(at).unwrap();
    let _second = manager.server_on(&listener, &[]);
    greet(&between);
    greet(&late);
}

#[test]
fn what_is_no_listening_tcp_socket_is_refused() {
    let manager = Manager::new();
    let listener = local();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let file = fs::File::create(manager.directory.path().join("file")).unwrap();
    for socket in [OwnedFd::from(connected), OwnedFd::from(stream), OwnedFd::from(file)] {
        let mut server = manager.server_with(socket, &[]);
        let mut said = String::new();
        server.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(server.status(), Some(78), "{said}");
        assert!(said.contains("socket 1 of the service manager is no listening"), "{said}");
    }
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    let manager = Manager::new();
    let mut command = manager.server();
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").args(["--listen", "127.0.0.1:0"]);
    let mut server = Process(command.spawn().unwrap());
    greet(&TcpStream::connect(address(&server.first_line())).unwrap());
}

#[test]
fn systemd_socket_activate_starts_the_server() {
    let Some(tool) = found("systemd-socket-activate") else {
        skip::skipped("systemd-socket-activate is not installed");
        return;
    };
    let manager = Manager::new();
    // The tool takes no port 0; this port was free a moment ago.
    let at = local().local_addr().unwrap();
    let mut command = Command::new(tool);
    manager.prepare(&mut command);
    // The tool passes only those variables to its child that it is told to pass.
    let notify = format!("NOTIFY_SOCKET={}", manager.directory.path().join("notify").display());
    command.args(["--setenv", &notify, "--listen", &at.to_string(), SERVER]);
    let mut server = Process(command.args(arguments(manager.directory.path())).spawn().unwrap());
    let mut listening = BufReader::new(server.0.stderr.take().unwrap());
    let mut line = String::new();
    listening.read_line(&mut line).unwrap();
    assert!(line.contains("Listening on"), "{line:?}");
    // The first connection starts the server, which answers it.
    greet(&TcpStream::connect(at).unwrap());
    assert_eq!(manager.news(), format!("READY=1\nSTATUS=listening on {at}\n"));
    assert_eq!(address(&server.first_line()), at);
    // The tool has become the server.
    server.signal(Signal::TERM);
    assert!(manager.news().starts_with("STOPPING=1\n"));
    drop(listening);
    assert_eq!(server.status(), Some(0));
}

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[test]
fn the_name_of_an_inherited_socket_says_what_it_speaks() {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let manager = Manager::new();
    let (mail, metrics) = (listen(), listen());
    let mut command = manager.server_with_second(&mail, ("metrics", &metrics));
    let _server = Process(command.args(["--metrics", "127.0.0.1:1"]).spawn().unwrap());
    assert!(manager.news().starts_with("READY=1\n"));
    Client::connect(mail.local_addr().unwrap()).greet();
    let answer = crate::metrics::get(metrics.local_addr().unwrap(), "/healthz", "*/*");
    assert_eq!(answer.status, 200);
    for (name, greeting) in [("submission", "220 mail.example.org "), ("pop3", "+OK ")] {
        let manager = Manager::new();
        let (mail, programs) = (listen(), listen());
        let mut command = manager.server_with_second(&mail, (name, &programs));
        command.args(["--mail-domain", "mail.example.org", &format!("--{name}"), "127.0.0.1:1"]);
        let _server = Process(command.spawn().unwrap());
        assert!(manager.news().starts_with("READY=1\n"));
        Client::connect(mail.local_addr().unwrap()).greet();
        let program = TcpStream::connect(programs.local_addr().unwrap()).unwrap();
        program.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut said = String::new();
        BufReader::new(program).read_line(&mut said).unwrap();
        assert!(said.starts_with(greeting), "{said:?}");
    }
}

#[test]
fn a_socket_for_mail_programs_needs_a_domain_and_what_its_name_promises() {
    let manager = Manager::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for (name, arguments, setting) in [
        ("pop3", &[][..], "mail-domain"),
        ("pop3s", &["--mail-domain", "mail.example.org"], "plaintext"),
    ] {
        let mut command = manager.server_with_second(&socket, (name, &socket));
        let ended = command.args(arguments).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(78), "{said}");
        assert!(said.contains(&format!("the socket {name}")) && said.contains(setting), "{said}");
    }
}
