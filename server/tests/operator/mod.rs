//! Tests of the operator's commands, as processes on directories of real servers.

mod admin;
mod admin_json;
mod app_passwords;
mod archive;
mod backup;
mod beside;
mod check;
mod export;
mod import;
mod interrupted;
mod killed;
mod migrate;
mod nightly;
mod restore;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use correio_proto::{
    mail::{Mail, Seq},
    message::{Fetch, Reply, Request},
};

use correio_testing::request::message;

use crate::daemon::{Client, Daemon, command, login, mail};

/// Runs a command on a data directory. Returns its exit status, output and standard error.
pub fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    said(&command(directory, arguments).output().unwrap())
}

pub fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs a command that must succeed. Returns its output.
pub fn done(directory: &Path, arguments: &[&str]) -> String {
    let (status, output, error) = run(directory, arguments);
    assert_eq!(status, Some(0), "{arguments:?}: {error}");
    output
}

/// Makes the directory of a server that was stopped: two accounts, ten mails to tony, two of them
/// with messages, and five of them to pepper, a certificate and a key of invites.
pub fn make(directory: &Path) {
    let daemon = Daemon::start(directory, &[]);
    fill(&daemon);
    assert_eq!(daemon.stop().code(), Some(0));
    make_keys(directory);
}

pub fn fill(daemon: &Daemon) {
    let mut tony = daemon.session("tony");
    daemon.session("pepper");
    for number in 0..10 {
        let to = if number < 5 { "tony,pepper" } else { "tony" };
        let request = match number {
            3 | 8 => message(number, to, b"From: pepper\r\n\r\n\0\xff"),
            _ => mail(number, to),
        };
        assert!(matches!(tony.ask(request), Reply::Sent { .. }));
    }
}

fn make_keys(directory: &Path) {
    for task in ["fingerprint", "invite"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
        command.env_clear().args(["--config", "/dev/null", task, "--data-dir"]).arg(directory);
        assert!(command.output().unwrap().status.success(), "{task}");
    }
}

/// The mails that a server has for an account that `register` made.
pub fn mails(daemon: &Daemon, username: &str) -> Vec<Mail> {
    let mut client = daemon.client();
    assert!(matches!(client.ask(login(username)), Reply::LoggedIn(_)));
    pages(&mut client)
}

fn pages(client: &mut Client) -> Vec<Mail> {
    let mut mails: Vec<Mail> = Vec::new();
    loop {
        let after = mails.last().map_or(Seq(0), |mail| mail.seq);
        let fetch = Fetch { after, ..Fetch::default() };
        match client.ask(Request::Fetch(fetch)) {
            Reply::Page(page) if page.mails.is_empty() => return mails,
            Reply::Page(page) => mails.extend(page.mails),
            other => panic!("{other:?}"),
        }
    }
}

/// All files below a directory, as paths from it, with their bytes; no socket of a killed server.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
