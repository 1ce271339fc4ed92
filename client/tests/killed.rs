//! Kills the program at each system call while it receives, and runs it with little memory.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
};

use correio_proto::limits;
use correio_testing::{
    skip::can_trace,
    strace::{kill_at, traced},
};
use tempfile::TempDir;

use crate::support::plain::{PlainSetup, correio, done, subjects};

/// The subjects of the mails in the answer of a command that Tony runs.
fn told(server: SocketAddr, data: &Path, command: &str) -> Vec<String> {
    subjects(&done(correio(server, data, "tony", &[command])))
}

/// Kills the program at the first of these calls, the second and so on, until it comes to its end.
fn kill_at_each(calls: &str, least: usize) {
    if !can_trace() {
        return;
    }
    let setup = PlainSetup::new();
    let server = setup.address();
    for when in 1.. {
        let data = TempDir::new().unwrap();
        let subjects = ["Um", "Dois"].map(|subject| format!("{subject} {when}"));
        subjects.iter().for_each(|subject| setup.send(subject, "From cá.\n"));
        let receive = setup.command(data.path(), &["receive"]);
        let mut receive = traced(&receive, Path::new("/dev/null"), &kill_at(calls, when));
        let ended = receive.output().unwrap().status;
        told(server, data.path(), "receive");
        assert_eq!(told(server, data.path(), "list"), subjects, "killed at {when} of {calls}");
        assert_eq!(setup.take_the_rest(), 0, "killed at {when} of {calls}");
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

/// Receives forty mails of 1 MiB with half as much memory.
#[test]
fn a_large_mailbox_takes_little_memory() {
    const MAILS: usize = 40;
    const KIB: usize = 20 << 10;
    let setup = PlainSetup::new();
    let body = "x".repeat(limits::BODY_DEFAULT_MAX);
    for number in 0..MAILS {
        setup.send(&format!("Assunto {number}"), &body);
    }
    let data = TempDir::new().unwrap();
    let limit = format!("ulimit -d {KIB}; exec \"$0\" \"$@\"");
    let receive = setup.command(data.path(), &["receive"]);
    let mut limited = Command::new("sh");
    limited.env_clear().envs(receive.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.args(["-c", &limit]).arg(receive.get_program());
    // An answer in JSON is held in memory as a whole, bodies included.
    limited.args(receive.get_args().filter(|argument| *argument != "--json"));
    let Output { status, stdout, stderr } = limited.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let said = String::from_utf8(stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("] Tony Stark: Assunto ")).count(), MAILS);
    assert_eq!(setup.take_the_rest(), 0);
}
