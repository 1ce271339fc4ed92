//! Tests of the connections of mail programs: greeting, TLS from the first byte and later,
//! rejection, timeouts and the shutdown. What the programs say is tested beside the sessions.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use correio_proto::{
    app_password::AppPasswordRequest,
    message::{Reply, Request},
    tls::Security,
};
use correio_server::{
    engine::ServerLimits,
    gateway::GatewayConfig,
    limits::{admission::AdmissionConfig, network::Network},
    ops::{
        certificate::{Certificate, CertificateSource},
        tls,
    },
    protocol::Service,
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    pipe::Pipe,
    program::Program,
    wait::PATIENCE,
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

const SECOND: Duration = Duration::from_secs(1);

/// A world with gateways, and what a mail program needs to speak TLS with it.
struct Setting {
    world: World,
    root: CertificateDer<'static>,
}

impl Setting {
    fn new() -> Self {
        Self::limited(limits_of(100))
    }

    fn limited(limits: ServerLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = CertificateSource::Own(directory.path().to_owned());
        let certificate = Certificate::open(source).unwrap();
        let root = CertificateDer::from_pem_file(directory.path().join("tls.pem")).unwrap();
        let security = tls::security_of_gateways(&certificate).unwrap();
        let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
        let mut world = World::limited(limits, session_config(), Box::new(store));
        let domain = "mail.example.org".parse().unwrap();
        world.server = world.server.with_gateways(Some(GatewayConfig { domain, security }));
        Self { world, root }
    }

    /// TLS of a program that speaks this version.
    fn tls(&self, version: &'static SupportedProtocolVersion) -> Security {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Security::Client(Arc::new(config), ServerName::try_from("correio").unwrap())
    }
}

/// Services with TLS from the first byte, each with the beginnings of its greeting and its
/// refusals.
const IMPLICIT: [(Service, &str, &str); 2] =
    [(Service::SUBMISSIONS, "220 mail.example.org", "421 "), (Service::POP3S, "+OK", "-ERR")];

/// Services on which TLS begins later, as in [`IMPLICIT`], each with the command that begins it.
const START: [(Service, &str, &str, &str); 2] = [
    (Service::SUBMISSION, "220 mail.example.org", "421 ", "STARTTLS\r\n"),
    (Service::POP3, "+OK", "-ERR", "STLS\r\n"),
];

fn quits(program: &mut Program, world: &mut World) {
    let said = program.say(world, "QUIT\r\n");
    assert!(said.starts_with("221") || said.starts_with("+OK"), "{said:?}");
    assert!(program.is_closed());
}

#[test]
fn a_program_is_greeted_once_tls_of_its_version_has_begun() {
    for version in [&TLS12, &TLS13] {
        let mut setting = Setting::new();
        let tls = setting.tls(version);
        let world = &mut setting.world;
        for (service, greeting, _) in IMPLICIT {
            let mut program = Program::connect(world, service, &tls);
            let said = program.said();
            assert!(said.starts_with(greeting) && said.ends_with("\r\n"), "{said:?}");
            quits(&mut program, world);
        }
    }
}

#[test]
fn tls_begins_when_the_program_asks_for_it() {
    for version in [&TLS12, &TLS13] {
        let mut setting = Setting::new();
        let tls = setting.tls(version);
        let world = &mut setting.world;
        for (service, greeting, _, command) in START {
            let mut program = Program::connect(world, service, &Security::Plaintext);
            let said = program.said();
            assert!(said.starts_with(greeting) && said.ends_with("\r\n"), "{said:?}");
            let said = program.say(world, command);
            assert!(said.starts_with("220 ") || said.starts_with("+OK"), "{said:?}");
            program.start_tls(world, &tls);
            assert_eq!(program.said(), "", "there is no second greeting");
            let again = program.say(world, command);
            assert!(again.starts_with('5') || again.starts_with("-ERR"), "{again:?}");
            quits(&mut program, world);
        }
    }
}

#[test]
fn where_plaintext_is_permitted_tls_does_not_begin() {
    let mut setting = Setting::new();
    let world = &mut setting.world;
    for (service, greeting, _, command) in START {
        let mut program = Program::connect(world, service.in_plaintext(), &Security::Plaintext);
        assert!(program.said().starts_with(greeting));
        let said = program.say(world, command);
        assert!(said.starts_with('5') || said.starts_with("-ERR"), "{said:?}");
        quits(&mut program, world);
    }
}

#[test]
fn words_after_the_command_that_begins_tls_end_the_connection_unheard() {
    for (service, _, _, command) in START {
        for words in ["NOOP\r\nUSER mallory\r\n", "N"] {
            let mut setting = Setting::new();
            let world = &mut setting.world;
            let mut program = Program::connect(world, service, &Security::Plaintext);
            program.said();
            let said = program.say(world, &format!("{command}{words}"));
            assert_eq!(said.lines().count(), 1, "only the command is answered: {said:?}");
            assert!(program.is_closed());
        }
    }
}

#[test]
fn plaintext_in_place_of_the_tls_handshake_ends_the_connection() {
    let mut setting = Setting::new();
    let world = &mut setting.world;
    for (service, _, _, command) in START {
        let mut program = Program::connect(world, service, &Security::Plaintext);
        program.said();
        program.say(world, command);
        assert_eq!(program.say(world, "NOOP\r\nQUIT\r\n"), "");
        assert!(program.is_closed());
    }
}

#[test]
fn a_program_without_tls_is_told_that_the_port_speaks_it_and_a_browser_is_told_nothing() {
    let mut setting = Setting::new();
    let world = &mut setting.world;
    for (service, _, refusal) in IMPLICIT {
        let mut program = Program::connect(world, service, &Security::Plaintext);
        assert_eq!(program.said(), "", "the server waits for TLS");
        let said = program.say(world, "EHLO laptop\r\n");
        assert!(said.starts_with(refusal) && said.contains("TLS"), "{said:?}");
        assert!(program.is_closed());
        let mut browser = Program::connect(world, service, &Security::Plaintext);
        assert_eq!(browser.say(world, "GET / HTTP/1.1\r\n\r\n"), "");
        assert!(browser.is_closed());
    }
}

#[test]
fn a_program_that_begins_tls_too_early_gets_an_alert() {
    let mut setting = Setting::new();
    let tls = setting.tls(&TLS13);
    let world = &mut setting.world;
    for (service, ..) in START {
        // The greeting is no TLS: the program reads it as such, and its own words as TLS.
        let mut program = Program::connect(world, service, &Security::Plaintext);
        program.said();
        let mut tls = correio_proto::byte_channel::ByteChannel::new(&tls, 1 << 20);
        let mut hello = Vec::new();
        while tls.wants_write() {
            tls.write_to(&mut hello).unwrap();
        }
        program.channel.output().extend_from_slice(&hello);
        program.run(world);
        assert_eq!(program.channel.input(), [0x15, 3, 1, 0, 2, 2, 0x46]);
        assert!(program.is_closed());
    }
}

#[test]
fn a_program_for_which_there_is_no_room_is_told_in_place_of_the_greeting() {
    let admission = AdmissionConfig { connections_max: 100, per_prefix_max: 1, anonymous_max: 100 };
    for (service, _, refusal) in IMPLICIT {
        let mut setting = Setting::limited(ServerLimits { admission, ..limits_of(0) });
        let tls = setting.tls(&TLS13);
        let world = &mut setting.world;
        let _first = Program::connect(world, service, &tls);
        let mut second = Program::connect(world, service, &tls);
        let said = second.said();
        assert!(said.starts_with(refusal) && said.lines().count() == 1, "{said:?}");
        assert!(second.is_closed());
        // All protocols for mail share the places.
        let mut own = world.connect_from("192.0.2.9:5000".parse().unwrap());
        world.settle();
        own.receive();
        assert_eq!(own.replies.len(), 1, "the client of correio is told, too");
    }
}

#[test]
fn a_program_is_greeted_after_the_header_of_its_proxy() {
    let mut setting = Setting::new();
    let proxies: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
    setting.world.server = setting.world.server.behind(proxies);
    let world = &mut setting.world;
    for (service, greeting, ..) in START {
        let pipe = Security::Plaintext;
        let mut program = Program::connect_from(world, service, &pipe, "10.0.0.1:5000").unwrap();
        assert_eq!(program.said(), "");
        let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 15, 160, 34, 184];
        let header = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &addresses[..]].concat();
        program.channel.output().extend_from_slice(&header);
        program.run(world);
        let said = program.said();
        assert!(said.starts_with(greeting) && said.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn a_program_that_does_not_log_in_is_told_after_two_minutes() {
    let mut setting = Setting::new();
    let tls = setting.tls(&TLS12);
    let world = &mut setting.world;
    for (service, ..) in IMPLICIT {
        let mut program = Program::connect(world, service, &tls);
        program.said();
        world.pass(SECOND * 119);
        // A command extends nothing.
        program.say(world, "NOOP\r\n");
        assert!(!program.is_closed());
        world.pass(SECOND);
        program.run(world);
        assert!(program.is_closed());
        // POP3 may end without a word, SMTP may not.
        assert!(service == Service::POP3S || program.said().starts_with("421 "));
        world.pass(SECOND * 2);
        assert!(world.server.transport_mut(program.id).is_none(), "nobody is waited for");
    }
}

#[test]
fn a_handshake_that_does_not_come_ends_after_two_minutes() {
    let mut setting = Setting::new();
    let world = &mut setting.world;
    let program = Program::connect(world, Service::POP3S, &Security::Plaintext);
    world.pass(SECOND * 119);
    assert!(world.server.transport_mut(program.id).is_some());
    world.pass(SECOND);
    assert!(world.server.transport_mut(program.id).is_none());
}

#[test]
fn the_shutdown_is_told_to_programs_except_within_the_beginning_of_tls() {
    let mut setting = Setting::new();
    let tls = setting.tls(&TLS13);
    let world = &mut setting.world;
    let mut programs: Vec<_> = IMPLICIT
        .iter()
        .map(|(service, _, refusal)| (Program::connect(world, *service, &tls), *refusal))
        .collect();
    let mut starting = Program::connect(world, Service::SUBMISSION, &Security::Plaintext);
    for (program, _) in &mut programs {
        program.said();
    }
    starting.said();
    starting.pipe.set_window(0);
    assert_eq!(starting.say(world, "STARTTLS\r\n"), "");
    world.server.begin_shutdown(world.now);
    for (program, refusal) in &mut programs {
        program.run(world);
        let said = program.said();
        assert!(said.starts_with(*refusal), "{said:?}");
        assert!(program.is_closed());
    }
    starting.pipe.set_window(usize::MAX);
    starting.run(world);
    assert_eq!(starting.said().lines().count(), 1, "only the reply to the command");
    assert!(starting.is_closed());
}

#[test]
fn a_server_without_gateways_or_without_tls_opens_no_connection_of_them() {
    let mut world = World::new();
    let peer = "192.0.2.9:4000".parse().unwrap();
    for service in Service::GATEWAYS {
        assert_eq!(world.server.open(world.now, Pipe::new(1), peer, service), None);
    }
    let domain = "mail.example.org".parse().unwrap();
    let config = GatewayConfig { domain, security: Security::Plaintext };
    world.server = world.server.with_gateways(Some(config));
    for service in Service::GATEWAYS {
        assert_eq!(world.server.open(world.now, Pipe::new(1), peer, service), None);
        let plain = service.in_plaintext();
        assert!(world.server.open(world.now, Pipe::new(1), peer, plain).is_some());
    }
}

/// An app password of the account that is logged in.
pub fn app_password(world: &mut World, client: &mut PipeClient) -> String {
    let create = AppPasswordRequest::Create { label: "laptop".parse().unwrap() };
    match client.ask(world, Request::AppPassword(create)) {
        Reply::AppPasswordCreated { password, .. } => password.to_string(),
        reply => panic!("an app password was expected, not {reply:?}"),
    }
}

/// A program that has logged in as tony with this app password, and begun a mail to pepper.
pub fn in_data(world: &mut World, password: &str) -> Program {
    let plain = Service::SUBMISSIONS.in_plaintext();
    let mut program = Program::connect(world, plain, &Security::Plaintext);
    let response = STANDARD.encode(format!("\0tony\0{password}"));
    let said = program.say(
        world,
        &format!(
            "EHLO x\r\nAUTH PLAIN {response}\r\nMAIL FROM:<tony>\r\nRCPT TO:<pepper>\r\nDATA\r\n"
        ),
    );
    assert!(said.lines().last().unwrap().starts_with("354 "), "{said:?}");
    program
}

#[test]
fn large_mails_that_are_cut_off_leave_room_for_the_next() {
    let mut setting = Setting::new();
    let world = &mut setting.world;
    let (mut tony, _pepper) = world.tony_and_pepper();
    let password = app_password(world, &mut tony);
    let mail = format!("From: tony@mail.example.org\r\n\r\n{}", "line\r\n".repeat(1 << 19));
    for _ in 0..6 {
        let mut program = in_data(world, &password);
        assert_eq!(program.say(world, &mail), "");
        program.pipe.close_at_client();
        program.run(world);
        assert!(world.server.transport_mut(program.id).is_none());
    }
    let said = in_data(world, &password).say(world, &(mail + ".\r\n"));
    assert!(said.starts_with("250 "), "{said:?}");
}

/// The lines of a daemon until one contains this.
fn lines_until(child: &mut Child, last: &str) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|line: &String| line.contains(last)) {
        seen.push(lines.next().expect("the line comes").unwrap());
    }
    seen
}

/// A daemon, which is killed when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn correiod(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command
        .env_clear()
        .args(["--config", "/dev/null", "--mail-domain", "mail.example.org", "--data-dir"])
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
fn the_daemon_prints_where_programs_connect_and_shows_them_a_certificate_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let at = "127.0.0.1:0";
    let listeners = ["--listen", at, "--submissions", at, "--submission", at, "--pop3s", at];
    let arguments = [&listeners[..], &["--pop3", at, "--pop3", at]].concat();
    let mut server = Server(correiod(directory.path(), &arguments).spawn().unwrap());
    let lines = lines_until(&mut server.0, "(mail programs)");
    let services: Vec<&str> = lines
        .iter()
        .filter_map(|line| Some(line.split_once(" (")?.1.trim_end_matches(')')))
        .collect();
    let expected = ["tls", "submissions", "submission", "pop3s", "pop3", "pop3", "mail programs"];
    assert_eq!(services, expected, "{lines:#?}");
    let address = |service: &str| {
        let line = lines.iter().find(|line| line.ends_with(&format!("({service})"))).unwrap();
        line.split(' ').nth(2).unwrap().to_owned()
    };

    let status = correiod(directory.path(), &["status"]).output().unwrap().stdout;
    let status = String::from_utf8(status).unwrap();
    for service in ["correio", "submissions", "submission", "pop3s", "pop3"] {
        assert!(status.contains(&format!(" ({service})\n")), "{service}: {status}");
    }

    // A program that trusts the certificate and asks for its name is greeted.
    let certificate = directory.path().join("tls-programs.pem");
    for (service, greeting) in [("submissions", "220 mail.example.org "), ("pop3s", "+OK ")] {
        let said = greeting_of(&address(service), &certificate).unwrap();
        assert!(said.starts_with(greeting), "{said:?}");
    }

    let fingerprints: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("fingerprint ")).collect();
    let of_programs = fingerprints[1].trim_end_matches(" (mail programs)");
    let expected =
        format!("{}\n{of_programs} (mail programs, mail.example.org)\n", fingerprints[0]);
    assert_eq!(printed_fingerprints(directory.path(), &[]), expected);
}

/// What a server says first to a program that trusts this certificate alone.
fn greeting_of(address: &str, certificate: &Path) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mail.example.org").unwrap();
    let tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut said = String::new();
    BufReader::new(rustls::StreamOwned::new(tls, socket)).read_line(&mut said)?;
    Ok(said)
}

/// What the command prints whose settings name no domain.
fn printed_fingerprints(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command.env_clear().args(["--config", "/dev/null", "fingerprint", "--data-dir"]);
    let output = command.arg(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_certificate_that_ends_soon_is_renewed_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--pop3s", "127.0.0.1:0"];
    let start = || {
        let mut server = Server(correiod(directory.path(), &arguments).spawn().unwrap());
        lines_until(&mut server.0, "(mail programs)").pop().unwrap()
    };
    let first = start();
    assert_eq!(start(), first, "it stays");
    let mut params = CertificateParams::new(["mail.example.org".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2026, 1, 1));
    let key = KeyPair::generate().unwrap();
    let text = key.serialize_pem() + &params.self_signed(&key).unwrap().pem();
    fs::write(directory.path().join("tls-programs.pem"), text).unwrap();
    let third = start();
    assert_ne!(third, first);
    assert_eq!(start(), third);
}

/// Writes a certificate and its key, as an authority's program does when it renews them.
fn write_certificate(certificate: &Path, key: &Path) {
    let made = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["mail.example.org".to_owned()]).unwrap();
    fs::write(certificate, params.self_signed(&made).unwrap().pem()).unwrap();
    fs::write(key, made.serialize_pem()).unwrap();
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_certificate_of_an_authority_is_shown_to_all_and_renewed_on_sighup() {
    let directory = tempfile::tempdir().unwrap();
    let [pem, key_pem] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    write_certificate(&pem, &key_pem);
    let data = directory.path().join("data");
    let (cert, key) = (pem.to_str().unwrap(), key_pem.to_str().unwrap());
    let arguments = [
        ["--listen", "127.0.0.1:0"],
        ["--pop3s", "127.0.0.1:0"],
        ["--tls-cert", cert],
        ["--tls-key", key],
    ];
    let mut server = Server(correiod(&data, &arguments.concat()).spawn().unwrap());
    let lines = lines_until(&mut server.0, "fingerprint ");
    let pop3s = lines.iter().find(|line| line.ends_with("(pop3s)")).unwrap();
    let address = pop3s.split(' ').nth(2).unwrap();
    assert!(greeting_of(address, &pem).unwrap().starts_with("+OK "));
    write_certificate(&pem, &key_pem);
    assert!(greeting_of(address, &pem).is_err(), "the server has not read it yet");
    let process = rustix::process::Pid::from_child(&server.0);
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    let began = Instant::now();
    while greeting_of(address, &pem).is_err() {
        assert!(began.elapsed() < PATIENCE, "the new certificate is shown");
    }
    let of_programs = data.join("tls-programs.pem");
    assert!(!of_programs.exists());

    // One that the server made before is of no use to anybody.
    let earlier = [&key_pem, &pem].map(|path| fs::read_to_string(path).unwrap()).concat();
    fs::write(&of_programs, earlier).unwrap();
    let printed = printed_fingerprints(&data, &["--tls-cert", cert, "--tls-key", key]);
    assert_eq!(printed.lines().count(), 1, "{printed}");
}
