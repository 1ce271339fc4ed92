//! Tests of the log as other programs read it: fail2ban counts wrong passwords and nothing else,
//! and the journal of systemd gets a priority instead of a second time stamp.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use correio_proto::{
    credential::Credential,
    message::{Login, Reply, Request},
};
use correio_testing::skip::{skipped, works};

use serde_json::Value;

use crate::daemon::{Client, Daemon, code, command, eventually, hello, login, refused};

/// Wrong passwords that are tried.
const WRONG: usize = 8;

fn wrong(username: &str) -> Request {
    let credential = Credential::from([9; 23]);
    Request::Login(Login { username: username.parse().unwrap(), credential })
}

/// A server that takes its standard error for the journal's stream, and writes a log file, too.
fn start(data: &Path, journal: &Path, log: &Path) -> Daemon {
    let file = fs::OpenOptions::new().create(true).append(true).open(journal).unwrap();
    let metadata = file.metadata().unwrap();
    let mut command =
        command(data, &["--listen", "127.0.0.1:0", "--connections-per-address", "60"]);
    command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    command.arg("--log-file").arg(log).stderr(file);
    Daemon::spawn(command)
}

/// Runs a lesson: a class logs in, the server crashes, the class logs in again at once, a crowd
/// connects, and wrong passwords are tried. Returns the journal and the log file.
fn lesson(directory: &Path) -> (PathBuf, PathBuf) {
    let (journal, log) = (directory.join("journal"), directory.join("log"));
    let data = directory.join("data");
    let mut daemon = start(&data, &journal, &log);
    drop(daemon.session("tony"));
    let mut class: Vec<Client> = (0..40).map(|_| daemon.client()).collect();
    for client in &mut class {
        assert!(matches!(client.ask(login("tony")), Reply::LoggedIn(_)));
    }
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    let daemon = start(&data, &journal, &log);
    let mut class: Vec<Client> = (0..40).map(|_| daemon.client()).collect();
    for client in &mut class {
        client.begin(login("tony"));
    }
    for client in &mut class {
        assert!(client.reply().is_some());
    }
    drop(class);
    // More connections than one address may have, and one that speaks another protocol.
    let crowd: Vec<_> =
        (0..80).map(|_| std::net::TcpStream::connect(daemon.address).unwrap()).collect();
    std::io::Write::write_all(&mut &crowd[79], &[0xff; 16]).unwrap();
    drop(crowd);
    for number in 0..WRONG {
        let mut client = Client::connect(daemon.address);
        // Wait until the server has dropped the crowd.
        eventually(|| {
            client = Client::connect(daemon.address);
            matches!(client.ask_unless_gone(hello()), Some(Reply::Hello(_)))
        });
        let username = if number % 2 == 0 { "tony" } else { "nobody" };
        code(&client.ask(wrong(username)));
    }
    assert!(daemon.stop().success());
    (journal, log)
}

/// The file that every filter of fail2ban includes, in the folder of installed filters.
const COMMON: &str = "/etc/fail2ban/filter.d/common.conf";

/// Number of lines that the filter matches, installed as the guide says.
fn matched(lines: &Path) -> usize {
    let installed = tempfile::tempdir().unwrap();
    let filter = installed.path().join("correio.conf");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::copy(root.join("scripts/deploy/fail2ban/filter.d/correio.conf"), &filter).unwrap();
    fs::copy(COMMON, installed.path().join("common.conf")).unwrap();
    let said = Command::new("fail2ban-regex").arg(lines).arg(filter).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let line =
        text.lines().find(|line| line.starts_with("Lines:")).unwrap_or_else(|| panic!("{text}"));
    let count = line.split(", ").find_map(|part| part.strip_suffix(" matched"));
    count.unwrap_or_else(|| panic!("{line}")).trim().parse().unwrap()
}

#[test]
fn the_journal_gets_a_priority_and_no_time_and_a_file_gets_both() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, log) = (directory.path().join("journal"), directory.path().join("log"));
    let daemon = start(&directory.path().join("data"), &journal, &log);
    daemon.session("tony").ask(Request::Logout {});
    assert!(matches!(daemon.client().ask(wrong("tony")), Reply::Error(_)));
    assert!(daemon.stop().success());
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.lines().all(|line| line.starts_with('<') && !line.contains('Z')), "{text}");
    assert!(text.contains("\n<4>login.failed username=tony "), "{text}");
    assert!(text.contains("<6>server.started "), "{text}");
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("Z WARN  login.failed username=tony "), "{text}");
    // The variable names another stream than standard error, as in a program that a service has
    // started.
    let mut other = command(&directory.path().join("data"), &["--listen", "127.0.0.1:0"]);
    other.env("JOURNAL_STREAM", "1:1").args(["--store", "nothing"]);
    let (_, said) = refused(other);
    assert!(said.starts_with("correiod: "), "{said}");
}

#[test]
fn in_json_each_line_is_an_object_and_the_last_error_stays_text() {
    let directory = tempfile::tempdir().unwrap();
    let (data, stderr) = (directory.path().join("data"), directory.path().join("stderr"));
    let log = directory.path().join("log");
    let mut started = command(&data, &["--listen", "127.0.0.1:0", "--log-format", "json"]);
    started.arg("--log-file").arg(&log).stderr(fs::File::create(&stderr).unwrap());
    let daemon = Daemon::spawn(started);
    daemon.session("tony").ask(Request::Logout {});
    assert!(matches!(daemon.client().ask(wrong("tony")), Reply::Error(_)));
    // More connections at once than are logged one by one.
    drop((0..110).map(|_| daemon.client()).collect::<Vec<_>>());
    assert!(daemon.stop().success());
    for path in [&stderr, &log] {
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let named = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap();
        assert_eq!(named("login.failed")["username"], "tony");
        assert_eq!(named("login.failed")["level"], "warn");
        assert!(named("server.stopping")["connections"].is_u64());
        let repeated = named("log.repeated");
        assert_eq!(repeated["name"], "connection.opened");
        assert!(repeated["count"].as_u64().is_some_and(|count| count > 0), "{repeated}");
    }
    let mut refusing = command(&data, &["--listen", "192.0.2.1:1", "--log-format", "json"]);
    refusing.env_remove("JOURNAL_STREAM");
    let (_, said) = refused(refusing);
    assert!(said.lines().last().unwrap().starts_with("correiod: "), "{said}");
}

#[test]
fn the_filter_counts_wrong_passwords_alone_in_a_file_and_in_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, log) = lesson(directory.path());
    let text = fs::read_to_string(&log).unwrap();
    let wrong = text.lines().filter(|line| line.contains(" login.failed ")).count();
    assert!((1..=WRONG).contains(&wrong), "{wrong}");
    if !works("fail2ban-regex", &["--version"]) || !Path::new(COMMON).exists() {
        return skipped("this takes fail2ban");
    }
    assert_eq!(matched(&log), wrong);
    // As `journalctl` shows them, and as fail2ban reads them from the journal itself.
    let shown: String = fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .map(|line| format!("Nov 26 01:00:00 mail correiod[7]: {}\n", &line[3..]))
        .collect();
    fs::write(&journal, shown).unwrap();
    assert_eq!(matched(&journal), wrong);
    let hostile = directory.path().join("hostile");
    let lines = [
        r#"login.failed username="x address=192.0.2.9:1 reason=\"wrong password\"" reason=other"#,
        r#"protocol.error connection=0.1 address=192.0.2.9:1 text="login.failed username=x""#,
        r#"login.failed username=x connection=0.1 address=192.0.2.9:1 reason="changed during the login""#,
        r#"request.limited username=x connection=0.1 address=192.0.2.9:1 limit=logins wait=9"#,
        r#"connection.refused address=192.0.2.9:1 reason=too_many_from_address"#,
    ];
    let lines = lines.map(|line| format!("2026-11-26T01:00:00.000Z WARN  {line}\n"));
    fs::write(&hostile, lines.concat()).unwrap();
    assert_eq!(matched(&hostile), 0);
}
