//! Tests of the metrics of a server process, with the tools that read them.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use correio_proto::{
    mail::{Mail, MailRef},
    message::{Confirm, Reply, Request},
};
use correio_server::metrics::families;
use correio_testing::{
    http::{HttpAnswer, answers},
    port::free_address,
    request::mail_with_body,
    skip::{skipped, works},
};

use crate::daemon::{Daemon, eventually, mail, refused};

/// A server that shows its metrics.
fn monitored(directory: &Path) -> (Daemon, SocketAddr) {
    let metrics = free_address();
    (Daemon::start(directory, &["--metrics", &metrics.to_string()]), metrics)
}

/// Asks for a path, over a connection of its own.
pub(crate) fn get(metrics: SocketAddr, path: &str, accept: &str) -> HttpAnswer {
    let mut socket = TcpStream::connect(metrics).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {metrics}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    socket.read_to_end(&mut said).unwrap();
    answers(&said).remove(0)
}

/// The names of the samples of a page; of a histogram, without the suffixes of its parts.
pub(crate) fn names(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let names = lines.map(|line| line.split(['{', ' ']).next().unwrap());
    let whole = |name: &str| {
        let parts = ["_bucket", "_count", "_sum"];
        let part = parts.iter().find_map(|part| name.strip_suffix(part));
        part.filter(|part| part.ends_with("_seconds") || part.ends_with("_jobs"))
            .unwrap_or(name)
            .to_owned()
    };
    names.map(whole).collect()
}

/// Asserts that a page has neither samples nor a heading of these metrics.
pub(crate) fn assert_absent(page: &str, names: &[&str]) {
    for name in names {
        let mut words = page.split(['\n', '{', ' ']);
        assert!(words.all(|word| word != *name), "{name}: {page}");
    }
}

/// The metrics of the store `sqlite`.
pub(crate) const OF_SQLITE: [&str; 4] = [
    "correio_accounts",
    "correio_mails_waiting",
    "correio_store_file_bytes",
    "correio_store_given_back_bytes_total",
];

/// The metrics of the store `postgres`.
const OF_POSTGRES: [&str; 3] =
    ["correio_database_reachable", "correio_nodes", "correio_failed_logins_untold_total"];

#[test]
fn a_server_on_sqlite_shows_every_metric_but_those_of_postgresql() {
    let directory = tempfile::tempdir().unwrap();
    let (daemon, metrics) = monitored(directory.path());
    let mut tony = daemon.session("tony");
    for number in 0..3 {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    tony.ask(mail(9, "nobody"));
    let mut listed: BTreeSet<String> = families::names().into_iter().collect();
    listed.retain(|name| !OF_POSTGRES.contains(&name.as_str()));
    let page = || get(metrics, "/metrics", "text/plain").body;
    // The accounts are counted after they were first asked for.
    eventually(|| page().contains("\ncorreio_accounts 1\n"));
    let page = page();
    assert_eq!(names(&page), listed);
    assert_absent(&page, &OF_POSTGRES);
    for line in [
        "correio_mails_accepted_total 3",
        "correio_store_given_back_bytes_total 0",
        "correio_store_ready 1",
        "correio_budget_bytes{budget=\"uploads\"} 0",
        "correio_budget_max_bytes{budget=\"uploads\"} 1073741824",
        "correio_log_lines_dropped_total 0",
        "correio_queue_jobs_max{queue=\"store\"} 16384",
        "correio_request_seconds_count{request=\"send\"} 4",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}: {page}");
    }
    let commits =
        page.lines().find_map(|line| line.strip_prefix("correio_store_commit_seconds_count "));
    assert!(commits.unwrap().parse::<u64>().unwrap() >= 4);
    assert_eq!(get(metrics, "/readyz", "*/*").body, "ready\n");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn room_that_is_given_back_is_counted() {
    const MAILS: u64 = 100;
    let directory = tempfile::tempdir().unwrap();
    let (daemon, metrics) = monitored(directory.path());
    let mut tony = daemon.session("tony");
    for number in 0..MAILS {
        let sent = tony.ask(mail_with_body(number, "tony", &"x".repeat(500_000)));
        assert!(matches!(sent, Reply::Sent { .. }), "{sent:?}");
    }
    let given_back = || {
        let page = get(metrics, "/metrics", "text/plain").body;
        let count = page
            .lines()
            .find_map(|line| line.strip_prefix("correio_store_given_back_bytes_total "));
        count.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(given_back(), 0);
    let mut left = MAILS;
    while left > 0 {
        let mails: Vec<MailRef> = tony.fetch().mails.iter().map(Mail::reference).collect();
        left -= mails.len() as u64;
        assert!(matches!(tony.ask(Request::Confirm(Confirm { mails })), Reply::Confirmed { .. }));
    }
    // The file may grow once more before it is cut.
    let mut longest = 0;
    eventually(|| {
        let length = fs::metadata(directory.path().join("correio.db")).unwrap().len();
        longest = longest.max(length);
        let cut = longest - length;
        cut > 16 << 20 && given_back().abs_diff(cut) < 1 << 20
    });
    drop(tony);
    assert_eq!(daemon.stop().code(), Some(0));
}

/// Runs promtool with a text on its standard input.
fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    if !works("promtool", &["--version"]) {
        return skipped("this takes promtool (the package prometheus)");
    }
    let directory = tempfile::tempdir().unwrap();
    let (daemon, metrics) = monitored(directory.path());
    let mut tony = daemon.session("tony");
    tony.ask(mail(9, "nobody"));
    let page = get(metrics, "/metrics", "text/plain").body;
    let Output { status, stdout, stderr } = promtool(&["check", "metrics"], &page);
    let said = [stdout, stderr].concat();
    assert!(status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn metrics_beyond_this_machine_are_warned_of_and_bad_addresses_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::daemon::listening(directory.path());
    command.args(["--metrics", "mail.example.net:9088"]);
    let (status, said) = refused(command);
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("--metrics"), "{said}");
    let mut command = crate::daemon::listening(directory.path());
    command.args(["--metrics", "127.0.0.1:0", "--metrics-host", "a:1"]);
    assert_eq!(refused(command).0, Some(78));
    let load = |address: &str| {
        let arguments = ["correiod", "--listen", "127.0.0.1:0", "--metrics", address];
        let arguments = arguments.map(std::ffi::OsString::from);
        let environment = correio_server::ops::config::Environment::default();
        correio_server::ops::config::Config::load(arguments, &environment).unwrap().warnings()
    };
    assert_eq!(load("127.0.0.1:9088"), Vec::<String>::new());
    assert!(load("0.0.0.0:9088")[0].contains("metrics are shown beyond this machine"));
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/deploy/prometheus")
}

/// The names of metrics in a text.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("correio_") || word.starts_with("process_");
    let whole = |word: &str| {
        let part = ["_bucket", "_count", "_sum"].iter().find_map(|part| word.strip_suffix(part));
        part.unwrap_or(word).to_owned()
    };
    words.filter(is_metric).map(whole).collect()
}

#[test]
fn the_alerts_and_the_dashboard_name_metrics_that_exist() {
    let known: BTreeSet<String> = families::names().into_iter().collect();
    for file in ["correio.rules.yml", "dashboard.json"] {
        let text = fs::read_to_string(deploy().join(file)).unwrap();
        let mentioned = mentioned(&text);
        assert!(mentioned.len() > 5, "{file} names metrics: {mentioned:?}");
        let unknown: Vec<_> = mentioned.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
    let text = fs::read_to_string(deploy().join("dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 5);
}

#[test]
fn promtool_accepts_the_alerts() {
    if !works("promtool", &["--version"]) {
        return skipped("this takes promtool (the package prometheus)");
    }
    let rules = deploy().join("correio.rules.yml");
    let checked = Command::new("promtool").args(["check", "rules"]).arg(rules).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_operating_guide_lists_every_metric() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("OPERATING.md");
    let table = families::markdown();
    let is_listed = fs::read_to_string(guide).unwrap().contains(&table);
    assert!(is_listed, "put this into server/OPERATING.md:\n{table}");
}
