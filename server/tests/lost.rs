//! Tests of a data directory that lacks a part: the server does not replace the lost part by a new
//! one.

use std::{fs, path::Path, process::Command};

use correio_proto::message::{Register, Reply, Request};

use crate::daemon::{Daemon, command, refused, register};

const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn correiod(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_correiod"));
    command.env_clear().args(["--config", "/dev/null"]).args(arguments).arg("--data-dir");
    command.arg(directory);
    command
}

/// A command for a server on a directory, with a certificate of its own.
fn with_tls(directory: &Path) -> Command {
    correiod(&["--bcrypt-cost", "4", "--listen", "127.0.0.1:0"], directory)
}

/// Starts a server and stops it as soon as it listens.
fn run_once(mut command: Command) {
    use std::io::{BufRead, BufReader};
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(line.starts_with("listening on "), "{line}");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn no_store_is_made_where_a_volume_is_not_mounted() {
    let directory = tempfile::tempdir().unwrap();
    let volume = directory.path().join("volume");
    let arguments = ["--create-store", "never", ANY_PORT[0], ANY_PORT[1]];
    for is_there in [false, true] {
        if is_there {
            fs::create_dir(&volume).unwrap();
        }
        let (status, said) = refused(command(&volume, &arguments));
        assert_eq!(status, Some(78), "{said}");
        assert!(said.contains(volume.to_str().unwrap()) && said.contains("mounted"), "{said}");
        assert_eq!(volume.exists(), is_there);
    }
    assert_eq!(names(&volume), [""; 0]);
    // Once the store is there, the same setting lets the server start.
    Daemon::start(&volume, &[]).stop();
    Daemon::start(&volume, &arguments[..2]).stop();
}

#[test]
fn no_store_is_made_next_to_the_keys_of_an_earlier_server() {
    let directory = tempfile::tempdir().unwrap();
    run_once(with_tls(directory.path()));
    fs::remove_file(directory.path().join("correio.db")).unwrap();
    let (status, said) = refused(with_tls(directory.path()));
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("tls.pem") && said.contains("correio.db beside it is missing"), "{said}");
    assert_eq!(names(directory.path()), ["lock", "ticket.key", "tls.pem"]);
    let mut again = with_tls(directory.path());
    again.args(["--create-store", "always"]);
    run_once(again);
}

#[test]
fn no_certificate_is_made_where_clients_know_a_former_one() {
    let directory = tempfile::tempdir().unwrap();
    run_once(with_tls(directory.path()));
    let certificate = directory.path().join("tls.pem");
    // A store without an account has no client to whom a new certificate could matter.
    fs::remove_file(&certificate).unwrap();
    run_once(with_tls(directory.path()));
    let daemon = Daemon::start(directory.path(), &[]);
    daemon.session("tony");
    daemon.stop();

    fs::remove_file(&certificate).unwrap();
    let (status, said) = refused(with_tls(directory.path()));
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("tls.pem is missing") && said.contains("correiod fingerprint"), "{said}");
    assert!(!certificate.exists());
    // The command that the message names makes a new one and says so.
    let made = correiod(&["fingerprint"], directory.path()).output().unwrap();
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(made.status.success() && said.contains("was made now, in "), "{said}");
    run_once(with_tls(directory.path()));
}

#[test]
fn no_key_of_invites_is_made_where_invites_were_used() {
    let directory = tempfile::tempdir().unwrap();
    let by_invite = ["--registration", "invite", ANY_PORT[0], ANY_PORT[1]];
    let daemon = Daemon::start(directory.path(), &by_invite[..2]);
    let made = correiod(&["invite"], directory.path()).output().unwrap();
    let invite = String::from_utf8(made.stdout).unwrap().trim().parse().unwrap();
    let Request::Register(tony) = register("tony") else { panic!("a registration") };
    let tony = Register { invite: Some(invite), ..tony };
    assert_eq!(daemon.client().ask(Request::Register(tony)), Reply::Registered {});
    daemon.stop();

    fs::remove_file(directory.path().join("invite.key")).unwrap();
    let (status, said) = refused(command(directory.path(), &by_invite));
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("invite.key is missing"), "{said}");
    assert!(correiod(&["invite"], directory.path()).output().unwrap().status.success());
    Daemon::start(directory.path(), &by_invite[..2]).stop();
}

#[test]
fn commands_make_no_key_where_no_server_is() {
    let directory = tempfile::tempdir().unwrap();
    for place in [directory.path().to_owned(), directory.path().join("nowhere")] {
        for task in ["invite", "fingerprint"] {
            let (status, said) = refused(correiod(&[task], &place));
            assert_eq!(status, Some(78), "{task}: {said}");
            let place = place.to_str().unwrap();
            assert!(said.contains(place) && said.contains("--data-dir"), "{task}: {said}");
        }
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
