//! The program killed at any call of the system while it receives, and with little memory.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

mod common;
#[path = "../../server/tests/skip/mod.rs"]
mod skip;

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use correio_client::{
    Address, Cancel, ConnectOptions, Mailbox, NewAccount, Service, Trust, new_mail_id,
};
use correio_proto::{credential::Password, limits, message::Send};
use tempfile::TempDir;

use self::common::{Running, Speaks};

const PASSWORD: &str = "jarvis-is-here";

/// A server with one person, who is logged in from elsewhere too.
struct House {
    running: Running,
    tony: Service,
    _data: TempDir,
}

impl House {
    fn new() -> Self {
        let data = TempDir::new().unwrap();
        let running = Running::speaking(Speaks::Plaintext, data.path(), 0);
        let address: Address = running.address.to_string().parse().unwrap();
        let options = ConnectOptions { trust: Trust::Plaintext, ..ConnectOptions::default() };
        let cancel = Cancel::new();
        let tony = Service::connect(&address, &options, &cancel).unwrap();
        let password = Arc::new(Password::new(PASSWORD).unwrap());
        let registration = NewAccount {
            id: new_mail_id(),
            username: "tony".parse().unwrap(),
            full_name: "Tony Stark".parse().unwrap(),
            password: Arc::clone(&password),
            invite: None,
        };
        tony.register(&registration, &cancel).unwrap();
        tony.login(&registration.username, &password, &cancel).unwrap();
        Self { running, tony, _data: data }
    }

    fn send(&self, subject: &str, body: &str) {
        let mail = Send {
            id: new_mail_id(),
            to: "tony".parse().unwrap(),
            subject: subject.parse().unwrap(),
            body: body.parse().unwrap(),
        };
        self.tony.send(&mail, &Cancel::new()).unwrap();
    }

    /// How many mails the server still has.
    fn take_the_rest(&self) -> usize {
        let elsewhere = TempDir::new().unwrap();
        let address = self.running.address.to_string().parse().unwrap();
        let mut mailbox = Mailbox::open(elsewhere.path(), &address, &"tony".parse().unwrap());
        self.tony.receive(&mut mailbox, &mut |_| {}, &Cancel::new()).unwrap().len()
    }
}

/// The program's arguments, which a shell or strace may be given too.
fn arguments(server: SocketAddr, data: &Path, command: &str) -> Vec<String> {
    let (server, data) = (server.to_string(), data.to_str().unwrap().to_owned());
    let fixed = ["--json", "--plaintext", "--lang", "en", "--user", "tony", "--server"];
    let rest = [server, "--data-dir".to_owned(), data, command.to_owned()];
    fixed.into_iter().map(str::to_owned).chain(rest).collect()
}

fn run(program: &str, before: &[&str], arguments: &[String]) -> Output {
    Command::new(program)
        .env_clear()
        .env("CORREIO_PASSWORD", PASSWORD)
        .args(before)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_correio");

/// The subjects of the mails that a command tells of.
fn told(server: SocketAddr, data: &Path, command: &str) -> Vec<String> {
    let Output { status, stdout, stderr } = run(PROGRAM, &[], &arguments(server, data, command));
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let answer: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    let mails = answer["mails"].as_array().unwrap();
    mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

fn killed(server: SocketAddr, data: &Path, calls: &str, when: usize) -> ExitStatus {
    let (trace, inject) = (format!("trace={calls}"), format!("{calls}:signal=KILL:when={when}"));
    let inject = format!("inject={inject}");
    let strace = ["-D", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject, PROGRAM];
    run("strace", &strace, &arguments(server, data, "receive")).status
}

/// Kills it at the first of these calls, the second and so on, until it comes to its end.
fn kill_at_each(calls: &str, least: usize) {
    if !skip::can_trace() {
        return;
    }
    let house = House::new();
    let server = house.running.address;
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let subjects = ["Um", "Dois"].map(|subject| format!("{subject} {when}"));
        subjects.iter().for_each(|subject| house.send(subject, "From cá.\n"));
        let ended = killed(server, data.path(), calls, when);
        told(server, data.path(), "receive");
        assert_eq!(told(server, data.path(), "list"), subjects, "killed at {when} of {calls}");
        assert_eq!(house.take_the_rest(), 0, "killed at {when} of {calls}");
        if ended.success() {
            assert!(when > least, "only {when} of {calls}");
            return;
        }
        assert_eq!(ended.signal(), Some(9), "{ended:?}");
    }
}

#[test]
fn at_any_sync_each_mail_is_kept_once() {
    kill_at_each("fsync,fdatasync", 4);
}

#[test]
fn at_any_change_of_a_name_each_mail_is_kept_once() {
    kill_at_each("rename,renameat,renameat2,link,linkat,unlink,unlinkat", 2);
}

#[test]
fn at_any_request_each_mail_is_kept_once() {
    kill_at_each("sendto,write", 4);
}

/// Forty mails of 1 MiB with half as much memory.
#[test]
fn a_large_mailbox_takes_little_memory() {
    const MAILS: usize = 40;
    const KIB: usize = 20 << 10;
    let house = House::new();
    let body = "x".repeat(limits::BODY_DEFAULT_MAX);
    for number in 0..MAILS {
        house.send(&format!("Assunto {number}"), &body);
    }
    let data = TempDir::new().unwrap();
    let limit = format!("ulimit -d {KIB}; exec \"$0\" \"$@\"");
    let mut receive = arguments(house.running.address, data.path(), "receive");
    // What is printed as JSON, bodies included, is held as a whole.
    receive.retain(|argument| argument != "--json");
    let Output { status, stdout, stderr } = run("sh", &["-c", &limit, PROGRAM], &receive);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let said = String::from_utf8(stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("] Tony Stark: Assunto ")).count(), MAILS);
    assert_eq!(house.take_the_rest(), 0);
}
