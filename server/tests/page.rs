//! Tests of the status page: its numbers, its files and their headers. `scripts/page/test` opens it
//! in a browser.

use std::{fs, net::SocketAddr, path::Path, process::Command, sync::Arc};

use boon::{Compiler, Schemas};
use correio_proto::message::{ErrorCode, Reply, Request};
use correio_server::{
    event::recent::RecentEvents,
    metrics::Monitoring,
    store::memory::{MemoryLimits, MemoryStore},
};
use correio_testing::{
    http::HttpPipe,
    port::free_address,
    request::mail,
    skip::{skipped, works},
    world::{QUOTA, REALM, World, session_config},
};
use log::Level;
use serde_json::Value;

use crate::{
    daemon::{Daemon, eventually},
    metrics::get,
};

/// Fails unless a status is one of the schema.
fn check(status: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("status-schema.json");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let schema = compiler.compile(path.to_str().unwrap(), &mut schemas).unwrap();
    if let Err(error) = schemas.validate(status, schema) {
        panic!("{error:#}\n{status:#}");
    }
}

fn status(client: &HttpPipe, world: &mut World) -> Value {
    let answer = client.get(world, "/status.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let status = serde_json::from_str(&answer.body).unwrap();
    check(&status);
    status
}

/// The value of a sample of a page of metrics; `None` if there is none.
fn sample(page: &str, name: &str) -> Option<f64> {
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.map(|value| value.parse().unwrap())
}

/// Every number of a status that is a sample of the metrics, too.
fn pairs(status: &Value) -> Vec<(String, Option<f64>)> {
    let mut pairs = Vec::new();
    let mut pair = |name: &str, value: &Value| {
        pairs.push((name.to_owned(), value.as_f64()));
    };
    for (name, pointer) in [
        ("correio_protocol_errors_total", "/protocol_errors"),
        ("correio_unavailable_total", "/unavailable"),
        ("correio_connections_max", "/connections/max"),
        ("correio_connections_opened_total", "/connections/opened"),
        ("correio_logins_total", "/accounts/logins"),
        ("correio_accounts", "/accounts/now"),
        ("correio_accounts_created_total", "/accounts/created"),
        ("correio_accounts_deleted_total", "/accounts/deleted"),
        ("correio_mails_waiting", "/mails/waiting"),
        ("correio_mails_accepted_total", "/mails/accepted"),
        ("correio_mails_repeated_total", "/mails/repeated"),
        ("correio_mails_delivered_total", "/mails/delivered"),
        ("correio_mails_deleted_total", "/mails/deleted"),
        ("correio_received_bytes_total", "/bytes/received"),
        ("correio_sent_bytes_total", "/bytes/sent"),
        ("correio_store_group_jobs_sum", "/store/group/sum"),
        ("correio_store_commit_seconds_sum", "/store/commit/sum"),
        ("correio_store_commit_seconds_count", "/store/commit/buckets/11"),
    ] {
        pair(name, status.pointer(pointer).unwrap_or(&Value::Null));
    }
    for state in ["anonymous", "logged_in", "rejected", "http"] {
        let name = format!("correio_connections{{state=\"{state}\"}}");
        pair(&name, &status["connections"][state]);
    }
    for (part, label) in [("queues", "queue_jobs"), ("budgets", "budget_bytes")] {
        for (word, level) in status[part].as_object().unwrap() {
            let max = label.replace("_bytes", "_max_bytes").replace("_jobs", "_jobs_max");
            let key = part.trim_end_matches('s');
            pair(&format!("correio_{label}{{{key}=\"{word}\"}}"), &level["now"]);
            pair(&format!("correio_{max}{{{key}=\"{word}\"}}"), &level["max"]);
        }
    }
    for (reason, count) in status["connections"]["refused"].as_object().unwrap() {
        pair(&format!("correio_connections_refused_total{{reason=\"{reason}\"}}"), count);
    }
    for (kind, request) in status["requests"].as_object().unwrap() {
        let bounds = status["bounds"].as_array().unwrap().iter().map(|b| format!("{b}"));
        let buckets = request["buckets"].as_array().unwrap();
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(buckets) {
            let labels = format!("{{request=\"{kind}\",le=\"{bound}\"}}");
            pair(&format!("correio_request_seconds_bucket{labels}"), count);
        }
        pair(&format!("correio_request_seconds_sum{{request=\"{kind}\"}}"), &request["sum"]);
        for (code, count) in request["errors"].as_object().unwrap() {
            let labels = format!("{{request=\"{kind}\",code=\"{code}\"}}");
            pair(&format!("correio_request_errors_total{labels}"), count);
        }
    }
    pairs
}

#[test]
fn the_status_has_the_numbers_of_the_metrics() {
    let mut world = World::new();
    let (mut tony, mut pepper) = world.tony_and_pepper();
    assert!(matches!(tony.ask(&mut world, mail(1, "pepper", "Hi")), Reply::Sent { .. }));
    assert_eq!(tony.ask_refused(&mut world, mail(2, "nobody", "Hi")), ErrorCode::UnknownRecipient);
    pepper.fetch(&mut world);
    let client = HttpPipe::connect(&mut world);
    let status = status(&client, &mut world);
    let metrics = client.get(&mut world, "/metrics").body;
    let pairs = pairs(&status);
    assert!(pairs.len() > 200, "{}", pairs.len());
    for (name, value) in &pairs {
        let shown = sample(&metrics, name);
        let is_same = match (shown, value) {
            (Some(shown), Some(value)) => (shown - value).abs() < 1e-9,
            // A value that the store does not know is on neither side.
            (shown, value) => shown == *value,
        };
        assert!(is_same, "{name} is {value:?} and {shown:?}: {metrics}");
    }
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(value("correio_mails_accepted_total"), Some(1.0));
    assert_eq!(value("correio_connections{state=\"logged_in\"}"), Some(2.0));
    let refused = "correio_request_errors_total{request=\"send\",code=\"unknown_recipient\"}";
    assert_eq!(value(refused), Some(1.0));
}

#[test]
fn the_addresses_that_knock_are_shown_with_their_refusals() {
    let mut world = World::new();
    let (mut tony, _pepper) = world.tony_and_pepper();
    tony.ask_refused(&mut world, mail(2, "nobody", "Hi"));
    let mut guesser = world.connect_and_greet();
    let bad = guesser.ask_refused(&mut world, correio_testing::request::login("tony", 2));
    assert_eq!(bad, ErrorCode::BadCredentials);
    let client = HttpPipe::connect(&mut world);
    let status = status(&client, &mut world);
    let visitors = status["visitors"].as_array().unwrap();
    let sum = |name: &str| visitors.iter().map(|one| one[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("connections"), status["connections"]["opened"].as_u64().unwrap());
    assert_eq!((sum("refusals"), sum("failed_logins")), (1, 1), "{visitors:?}");
}

#[test]
fn hostile_events_are_text_in_the_status() {
    let recent = Arc::new(RecentEvents::default());
    let monitoring = Monitoring { recent: recent.clone(), ..Monitoring::default() };
    let store = MemoryStore::new(REALM, QUOTA, MemoryLimits::default());
    let plain = World::with_store(session_config(), 10, Box::new(store));
    let mut world = World { server: plain.server.monitored(monitoring), ..plain };
    let text = "\"}]}</script><img src=x onerror=alert(1)>\u{202e}\u{2028}\0";
    for _ in 0..300 {
        let members = format!("\"event\":\"server.warning\",\"text\":{}", Value::from(text));
        recent.add("2026-01-01T00:00:00.000Z", Level::Warn, members);
    }
    let client = HttpPipe::connect(&mut world);
    let status = status(&client, &mut world);
    assert_eq!(status["events"]["total"], 300);
    let last = status["events"]["last"].as_array().unwrap();
    assert_eq!((last.len(), last[99]["text"].as_str()), (100, Some(text)));
}

#[test]
fn the_page_may_load_its_own_files_alone() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/?x", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/uplot.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = client.get(&mut world, path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("set-cookie"), None);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    }
    for path in ["/index.html", "/page/", "/page/../status.json", "/page/README.md"] {
        assert_eq!(client.get(&mut world, path).status, 404, "{path}");
    }
    let post = b"POST /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(client.ask(&mut world, post)[0].status, 405);
    let foreign = b"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n";
    assert_eq!(client.ask(&mut world, foreign)[0].status, 421);
}

#[test]
fn a_page_that_stays_open_keeps_its_place_and_costs_no_memory() {
    let mut world = World::new();
    let client = HttpPipe::connect(&mut world);
    for _ in 0..4_000 {
        world.pass(std::time::Duration::from_secs(2));
        client.write(&mut world, b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(client.pipe.take_at_client().len() < 16 << 10);
    }
    let held = world.server.held().find(|(id, _)| *id == client.id).unwrap().1;
    assert_eq!((held.input, held.output), (0, 0));
}

#[test]
fn a_server_shows_its_own_events_and_disk() {
    let directory = tempfile::tempdir().unwrap();
    let metrics: SocketAddr = free_address();
    let daemon = Daemon::start(directory.path(), &["--metrics", &metrics.to_string()]);
    let mut tony = daemon.session("tony");
    assert!(matches!(tony.ask(crate::daemon::mail(1, "tony")), Reply::Sent { .. }));
    let status =
        || -> Value { serde_json::from_str(&get(metrics, "/status.json", "*/*").body).unwrap() };
    eventually(|| status()["accounts"]["now"] == 1);
    let status = status();
    check(&status);
    assert!(status["disk"]["free"].as_u64().unwrap() > 0, "{status:#}");
    let events = status["events"]["last"].as_array().unwrap();
    let named = |name: &str| events.iter().find(|event| event["event"] == name);
    assert!(named("server.started").is_some(), "{events:?}");
    let accepted = named("mail.accepted").unwrap();
    assert_eq!((&accepted["from"], &accepted["to"][0]), (&"tony".into(), &"tony".into()));
    tony.ask(Request::Ping {});
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn the_page_keeps_fifteen_minutes_and_no_rate_goes_over_a_restart() {
    let is_new = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";
    if !works("node", &["-e", is_new]) {
        return skipped("this takes node 20, which runs the scripts of the status page");
    }
    let directory = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["server/page", "scripts/page"] {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "js") {
                fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
            }
        }
    }
    fs::write(directory.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let mut node = Command::new("node");
    node.current_dir(&directory).args(["--test", "history_test.js", "words_test.js"]);
    let said = node.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    assert!(String::from_utf8_lossy(&said.stdout).contains("no rate goes over a restart"));
}

#[test]
fn the_plots_library_is_the_one_that_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/uplot");
    let notes = fs::read_to_string(folder.join("README.md")).unwrap();
    for name in ["uPlot.iife.min.js", "uPlot.min.css"] {
        let sum = <sha2::Sha256 as sha2::Digest>::digest(fs::read(folder.join(name)).unwrap());
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(notes.contains(&format!("| `{name}` | `{sum}` |")), "{name}: {sum}");
    }
    assert!(fs::read_to_string(folder.join("LICENSE")).unwrap().contains("Leon Sorokin"));
}
