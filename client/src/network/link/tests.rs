//! A link on a simulated network, with a simulated clock.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use correio_proto::{
    capability::Capabilities,
    channel::Channel,
    limits,
    message::{
        ErrorCode, ErrorReply, Limits, Notice, Realm, RegistrationPolicy, Reply, Request,
        ServerMessage, Software, Welcome,
    },
};

use super::*;
use crate::client::{ClientConfig, Event};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Behaviour of the host at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// The host does not answer.
    Silent,
    Refusing,
    /// The host accepts the connection and closes it at once.
    Closing,
    /// A correio server.
    Greeting,
    /// A correio server that is busy and states this wait, in seconds.
    Busy(u32),
    /// A correio server that is unavailable and states this wait, in seconds.
    Failing(u32),
    /// A correio server that greets, and then refuses every request.
    Refuses,
}

struct World {
    /// Results of the look-ups, in order; the last one repeats. An empty result is a failure.
    names: VecDeque<Vec<SocketAddr>>,
    hosts: HashMap<SocketAddr, Host>,
    opened: Vec<SocketAddr>,
    /// Whether look-ups are answered.
    resolver_works: bool,
    random: u64,
}

/// A connection. The test keeps one end of its wire.
#[derive(Clone)]
struct Pipe {
    host: Host,
    wire: Arc<Mutex<Wire>>,
}

#[derive(Default)]
struct Wire {
    to_client: VecDeque<u8>,
    closed: bool,
    writes: u32,
}

impl Net for World {
    type Socket = Pipe;

    fn look_up(&mut self, _: String, _: u16) -> io::Result<Option<Vec<SocketAddr>>> {
        if !self.resolver_works {
            return Ok(None);
        }
        let found = match self.names.len() {
            0 | 1 => self.names.front().cloned().unwrap_or_default(),
            _ => self.names.pop_front().unwrap_or_default(),
        };
        match found.is_empty() {
            true => Err(io::Error::other("no such name")),
            false => Ok(Some(found)),
        }
    }

    fn open(&mut self, address: SocketAddr) -> io::Result<Pipe> {
        self.opened.push(address);
        let host = self.hosts[&address];
        let wire = Wire { to_client: answer(host), closed: host == Host::Closing, writes: 0 };
        let wire = Arc::new(Mutex::new(wire));
        Ok(Pipe { host, wire })
    }

    fn is_connected(&self, socket: &Pipe) -> io::Result<bool> {
        match socket.host {
            Host::Silent => Ok(false),
            Host::Refusing => Err(io::ErrorKind::ConnectionRefused.into()),
            Host::Closing | Host::Greeting | Host::Busy(_) | Host::Failing(_) | Host::Refuses => {
                Ok(true)
            }
        }
    }

    fn random(&mut self) -> u64 {
        self.random
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.wire.lock().unwrap();
        match wire.to_client.read(buffer)? {
            0 if !wire.closed => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.wire.lock().unwrap();
        wire.writes += 1;
        // The first is the greeting.
        if self.host == Host::Refuses && wire.writes == 2 {
            wire.to_client.extend(unreadable());
            wire.closed = true;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn frames(messages: &[ServerMessage]) -> VecDeque<u8> {
    let mut channel = Channel::plaintext(limits::REPLY_FRAME_MAX);
    let mut bytes = VecDeque::new();
    for message in messages {
        channel.push(message).unwrap();
    }
    while channel.pending_output() > 0 {
        channel.write_to(&mut bytes).unwrap();
    }
    bytes
}

fn answer(host: Host) -> VecDeque<u8> {
    let refused = |code, seconds| {
        let mut error = ErrorReply::new(code, "no");
        error.retry_after = seconds;
        Reply::Error(error)
    };
    let reply = match host {
        Host::Silent | Host::Refusing | Host::Closing => return VecDeque::new(),
        Host::Greeting | Host::Refuses => Reply::Hello(Welcome {
            version: correio_proto::VERSION,
            software: Software::named("correiod"),
            realm: Realm([1; 16]),
            limits: Limits {
                body: 1000,
                recipients: 100,
                page: 200,
                content: 0,
                piece: 0,
                frame: 100_000,
            },
            registration: RegistrationPolicy::Open {},
            capabilities: Capabilities::default(),
        }),
        Host::Busy(seconds) => refused(ErrorCode::Busy, Some(seconds)),
        Host::Failing(seconds) => refused(ErrorCode::Unavailable, Some(seconds)),
    };
    frames(&[ServerMessage::Reply { number: 1, reply }])
}

/// A server's reply to an unreadable frame, before it closes.
fn unreadable() -> VecDeque<u8> {
    let reply = Reply::Error(ErrorReply::new(ErrorCode::TooLarge, "no"));
    frames(&[ServerMessage::Reply { number: 0, reply }])
}

fn world(hosts: &[(&str, Host)]) -> World {
    let hosts: Vec<(SocketAddr, Host)> =
        hosts.iter().map(|(address, host)| (address.parse().unwrap(), *host)).collect();
    World {
        names: [hosts.iter().map(|(address, _)| *address).collect()].into(),
        hosts: hosts.into_iter().collect(),
        opened: Vec::new(),
        resolver_works: true,
        random: u64::MAX,
    }
}

fn link() -> Link<Pipe> {
    let address = "correio.example".parse().unwrap();
    Link::new(Client::new(ClientConfig::default()), address, ms(10_000))
}

/// The wire of the connection that is up.
fn wire(link: &Link<Pipe>) -> Arc<Mutex<Wire>> {
    match &link.state {
        LinkState::Up { socket, .. } => Arc::clone(&socket.inner.wire),
        _ => panic!("it is not up"),
    }
}

/// Steps whenever a step is due, until `until` or an error. Panics if the link never rests.
fn run(
    link: &mut Link<Pipe>,
    net: &mut World,
    from: Duration,
    until: Duration,
) -> Result<(), ConnectError> {
    let mut now = from;
    for _ in 0..1000 {
        let opened = net.opened.len();
        link.step(now, net)?;
        if net.opened.len() > opened {
            // A changed socket would be an event.
            continue;
        }
        match link.timeout() {
            Some(due) if due <= until => now = due.max(now),
            _ => return Ok(()),
        }
    }
    panic!("it spins");
}

const V6: &str = "[2001:db8::1]:8888";
const V4: &str = "192.0.2.1:8888";

#[test]
fn a_silent_address_costs_a_quarter_of_a_second() {
    let mut net = world(&[(V6, Host::Silent), (V4, Host::Greeting)]);
    let mut link = link();
    run(&mut link, &mut net, ms(0), ms(249)).unwrap();
    assert!(!link.is_up());
    run(&mut link, &mut net, ms(250), ms(250)).unwrap();
    assert!(link.is_up());
}

#[test]
fn an_address_that_refuses_costs_nothing() {
    let mut net = world(&[(V6, Host::Refusing), (V4, Host::Greeting)]);
    let mut link = link();
    run(&mut link, &mut net, ms(0), ms(0)).unwrap();
    assert!(link.is_up());
}

#[test]
fn an_address_that_is_no_server_is_passed_over() {
    let mut net = world(&[(V6, Host::Closing), (V4, Host::Greeting)]);
    let mut link = link();
    run(&mut link, &mut net, ms(0), ms(0)).unwrap();
    assert!(link.is_up());
}

#[test]
fn a_first_attempt_that_fails_is_the_end() {
    let mut net = world(&[(V6, Host::Refusing), (V4, Host::Silent)]);
    let error = run(&mut link(), &mut net, ms(0), ms(60_000)).unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { tried } if tried.len() == 2));

    net.resolver_works = false;
    let mut waiting = link();
    run(&mut waiting, &mut net, ms(0), ms(9_999)).unwrap();
    let error = waiting.step(ms(10_000), &mut net).unwrap_err();
    assert_eq!(error, ConnectError::TimedOut { tried: vec![] });

    net.resolver_works = true;
    net.names = [vec![]].into();
    let error = link().step(ms(0), &mut net).unwrap_err();
    assert!(matches!(error, ConnectError::NameNotFound { .. }));
}

fn up(net: &mut World) -> Link<Pipe> {
    let mut link = link();
    run(&mut link, net, ms(0), ms(0)).unwrap();
    assert!(link.is_up());
    link
}

#[test]
fn a_server_that_moves_is_found_at_its_new_address() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    net.hosts.insert(V4.parse().unwrap(), Host::Silent);
    net.hosts.insert(V6.parse().unwrap(), Host::Greeting);
    net.names = [vec![V4.parse().unwrap()], vec![V6.parse().unwrap()]].into();
    wire(&link).lock().unwrap().closed = true;
    // The first attempt still finds the old address, which does not answer any more.
    run(&mut link, &mut net, ms(100), ms(20_000)).unwrap();
    assert!(link.is_up());
    assert_eq!(net.opened.last().copied(), V6.parse().ok());
}

#[test]
fn attempts_become_rarer_and_never_end() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    net.hosts.insert(V4.parse().unwrap(), Host::Refusing);
    wire(&link).lock().unwrap().closed = true;
    net.opened.clear();
    run(&mut link, &mut net, ms(1000), ms(1000 + 13_000)).unwrap();
    // 0.2 s, 0.4, 0.8, 1.6, 3.2, 6.4.
    assert_eq!(net.opened.len(), 6);
    net.opened.clear();
    run(&mut link, &mut net, ms(14_000), ms(14_000 + 3_600_000)).unwrap();
    assert!((359..=361).contains(&net.opened.len()), "{}", net.opened.len());
    assert!(matches!(link.failure(), Some(ConnectError::Refused { .. })));
    // The link is up soon after the server is.
    net.hosts.insert(V4.parse().unwrap(), Host::Greeting);
    let back = ms(14_000 + 3_600_000);
    run(&mut link, &mut net, back, back + ms(10_000)).unwrap();
    assert!(link.is_up());
}

#[test]
fn a_connection_that_stood_makes_the_next_attempt_soon_again() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    for n in 1..=5 {
        let now = ms(n * 10_000);
        wire(&link).lock().unwrap().closed = true;
        link.step(now, &mut net).unwrap();
        assert_eq!(link.timeout(), Some(now + ms(200)));
        run(&mut link, &mut net, now + ms(200), now + ms(200)).unwrap();
        assert!(link.is_up());
    }
}

#[test]
fn a_short_connection_makes_the_next_attempt_soon_again_if_a_request_was_answered() {
    for (reply, expected) in [
        (Reply::Pong {}, [200, 200, 200]),
        (Reply::Error(ErrorReply::new(ErrorCode::Unavailable, "no")), [200, 400, 800]),
    ] {
        let mut net = world(&[(V4, Host::Greeting)]);
        let mut link = up(&mut net);
        let mut now = ms(0);
        for delay in expected {
            link.client.request(Request::Ping {}, ms(3_600_000)).unwrap();
            link.step(now, &mut net).unwrap();
            let answer = [ServerMessage::Reply { number: 2, reply: reply.clone() }];
            wire(&link).lock().unwrap().to_client.extend(frames(&answer));
            wire(&link).lock().unwrap().closed = true;
            link.step(now, &mut net).unwrap();
            assert_eq!(link.timeout(), Some(now + ms(delay)), "{reply:?}");
            now += ms(delay);
            run(&mut link, &mut net, now, now).unwrap();
            assert!(link.is_up());
        }
    }
}

#[test]
fn a_server_that_stops_is_left_a_moment() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    let shutting_down = frames(&[ServerMessage::Notice(Notice::ShuttingDown {})]);
    wire(&link).lock().unwrap().to_client.extend(shutting_down);
    link.step(ms(10), &mut net).unwrap();
    wire(&link).lock().unwrap().closed = true;
    link.step(ms(20), &mut net).unwrap();
    assert_eq!(link.timeout(), Some(ms(3020)));
}

#[test]
fn a_busy_server_is_left_as_long_as_it_says() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    net.hosts.insert(V4.parse().unwrap(), Host::Busy(30));
    wire(&link).lock().unwrap().closed = true;
    link.step(ms(100), &mut net).unwrap();
    run(&mut link, &mut net, ms(300), ms(300)).unwrap();
    // The link adds its own delay, since other clients were told the same wait.
    assert_eq!(link.timeout(), Some(ms(30_700)));
}

#[test]
fn a_server_that_fails_is_left_as_long_as_it_says() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    net.hosts.insert(V4.parse().unwrap(), Host::Failing(30));
    wire(&link).lock().unwrap().closed = true;
    link.step(ms(100), &mut net).unwrap();
    run(&mut link, &mut net, ms(300), ms(300)).unwrap();
    assert_eq!(link.timeout(), Some(ms(30_700)));
}

#[test]
fn a_request_that_the_server_always_refuses_costs_one_connection() {
    let mut net = world(&[(V4, Host::Refuses)]);
    let mut link = up(&mut net);
    while link.client.poll().is_some() {}
    let id = link.client.request(Request::Ping {}, ms(3_600_000)).unwrap();
    // The second step would be the event of the answer's arrival.
    link.step(ms(10), &mut net).unwrap();
    link.step(ms(10), &mut net).unwrap();
    let answer = link.client.poll();
    assert!(
        matches!(&answer, Some(Event::Answer { id: answered, outcome: Ok(Reply::Error(_)), .. })
            if *answered == id),
        "{answer:?}"
    );
    run(&mut link, &mut net, ms(10), ms(19_000)).unwrap();
    assert!(link.is_up());
    assert_eq!(net.opened.len(), 2);
}

#[test]
fn requests_wait_for_a_connection_until_their_deadline() {
    let mut net = world(&[(V4, Host::Greeting)]);
    let mut link = up(&mut net);
    while link.client.poll().is_some() {}
    net.hosts.insert(V4.parse().unwrap(), Host::Silent);
    wire(&link).lock().unwrap().closed = true;
    link.step(ms(100), &mut net).unwrap();
    let id = link.client.request(Request::Ping {}, ms(5_000)).unwrap();
    run(&mut link, &mut net, ms(100), ms(4_999)).unwrap();
    assert_eq!(link.client.poll(), None);
    run(&mut link, &mut net, ms(5_000), ms(5_000)).unwrap();
    assert!(
        matches!(link.client.poll(), Some(Event::Answer { id: answered, .. }) if answered == id)
    );
}
