//! Tests that a sync precedes every acknowledgement, and that a failed sync ends the server.

use std::{fs, io::Read, path::Path, process::Stdio};

use correio_proto::message::{Confirm, Reply, Request};
use correio_testing::{skip::can_trace, strace::traced};

use crate::daemon::{Client, Daemon, eventually, listening, login, mail, register};

const MAILS: u64 = 6;

#[test]
fn no_answer_goes_out_before_its_sync() {
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let strace = ["-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync,sendto"];
    let mut command = traced(&listening(&directory.path().join("data")), &trace, &strace);
    command.stderr(Stdio::null());
    let daemon = Daemon::spawn(command);
    let mut tony = daemon.client();
    assert_eq!(tony.ask(register("tony")), Reply::Registered {});
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    for number in 1..=MAILS {
        assert!(matches!(tony.ask(mail(number, "tony")), Reply::Sent { .. }));
    }
    let mails = vec![tony.fetch().mails[0].reference()];
    let confirmed = tony.ask(Request::Confirm(Confirm { mails }));
    assert_eq!(confirmed, Reply::Confirmed { deleted: 1 });
    drop(tony);
    assert_eq!(daemon.stop().code(), Some(0));
    let said = || fs::read_to_string(&trace).unwrap_or_default();
    eventually(|| said().contains("+++ exited with 0 +++"));

    // A login's reply acknowledges no change. The store may be writing the day of the login at that
    // moment.
    let (mut is_unsynced, mut changes, mut answered) = (false, 0, 0);
    for line in said().lines() {
        let is_of_the_log = line.contains("correio.db-wal>");
        if line.contains("write") && is_of_the_log {
            is_unsynced = true;
        } else if line.contains("sync") && line.ends_with(" = 0") && is_unsynced {
            is_unsynced = false;
            changes += 1;
        } else if line.contains("sendto(") && !line.contains("logged_in") {
            assert!(!is_unsynced, "an answer before its sync: {line}");
            answered += std::mem::take(&mut changes).min(1);
        }
    }
    // The tables before the greeting, registration, mails, confirmation: each has its own sync.
    assert_eq!(answered, MAILS + 3);
}

/// Sends until the server ends. Returns the number of acknowledged mails.
fn send_on(client: &mut Client) -> u64 {
    for number in 1..=MAILS {
        match client.ask_unless_gone(mail(number, "tony")) {
            Some(Reply::Sent { .. }) => {}
            // The server has ended without an answer; this mail was not acknowledged.
            None => return number - 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    MAILS
}

/// Runs a server whose threads' `when`th sync fails. Returns whether the server ended in order.
fn ends_in_order(directory: &Path, when: usize) -> bool {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}");
    let strace = ["-e", "trace=fsync,fdatasync", "-e", &inject];
    let mut command = traced(&listening(directory), Path::new("/dev/null"), &strace);
    command.stderr(Stdio::piped());
    let (mut is_registered, mut acknowledged) = (false, 0);
    let (ended, said) = match Daemon::try_spawn_aloud(command) {
        Err(ended) => ended,
        Ok(mut daemon) => {
            let mut stderr = daemon.child.stderr.take().unwrap();
            if let Some(mut tony) = Client::greet_unless_gone(daemon.address) {
                is_registered =
                    tony.ask_unless_gone(register("tony")) == Some(Reply::Registered {});
                if is_registered && tony.ask_unless_gone(login("tony")).is_some() {
                    acknowledged = send_on(&mut tony);
                }
            }
            let ended = daemon.stop();
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            if ended.code() != Some(0) {
                assert_eq!(ended.code(), Some(74), "{said}");
            }
            (ended, said)
        }
    };
    let last = said.lines().last().unwrap_or_default();
    let is_in_order = ended.code() == Some(0);
    assert!(is_in_order || last.starts_with("correiod: "), "{ended:?}: {said}");
    assert!(is_in_order || last.contains("I/O error"), "{ended:?}: {said}");

    let daemon = Daemon::start(directory, &[]);
    let mut tony = daemon.client();
    if !is_registered {
        assert_eq!(tony.ask(register("tony")), Reply::Registered {});
    }
    assert!(matches!(tony.ask(login("tony")), Reply::LoggedIn(_)));
    let found = tony.fetch().mails.len() as u64;
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    is_in_order
}

#[test]
fn a_sync_that_fails_ends_the_server_and_acknowledges_nothing() {
    if !can_trace() {
        return;
    }
    for when in 1.. {
        let directory = tempfile::tempdir().unwrap();
        if ends_in_order(directory.path(), when) {
            assert!(when > MAILS as usize, "only {when} syncs");
            return;
        }
    }
}
