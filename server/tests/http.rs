//! Tests of the dialogue of HTTP, in memory: what it answers, and what it refuses.

use std::time::Duration;

use correio_proto::message::{ErrorCode, Realm, Reply, Request};
use correio_server::{
    engine::{HTTP_MAX, connection::Readiness},
    ids::Ticket,
    metrics::{Hosts, Monitoring},
    store::{
        Store, StoreDone, StoreFailed, StoreHealth, StoreJob, Submitted,
        memory::{MemoryLimits, MemoryStore},
    },
};
use correio_testing::{
    http::{HttpPipe, answers},
    request::{login, mail},
    world::{QUOTA, REALM, World, limits_of, session_config},
};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// The value of a sample of a page of metrics.
fn sample(page: &str, name: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{name} is shown: {page}")).parse().unwrap()
}

#[test]
fn health_and_metrics_are_shown() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    for (path, body) in [("/healthz", "ok\n"), ("/readyz?verbose", "ready\n")] {
        let answer = client.get(&mut world, path);
        assert_eq!((answer.status, &*answer.body), (200, body));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(answer.header("date").unwrap().ends_with(" GMT"));
    }
    let metrics = client.get(&mut world, "/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("# TYPE correio_http_requests_total counter\n"));
    let open = client.ask(
        &mut world,
        b"GET /metrics HTTP/1.1\r\nHost: [::1]:9\r\n\
          Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2\r\n\r\n",
    );
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open[0].header("content-type"), Some(media_type));
    assert!(open[0].body.contains("# TYPE correio_http_requests counter\n"));
    assert!(open[0].body.ends_with("\n# EOF\n"));
    assert_eq!(sample(&open[0].body, "correio_http_requests_total{code=\"200\"}"), 3.0);
    let metrics = client.get(&mut world, "/metrics").body;
    assert_eq!(sample(&metrics, "correio_http_requests_total{code=\"200\"}"), 4.0);
    assert_eq!(sample(&metrics, "correio_connections{state=\"http\"}"), 1.0);
}

#[test]
fn requests_and_their_effects_are_counted() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    assert!(matches!(tony.ask(&mut world, mail(1, "pepper", "Hi")), Reply::Sent { .. }));
    assert!(matches!(tony.ask(&mut world, mail(1, "pepper", "Hi")), Reply::Sent { .. }));
    let unknown = tony.ask_refused(&mut world, mail(2, "nobody", "Hi"));
    assert_eq!(unknown, ErrorCode::UnknownRecipient);
    let page = pepper.fetch(&mut world);
    let confirm = correio_proto::message::Confirm { mails: vec![page.mails[0].reference()] };
    pepper.ask(&mut world, Request::Confirm(confirm));
    let mut guesser = world.connect_and_greet();
    // The password's hash takes two seconds.
    world.hashing.borrow_mut().is_held = true;
    guesser.begin(&mut world, login("tony", 2));
    world.settle();
    world.pass(Duration::from_secs(2));
    world.hashing.borrow_mut().is_held = false;
    world.settle();

    let metrics = HttpPipe::connect(&mut world).get(&mut world, "/metrics").body;
    for (name, value) in [
        ("correio_accounts_created_total", 2.0),
        ("correio_logins_total", 2.0),
        ("correio_mails_accepted_total", 1.0),
        ("correio_mails_repeated_total", 1.0),
        ("correio_mails_delivered_total", 1.0),
        ("correio_mails_deleted_total", 1.0),
        ("correio_connections{state=\"logged_in\"}", 2.0),
        ("correio_connections{state=\"anonymous\"}", 1.0),
        ("correio_connections_max", 100.0),
        ("correio_connections_closed_total{reason=\"closed_by_client\"}", 2.0),
        ("correio_request_seconds_count{request=\"send\"}", 3.0),
        ("correio_request_errors_total{request=\"send\",code=\"unknown_recipient\"}", 1.0),
        ("correio_request_errors_total{request=\"login\",code=\"bad_credentials\"}", 1.0),
        ("correio_request_seconds_bucket{request=\"login\",le=\"1.0\"}", 2.0),
        ("correio_request_seconds_bucket{request=\"login\",le=\"3.0\"}", 3.0),
        ("correio_request_seconds_sum{request=\"login\"}", 2.0),
    ] {
        assert_eq!(sample(&metrics, name), value, "{name}");
    }
    assert!(sample(&metrics, "correio_received_bytes_total") > 500.0);
    assert!(sample(&metrics, "correio_sent_bytes_total") > 500.0);
}

#[test]
fn a_request_may_come_in_pieces_and_after_empty_lines() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    for byte in [b"\r\n\r\n", HEALTH].concat() {
        assert_eq!(client.pipe.unread(), 0);
        client.write(&mut world, &[byte]);
    }
    let answers = answers(&client.pipe.take_at_client());
    assert_eq!((answers.len(), answers[0].status), (1, 200));
}

#[test]
fn requests_at_once_are_answered_in_order() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    let lost = b"GET /lost HTTP/1.1\r\nHost: ::1\r\n\r\n";
    let metrics = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let many = [HEALTH, lost, metrics].concat().repeat(500);
    let statuses: Vec<u16> =
        client.ask(&mut world, &many).iter().map(|answer| answer.status).collect();
    // The host of the second has no brackets.
    assert_eq!(statuses, [200, 421, 200].repeat(500));
}

#[test]
fn an_unread_answer_stops_the_reading() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    client.pipe.set_window(1000);
    let metrics = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2000);
    client.write(&mut world, &metrics);
    let held = world.server.held().find(|(id, _)| *id == client.id).unwrap().1;
    assert!(held.output < 256 << 10, "{held:?}");
    assert!(client.pipe.unwritten() > 0);
    // It reads a little now and then: the answers come in pieces.
    let mut read = Vec::new();
    while client.pipe.unread() > 0 {
        read.extend(client.pipe.take_at_client());
        world.server.note(client.id, Readiness { writable: true, ..Readiness::default() });
        world.settle();
    }
    assert_eq!(answers(&read).len(), 2000);
    client.write(&mut world, &metrics);
    world.pass(session_config().login_timeout);
    assert!(world.server.held().all(|(id, _)| id != client.id), "who reads nothing is closed");
}

#[test]
fn who_is_slow_is_closed_and_who_asks_stays() {
    let mut world = World::new();
    let (slow, steady) = (HttpPipe::connect(&mut world), HttpPipe::connect(&mut world));
    let limit = session_config().login_timeout;
    for _ in 0..10 {
        slow.write(&mut world, b"G");
        world.pass(limit / 10 - Duration::from_millis(1));
    }
    assert_eq!(steady.ask(&mut world, HEALTH).len(), 1);
    world.pass(Duration::from_millis(10));
    assert_eq!(world.server.len(), 1, "only the one that asked is left");
    world.pass(limit - Duration::from_millis(20));
    assert_eq!(steady.ask(&mut world, HEALTH).len(), 1);
}

#[test]
fn what_never_ends_is_refused_or_closed_in_time() {
    let mut world = World::new();
    for (endless, status) in [(&b"GET /a"[..], 414), (b"GET / HTTP/1.1\r\n", 431)] {
        let client = HttpPipe::connect(&mut world);
        client.write(&mut world, endless);
        for _ in 0..100 {
            client.write(&mut world, &[b'a'; 4096]);
            let held = world.server.held().find(|(id, _)| *id == client.id);
            assert!(held.is_none_or(|(_, held)| held.input <= 8 << 10), "{held:?}");
        }
        let answers = answers(&client.pipe.take_at_client());
        assert_eq!((answers.len(), answers[0].status), (1, status));
        assert_eq!(answers[0].header("connection"), Some("close"));
        assert!(client.pipe.is_closed_by_server());
    }
    let client = HttpPipe::connect(&mut world);
    for _ in 0..100 {
        client.write(&mut world, &b"\r\n".repeat(4096));
    }
    let held = world.server.held().find(|(id, _)| *id == client.id).unwrap().1;
    assert_eq!(held.input, 0, "empty lines are not kept");
    world.pass(session_config().login_timeout);
    assert!(world.server.held().all(|(id, _)| id != client.id));
}

#[test]
fn what_cannot_be_served_is_refused() {
    let mut world = World::new();
    let with =
        |start: &str, lines: &str| format!("{start} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    for (request, status, is_closed) in [
        (with("GET /index.html", ""), 404, false),
        (with("POST /nowhere", ""), 404, false),
        (with("DELETE /metrics", ""), 405, false),
        (with("POST /metrics", "Content-Length: 0\r\n"), 405, false),
        (with("POST /metrics", "Content-Length: 5\r\n"), 413, true),
        (with("GET /metrics", "Transfer-Encoding: chunked\r\n"), 413, true),
        (with("GET /metrics", &"a: b\r\n".repeat(64)), 431, true),
        ("GET /metrics HTTP/1.1\r\n\r\n".to_owned(), 400, true),
        ("GET /metrics HTTP/3.0\r\n\r\n".to_owned(), 505, true),
        ("\u{16}\u{3}\u{1}\u{0}".to_owned(), 400, true),
        ("ping\r\n\r\n".to_owned(), 400, true),
    ] {
        let client = HttpPipe::connect(&mut world);
        let answers = client.ask(&mut world, [request.as_bytes(), HEALTH].concat().as_slice());
        assert_eq!(answers[0].status, status, "{request:?}");
        assert_eq!(answers.len(), if is_closed { 1 } else { 2 }, "{request:?}");
        assert_eq!(client.pipe.is_closed_by_server(), is_closed, "{request:?}");
        let allowed = (status == 405).then_some("GET, HEAD");
        assert_eq!(answers[0].header("allow"), allowed);
    }
}

#[test]
fn head_has_the_header_of_get_alone() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    client.write(&mut world, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = String::from_utf8(client.pipe.take_at_client()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("Content-Length: 3\r\n"), "{head}");
    client.write(&mut world, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let get = String::from_utf8(client.pipe.take_at_client()).unwrap();
    assert_eq!(get, head + "ok\n");
}

#[test]
fn the_client_says_when_the_connection_ends() {
    let mut world = World::new();
    for request in [
        &b"GET /healthz HTTP/1.0\r\n\r\n"[..],
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: TE, Close\r\n\r\n",
    ] {
        let client = HttpPipe::connect(&mut world);
        let answers = client.ask(&mut world, request);
        assert_eq!(answers[0].header("connection"), Some("close"));
        assert!(client.pipe.is_closed_by_server());
    }
}

/// A page in a browser that makes its own name point at this machine.
#[test]
fn a_name_that_the_operator_does_not_know_is_refused() {
    let mut world = World::new();
    let hosts = Hosts(vec!["mail.example.net".parse().unwrap()]);
    let monitoring = Monitoring { hosts, ..Monitoring::default() };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let plain = World::with_store(session_config(), 10, Box::new(store));
    world.server = plain.server.monitored(monitoring);
    world.hashing = plain.hashing;
    let client = HttpPipe::connect(&mut world);
    for (host, status) in
        [("mail.example.net:9088", 200), ("127.0.0.1", 200), ("attacker.example:9088", 421)]
    {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answers = client.ask(&mut world, request.as_bytes());
        assert_eq!(answers[0].status, status, "{host}");
        assert_eq!(answers[0].body.contains("correio_"), status == 200);
    }
    // A URL in the request line counts more.
    let url = b"GET http://attacker.example/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let answers = client.ask(&mut world, url);
    assert_eq!(answers[0].status, 421);
    assert!(answers[0].body.contains("setting metrics-host"), "{}", answers[0].body);
}

#[test]
fn collectors_and_mail_clients_do_not_take_each_others_places() {
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let mut world = World::limited(limits_of(2), session_config(), Box::new(store));
    let collectors: Vec<HttpPipe> = (0..HTTP_MAX).map(|_| HttpPipe::connect(&mut world)).collect();
    assert!(HttpPipe::try_connect(&mut world).is_none());
    let (mut first, mut second) = (world.connect_and_greet(), world.connect_and_greet());
    assert_eq!(first.ask(&mut world, Request::Ping {}), Reply::Pong {});
    assert_eq!(second.ask(&mut world, Request::Ping {}), Reply::Pong {});
    // A place that is left is free again.
    collectors[0].pipe.close_at_client();
    collectors[0].write(&mut world, b"");
    let late = HttpPipe::connect(&mut world);
    let metrics = late.get(&mut world, "/metrics").body;
    let refused = "correio_connections_refused_total{reason=\"too_many_http\"}";
    assert_eq!(sample(&metrics, refused), 1.0);
    assert_eq!(sample(&metrics, "correio_connections{state=\"http\"}"), HTTP_MAX as f64);
    assert_eq!(sample(&metrics, "correio_connections{state=\"anonymous\"}"), 2.0);
}

#[test]
fn a_server_that_stops_closes_connections_of_http() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    assert_eq!(client.get(&mut world, "/readyz").status, 200);
    world.server.begin_shutdown(world.now);
    world.settle();
    assert!(client.pipe.is_closed_by_server());
    client.pipe.close_at_client();
    client.write(&mut world, b"");
    assert!(world.server.is_empty());
}

/// A store that says why it takes no mail.
struct Unready(MemoryStore);

impl Store for Unready {
    fn realm(&self) -> Realm {
        self.0.realm()
    }

    fn submit(&mut self, ticket: Ticket, job: StoreJob) -> Submitted {
        self.0.submit(ticket, job)
    }

    fn collect(&mut self, done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        self.0.collect(done)
    }

    fn health(&self) -> StoreHealth<'_> {
        StoreHealth { ready: Err("the disk is almost full"), ..self.0.health() }
    }

    fn close(self: Box<Self>, _done: &mut Vec<(Ticket, StoreDone)>) -> Result<(), StoreFailed> {
        Ok(())
    }
}

#[test]
fn a_store_that_takes_no_mail_is_not_ready_and_says_why() {
    let store = Unready(MemoryStore::new(REALM, QUOTA, MemoryLimits::default()));
    let mut world = World::with_store(session_config(), 10, Box::new(store));
    let client = HttpPipe::connect(&mut world);
    let answer = client.get(&mut world, "/readyz");
    assert_eq!((answer.status, &*answer.body), (503, "the disk is almost full\n"));
    assert_eq!(client.get(&mut world, "/healthz").status, 200);
    let metrics = client.get(&mut world, "/metrics").body;
    assert_eq!(sample(&metrics, "correio_store_ready"), 0.0);
}
