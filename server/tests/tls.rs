//! Tests of the daemon's certificate: made once, read from files, replaced while the daemon runs,
//! and the messages for files that cannot be used.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use correio_proto::{
    channel::Channel,
    fingerprint::Fingerprint,
    limits,
    message::{ClientMessage, Reply, ServerMessage},
    tls::{ALPN, Security},
};
use correio_server::ops::certificate::{Certificate, CertificateError, CertificateSource};
use correio_testing::{
    request::hello,
    skip::{skipped, works},
    wait::eventually,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// Accepts every certificate and notes its fingerprint.
#[derive(Debug, Default)]
struct Witness(Mutex<Option<Fingerprint>>);

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = Some(Fingerprint::of(end_entity));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 was expected".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client that accepts every certificate.
struct Client {
    witness: Arc<Witness>,
    security: Security,
}

impl Client {
    fn new() -> Self {
        let witness = Arc::new(Witness::default());
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        Self { witness, security: Security::Client(Arc::new(config), name) }
    }

    /// Greets a server and returns the certificate that it shows; `None` if the TLS session is
    /// resumed, which needs no certificate.
    fn greet(&self, address: SocketAddr) -> Option<Fingerprint> {
        drop(self.stay(address));
        self.witness.0.lock().unwrap().take()
    }

    /// Greets a server and stays connected.
    fn stay(&self, address: SocketAddr) -> TcpStream {
        self.greet_over(TcpStream::connect(address).unwrap())
    }

    /// Greets a server over this socket.
    fn greet_over(&self, stream: TcpStream) -> TcpStream {
        self.converse_over(stream).0
    }

    /// As [`Client::greet_over`], and goes on with TLS.
    fn converse_over(&self, mut stream: TcpStream) -> (TcpStream, Channel) {
        let mut channel = Channel::new(&self.security, limits::REPLY_FRAME_MAX);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        channel.push(&ClientMessage { number: 1, request: hello() }).unwrap();
        loop {
            while channel.wants_write() {
                channel.write_to(&mut stream).unwrap();
            }
            match channel.next_message().unwrap() {
                Some(ServerMessage::Reply { reply: Reply::Hello(_), .. }) => break,
                Some(other) => panic!("{other:?}"),
                None => assert!(channel.read_from(&mut stream).unwrap() > 0, "no answer"),
            }
        }
        (stream, channel)
    }
}

/// The certificate that a server shows to a new client.
fn shown(address: SocketAddr) -> Fingerprint {
    Client::new().greet(address).unwrap()
}

/// A server process, which is killed when it is dropped.
struct Daemon {
    child: Child,
    address: SocketAddr,
    /// The fingerprint that the server printed.
    fingerprint: Fingerprint,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command
        .env_clear()
        .args(["--config", "/dev/null"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Daemon {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command(&["--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(data).args(arguments);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || out.next().expect("it is ready").unwrap();
        let listening = line();
        let address = listening.strip_prefix("listening on ").unwrap();
        let address = address.strip_suffix(" (tls)").unwrap().parse().unwrap();
        let fingerprint = line().strip_prefix("fingerprint ").unwrap().parse().unwrap();
        Self { child, address, fingerprint }
    }

    fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate and its key in two files.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn write(directory: &Path, name: &str, params: &CertificateParams) -> Self {
        let key_pair = KeyPair::generate().unwrap();
        let files = Self {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        };
        let made = params.self_signed(&key_pair).unwrap();
        fs::write(&files.certificate, made.pem()).unwrap();
        fs::write(&files.key, key_pair.serialize_pem()).unwrap();
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    fn of(directory: &Path, name: &str) -> Self {
        Self::write(directory, name, &CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    fn source(&self) -> CertificateSource {
        CertificateSource::Files { certificate: self.certificate.clone(), key: self.key.clone() }
    }
}

/// Waits until the log has a line that begins an event with this name.
fn await_event(log: &Path, name: &str) -> String {
    let line = || {
        let text = fs::read_to_string(log).unwrap_or_default();
        text.lines().find(|line| line.contains(name)).map(str::to_owned)
    };
    eventually(|| line().is_some());
    line().unwrap()
}

#[test]
fn a_client_that_ends_tls_and_keeps_its_socket_open_is_not_kept_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path(), &[]);
    let stream = TcpStream::connect(daemon.address).unwrap();
    let (mut stream, mut channel) = Client::new().converse_over(stream);
    channel.close();
    while channel.wants_write() {
        channel.write_to(&mut stream).unwrap();
    }
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).is_ok(), "the server ends the connection");
}

#[test]
fn behind_a_proxy_the_handshake_comes_after_the_header() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path(), &["--proxy-protocol", "127.0.0.0/8"]);
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x0f\xa0\x22\xb8";
    stream.write_all(header).unwrap();
    let client = Client::new();
    drop(client.greet_over(stream));
    assert_eq!(*client.witness.0.lock().unwrap(), Some(daemon.fingerprint));
}

#[test]
fn the_own_certificate_is_made_once_and_is_private() {
    let data = TempDir::new().unwrap();
    let directory = data.path().join("new");
    let asked = || {
        let directory = directory.to_str().unwrap();
        let Output { status, stdout, stderr } =
            command(&["fingerprint", "--data-dir", directory]).output().unwrap();
        assert!(status.success());
        let said = String::from_utf8(stderr).unwrap();
        let printed = String::from_utf8(stdout).unwrap();
        (printed.trim().parse::<Fingerprint>().unwrap(), said)
    };
    let before = Daemon::start(&directory, &[]).fingerprint;
    let first = Daemon::start(&directory, &[]).fingerprint;
    let second = Daemon::start(&directory, &[]);
    assert_eq!((first, second.fingerprint), (before, before));
    assert_eq!(shown(second.address), before);
    assert_eq!(asked(), (before, String::new()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join("tls.pem"))), (0o700, 0o600));
}

#[test]
fn a_hangup_reads_the_certificate_again_and_a_bad_one_changes_nothing() {
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let old = Files::of(files.path(), "old");
    let new = Files::of(files.path(), "new");
    let log = files.path().join("log");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (certificate, key) = (path(&old.certificate), path(&old.key));
    let arguments = ["--tls-cert", &certificate, "--tls-key", &key, "--log-file", &path(&log)];
    let daemon = Daemon::start(data.path(), &arguments);
    let before = shown(daemon.address);
    assert_eq!(before, daemon.fingerprint);

    // Half of a change: the new certificate with the old key.
    fs::copy(&new.certificate, &old.certificate).unwrap();
    daemon.hang_up();
    let kept = await_event(&log, "certificate.kept");
    assert!(kept.contains("does not belong to the certificate"), "{kept}");
    assert_eq!(shown(daemon.address), before);

    fs::copy(&new.key, &old.key).unwrap();
    let after = Certificate::open(new.source()).unwrap().fingerprint();
    daemon.hang_up();
    await_event(&log, &format!("certificate.loaded fingerprint={after}"));
    assert_eq!(shown(daemon.address), after);
    assert!(!data.path().join("tls.pem").exists(), "a certificate of its own is not needed");
}

#[test]
fn a_client_that_comes_back_is_known() {
    let data = TempDir::new().unwrap();
    let daemon = Daemon::start(data.path(), &[]);
    let client = Client::new();
    assert_eq!(client.greet(daemon.address), Some(daemon.fingerprint));
    assert_eq!(client.greet(daemon.address), None);
    assert_eq!(shown(daemon.address), daemon.fingerprint);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = TempDir::new().unwrap();
    let (one, other) = (Files::of(files.path(), "one"), Files::of(files.path(), "other"));
    let refused = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Certificate::open(CertificateSource::Files { certificate, key }).unwrap_err()
    };
    let missing = files.path().join("missing");
    let text = files.path().join("text");
    fs::write(&text, "not PEM\n").unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o600)).unwrap();

    for (error, named, says) in [
        (refused(&missing, &one.key), &missing, "cannot read"),
        (refused(&one.certificate, &missing), &missing, "cannot read"),
        (refused(&text, &one.key), &text, "has no certificate"),
        (refused(&one.certificate, &text), &text, "has no private key"),
        (refused(&one.key, &one.key), &one.key, "has no certificate"),
        (refused(&one.certificate, &other.key), &other.key, "does not belong"),
    ] {
        let said = error.to_string();
        assert!(said.contains(named.to_str().unwrap()) && said.contains(says), "{said}");
    }

    fs::set_permissions(&one.key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&one.certificate, &one.key);
    assert!(matches!(error, CertificateError::OpenKey { .. }), "{error}");
    assert!(error.to_string().contains("chmod o="), "{error}");
}

/// Writes a key that others cannot read.
fn write_key(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_is_wrong_with_a_key_or_a_chain_is_said_in_words() {
    let files = TempDir::new().unwrap();
    let (one, other) = (Files::of(files.path(), "one"), Files::of(files.path(), "other"));
    let said = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let source = CertificateSource::Files { certificate, key };
        Certificate::open(source).unwrap_err().to_string()
    };
    let key = files.path().join("key");
    for head in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
    ] {
        write_key(&key, &format!("{head}AAAA\n"));
        let text = said(&one.certificate, &key);
        assert!(
            text.contains("is protected by a passphrase") && text.contains("openssl pkey"),
            "{text}"
        );
    }
    let whole = fs::read_to_string(&one.key).unwrap();
    write_key(&key, &whole[..whole.len() / 2]);
    let text = said(&one.certificate, &key);
    assert!(text.contains("cut off before its line -----END PRIVATE KEY-----"), "{text}");
    write_key(&key, &whole.replacen('M', "!", 1));
    let text = said(&one.certificate, &key);
    assert!(text.contains("a character in it is damaged"), "{text}");

    let chain = files.path().join("chain");
    let both = [&other.certificate, &one.certificate].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&chain, both.concat()).unwrap();
    let text = said(&chain, &one.key);
    assert!(text.contains("in the wrong order"), "{text}");
    let text = said(&chain, &Files::of(files.path(), "third").key);
    assert!(text.contains("does not belong"), "{text}");
}

#[test]
fn a_short_rsa_key_is_named_with_its_length() {
    if !works("openssl", &["version"]) {
        return skipped("this takes openssl");
    }
    let files = TempDir::new().unwrap();
    let (certificate, key) = (files.path().join("short.crt"), files.path().join("short.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=short", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let error = Certificate::open(CertificateSource::Files { certificate, key }).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("has 1024 bits") && text.contains("2048"), "{text}");
}

/// A command whose clock libfaketime sets from a file. `None` if libfaketime is missing.
fn with_clock(mut command: Command, file: &Path) -> Option<Command> {
    let said = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let Ok(said) = said else {
        skipped("this takes faketime");
        return None;
    };
    command
        .env("LD_PRELOAD", String::from_utf8(said.stdout).unwrap().trim())
        .env("FAKETIME_TIMESTAMP_FILE", file)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Some(command)
}

#[test]
fn a_clock_before_1970_refuses_the_start_and_stops_no_server() {
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let clock = files.path().join("clock");
    let server = || {
        let mut command = command(&["--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(data.path());
        with_clock(command, &clock)
    };
    fs::write(&clock, "+0").unwrap();
    let Some(command) = server() else {
        return;
    };
    let daemon = Daemon::spawn(command);
    assert_eq!(shown(daemon.address), daemon.fingerprint);
    let client = Client::new();
    assert_eq!(client.greet(daemon.address), Some(daemon.fingerprint));
    fs::write(&clock, "-22000d").unwrap();
    // As a client that resumes its session, and as a new client.
    client.greet(daemon.address);
    assert_eq!(shown(daemon.address), daemon.fingerprint);
    fs::write(&clock, "+0").unwrap();
    assert_eq!(shown(daemon.address), daemon.fingerprint);
    drop(daemon);

    // A valid time, at which this program did not exist yet.
    fs::write(&clock, "-4000d").unwrap();
    let log = files.path().join("log");
    let mut wrong = server().unwrap();
    wrong.arg("--log-file").arg(&log);
    drop(Daemon::spawn(wrong));
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("server.warning text=\"the system clock is wrong"), "{said}");

    fs::write(&clock, "-22000d").unwrap();
    let Output { status, stderr, .. } = server().unwrap().output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(71), "{said}");
    assert!(said.contains("before 1970") && said.contains("timedatectl"), "{said}");
}

#[test]
fn the_daemon_refuses_to_start_without_its_certificate() {
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let data = data.path().to_str().unwrap();
    let own = Path::new(data).join("tls.pem");
    fs::write(&own, "damaged").unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    let missing = files.path().join("missing");
    let missing = missing.to_str().unwrap();
    for (arguments, named) in [
        (&["--data-dir", data][..], own.to_str().unwrap()),
        (&["--data-dir", data, "--tls-cert", missing, "--tls-key", missing], missing),
    ] {
        let mut command = command(&["--listen", "127.0.0.1:0", "--create-store", "always"]);
        let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(78), "{said}");
        assert!(said.contains(named), "{said}");
        assert!(stdout.is_empty());
    }
    assert_eq!(fs::read_to_string(own).unwrap(), "damaged", "it is left as it was");
}

#[test]
fn a_certificate_out_of_its_time_is_warned_of() {
    let files = TempDir::new().unwrap();
    let mut params = CertificateParams::new(vec!["old".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    let certificate = Files::write(files.path(), "old", &params).source();
    let certificate = Certificate::open(certificate).unwrap();
    let warning = |now| certificate.time_warning(now).unwrap_or_default();
    assert!(warning(0).contains("not valid before"), "{}", warning(0));
    assert_eq!(warning(1_000_000_000), "");
    assert!(warning(1_500_000_000).contains("expired"), "{}", warning(1_500_000_000));
}

/// A client that speaks without TLS is told so; see proto/tests/tls.rs for the others.
#[test]
fn a_web_browser_without_tls_is_told_what_this_is() {
    use std::io::Write;
    let data = TempDir::new().unwrap();
    let daemon = Daemon::start(data.path(), &[]);
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("correio"), "{answer}");
}

#[test]
fn who_never_agrees_upon_tls_is_closed_at_the_deadline() {
    use std::io::Write;
    let data = TempDir::new().unwrap();
    let daemon = Daemon::start(data.path(), &["--login-timeout", "2"]);
    let begun = Instant::now();
    let mut crowd: Vec<TcpStream> = (0..100)
        .map(|_| {
            let stream = TcpStream::connect(daemon.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            stream
        })
        .collect();
    // The beginning of a handshake, of which a byte comes now and then; half of them say nothing.
    let hello = [22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3].into_iter().chain(std::iter::repeat(7));
    for byte in hello.take(240) {
        crowd.retain_mut(|stream| {
            let is_over = match stream.read(&mut [0; 100]) {
                Ok(count) => count == 0,
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            !is_over
        });
        for stream in crowd.iter_mut().step_by(2) {
            // A connection that was just closed takes no byte.
            let _ = stream.write_all(&[byte]);
        }
        // Other clients are served meanwhile.
        assert_eq!(shown(daemon.address), daemon.fingerprint);
        if crowd.is_empty() {
            break;
        }
    }
    assert!(crowd.is_empty(), "{} are still there after {:?}", crowd.len(), begun.elapsed());
    assert!(begun.elapsed() >= Duration::from_secs(2), "closed before the deadline");
}

#[test]
fn a_connection_with_tls_that_is_silent_costs_little() {
    const CROWD: usize = 200;
    let data = TempDir::new().unwrap();
    let daemon = Daemon::start(data.path(), &["--connections-per-address", "1000"]);
    let pid = rustix::process::Pid::from_child(&daemon.child);
    let memory = || correio_testing::process::memory(pid).unwrap();
    let client = Client::new();
    let _first: Vec<TcpStream> = (0..50).map(|_| client.stay(daemon.address)).collect();
    let before = memory();
    let _crowd: Vec<TcpStream> = (0..CROWD).map(|_| client.stay(daemon.address)).collect();
    let each = memory().saturating_sub(before) / CROWD as u64;
    assert!(each < 16 << 10, "{each} bytes each");
}
