//! Tests of the PROXY protocol: whose header is required and believed, and that nobody gets past a
//! limit with one.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use correio_proto::message::{ErrorCode, Reply, Request};
use correio_server::{
    engine::ServerLimits,
    limits::{admission::AdmissionConfig, network::Network, throttle::ThrottleConfig},
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    pipe::Pipe,
    port::free_address,
    request::{hello, login, register},
    skip::{skipped, works},
    world::{PipeClient, QUOTA, REALM, World, limits_of, session_config},
};

use crate::daemon::{self, Client, Daemon, command, eventually};

const PROXY: &str = "10.0.0.1:5000";

/// A header of version 2 that names an IPv4 client.
fn header(client: [u8; 4]) -> Vec<u8> {
    let addresses = [&client[..], &[10, 0, 0, 1], &4000_u16.to_be_bytes(), &[0x22, 0xb8]].concat();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &addresses[..]].concat()
}

/// A header of the proxy's own connections, such as health checks.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn world(limits: ServerLimits) -> World {
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let World { server, now, hashing } = World::limited(limits, session_config(), Box::new(store));
    let proxies: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
    World { server: server.behind(proxies), now, hashing }
}

fn through_proxy(world: &mut World) -> PipeClient {
    world.connect_from(PROXY.parse().unwrap())
}

fn ask_hello(world: &mut World, client: &mut PipeClient) -> Option<Reply> {
    client.begin(world, hello());
    world.settle();
    client.receive();
    client.replies.pop_front().map(|(_, reply)| reply)
}

/// Whether the client gets in.
fn greets(world: &mut World, client: &mut PipeClient) -> bool {
    matches!(ask_hello(world, client), Some(Reply::Hello(_)))
}

/// Whether the server has removed the connection.
fn is_gone(world: &mut World, client: &PipeClient) -> bool {
    world.settle();
    world.server.transport_mut(client.id).is_none()
}

#[test]
fn a_client_of_a_proxy_speaks_after_the_header_in_any_pieces() {
    let mut world = world(limits_of(10));
    for piece in [1, 3, usize::MAX] {
        let pipe = Pipe::new(piece);
        let mut client = world.try_connect_over(pipe, PROXY.parse().unwrap()).unwrap();
        client.write(&mut world, &header([192, 0, 2, 7]));
        assert!(greets(&mut world, &mut client), "pieces of {piece}");
    }
    let mut local = through_proxy(&mut world);
    local.write(&mut world, LOCAL);
    assert!(greets(&mut world, &mut local));
}

#[test]
fn a_header_of_anybody_else_is_a_protocol_error() {
    let mut world = world(limits_of(10));
    let mut forger = world.connect_from("192.0.2.1:4000".parse().unwrap());
    forger.write(&mut world, &header([192, 0, 2, 7]));
    world.settle();
    // An answer to a peer that speaks another protocol, and no greeting.
    let answer = forger.take_bytes();
    assert!(!answer.is_empty() && answer.is_ascii(), "{answer:?}");
    assert!(forger.is_closed());
}

#[test]
fn a_connection_of_a_proxy_without_a_whole_header_is_closed() {
    let mut world = world(limits_of(10));
    let version_1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 4000 8888\r\n";
    let long = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x09";
    for bytes in [&version_1[..], b"\0\0\0\x05hello", b"\x16\x03\x01", long] {
        let mut client = through_proxy(&mut world);
        client.write(&mut world, bytes);
        assert!(is_gone(&mut world, &client), "{bytes:?}");
    }
    let mut cut = through_proxy(&mut world);
    cut.write(&mut world, &header([192, 0, 2, 7])[..20]);
    assert!(!is_gone(&mut world, &cut));
    cut.hang_up(&mut world);
    assert!(is_gone(&mut world, &cut));
}

#[test]
fn a_header_that_comes_slowly_does_not_extend_the_login_timeout() {
    let mut world = world(limits_of(10));
    let mut slow = through_proxy(&mut world);
    for byte in &header([192, 0, 2, 7])[..20] {
        world.pass(Duration::from_secs(1));
        slow.write(&mut world, &[*byte]);
    }
    assert!(!is_gone(&mut world, &slow));
    world.pass(Duration::from_secs(11));
    assert!(is_gone(&mut world, &slow));
}

#[test]
fn clients_of_a_proxy_have_their_own_limits_and_it_has_none() {
    let admission = AdmissionConfig { connections_max: 100, per_prefix_max: 2, anonymous_max: 100 };
    let mut world = world(ServerLimits { admission, ..limits_of(0) });
    // More connections than one address may have, before any header.
    let mut waiting: Vec<_> = (0..20).map(|_| through_proxy(&mut world)).collect();
    world.settle();
    assert_eq!(world.server.len(), 20);
    for (number, client) in waiting.iter_mut().enumerate() {
        client.write(&mut world, &header([192, 0, 2, number as u8]));
        assert!(greets(&mut world, client), "{number}");
    }
    // The third connection of one client is told why not.
    let mut same: Vec<_> = (0..3).map(|_| through_proxy(&mut world)).collect();
    for client in &mut same {
        client.write(&mut world, &header([198, 51, 100, 1]));
    }
    assert!(greets(&mut world, &mut same[0]) && greets(&mut world, &mut same[1]));
    match ask_hello(&mut world, &mut same[2]) {
        Some(Reply::Error(error)) => assert_eq!(error.code, ErrorCode::Busy),
        reply => panic!("a refusal was expected, not {reply:?}"),
    }
    // A client that connects directly counts with those that come through the proxy.
    let mut direct = world.connect_from("198.51.100.1:4000".parse().unwrap());
    world.settle();
    direct.receive();
    assert!(
        matches!(&direct.replies[0], (0, Reply::Error(error)) if error.code == ErrorCode::Busy)
    );
}

#[test]
fn connections_of_a_proxy_without_a_header_give_way_and_are_bounded() {
    let admission = AdmissionConfig { connections_max: 50, per_prefix_max: 50, anonymous_max: 20 };
    let mut world = world(ServerLimits { admission, ..limits_of(0) });
    for _ in 0..100 {
        through_proxy(&mut world);
        world.settle();
    }
    assert_eq!(world.server.len(), 20);
    let mut direct = world.connect_from("192.0.2.1:4000".parse().unwrap());
    assert!(greets(&mut world, &mut direct));
    assert_eq!(world.server.len(), 20);
}

#[test]
fn wrong_passwords_count_for_the_client_and_not_for_its_proxy() {
    let throttle =
        ThrottleConfig { registrations_per_hour: 0, mails_per_hour: 0, failed_logins: 2 };
    let mut world = world(ServerLimits { throttle, ..limits_of(100) });
    let from = |world: &mut World, client: u8, password: u8| {
        let mut connection = through_proxy(world);
        connection.write(world, &header([192, 0, 2, client]));
        assert!(greets(world, &mut connection));
        match connection.ask(world, login("tony", password)) {
            Reply::Error(error) => Some(error.code),
            _ => None,
        }
    };
    let mut first = through_proxy(&mut world);
    first.write(&mut world, &header([192, 0, 2, 200]));
    assert!(greets(&mut world, &mut first));
    assert_eq!(first.ask(&mut world, register("tony", "Tony Stark", 1)), Reply::Registered {});
    for expected in [ErrorCode::BadCredentials, ErrorCode::BadCredentials, ErrorCode::RateLimited] {
        assert_eq!(from(&mut world, 7, 9), Some(expected));
    }
    assert_eq!(from(&mut world, 8, 1), None);
}

/// The lines of a log in which an event has a field.
fn lines(log: &Path, event: &str) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().filter(|line| line.contains(event)).map(str::to_owned).collect()
}

/// A server that trusts 127.0.0.1, with data and log in this directory. Returns the log, too.
fn behind_loopback(directory: &Path) -> (Daemon, PathBuf) {
    let (data, log) = (directory.join("data"), directory.join("log"));
    let mut command = command(&data, &["--listen", "127.0.0.1:0", "--proxy-protocol", "127.0.0.1"]);
    command.arg("--log-file").arg(&log).stderr(Stdio::null());
    (Daemon::spawn(command), log)
}

#[test]
fn the_log_names_the_client_and_each_connection_without_a_header() {
    let directory = tempfile::tempdir().unwrap();
    let (daemon, log) = behind_loopback(directory.path());
    let connect = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(daemon.address).unwrap();
        socket.write_all(bytes).unwrap();
        socket
    };
    let end = |mut socket: TcpStream| {
        socket.set_read_timeout(Some(daemon::PATIENCE)).unwrap();
        match socket.read(&mut [0; 16]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    };
    end(connect(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"));
    end(connect(b"\x16\x03\x01\x02"));
    let cut = connect(b"\r\n\r\n\0");
    cut.shutdown(std::net::Shutdown::Write).unwrap();
    end(cut);
    let mut forger = daemon::connect_from([127, 0, 0, 2], daemon.address);
    forger.write_all(&header([192, 0, 2, 8])).unwrap();
    let mut answer = Vec::new();
    // The server closes after its answer.
    _ = forger.read_to_end(&mut answer);
    let mut client = Client::over(connect(&header([192, 0, 2, 7])));
    client.greet();
    assert!(daemon.stop().success());
    let forged = lines(&log, " protocol.error ");
    assert!(forged.len() == 1 && forged[0].contains("address=127.0.0.2:"), "{forged:?}");
    let refused = lines(&log, " proxy.refused ");
    let texts = ["version 1", "there is no PROXY header", "cut off"];
    assert_eq!(refused.len(), texts.len(), "{refused:?}");
    for (line, text) in refused.iter().zip(texts) {
        assert!(line.contains("address=127.0.0.1:") && line.contains(text), "{line}");
    }
    let opened = lines(&log, " connection.opened ");
    assert!(opened.len() == 2 && opened[1].contains("address=192.0.2.7:4000"), "{opened:?}");
    assert_eq!(lines(&log, " connection.closed ").len(), 5);
}

/// A haproxy, which is killed when it is dropped.
struct Haproxy(Child);

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn haproxy_passes_clients_on_with_their_addresses() {
    if !works("haproxy", &["-v"]) {
        return skipped("this takes haproxy");
    }
    let directory = tempfile::tempdir().unwrap();
    let (daemon, log) = behind_loopback(directory.path());
    let front = free_address();
    let file = directory.path().join("haproxy.cfg");
    let settings = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n\
         listen correio\n bind {front}\n server correio {} send-proxy-v2 check inter 200ms\n",
        daemon.address
    );
    fs::write(&file, settings).unwrap();
    let mut started = Command::new("haproxy");
    started.arg("-db").arg("-f").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let _haproxy = Haproxy(started.spawn().unwrap());
    eventually(|| TcpStream::connect(front).is_ok());
    let socket = daemon::connect_from([127, 0, 0, 9], front);
    let own = socket.local_addr().unwrap();
    let mut client = Client::over(socket);
    client.greet();
    assert_eq!(client.ask(daemon::register("tony")), Reply::Registered {});
    assert!(matches!(client.ask(daemon::login("tony")), Reply::LoggedIn(_)));
    assert_eq!(client.ask(Request::Ping {}), Reply::Pong {});
    // A health check sends a header of its own, with LOCAL.
    let checked = |line: &String| line.contains("address=127.0.0.1:");
    eventually(|| lines(&log, " connection.opened ").iter().any(checked));
    assert!(daemon.stop().success());
    let logged_in = lines(&log, " login.succeeded ");
    assert!(logged_in[0].contains(&format!("address={own}")), "{logged_in:?}");
    assert_eq!(lines(&log, " proxy.refused "), [""; 0]);
}
