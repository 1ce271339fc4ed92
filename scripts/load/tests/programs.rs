//! Tests of loads with mail programs: own clients, SMTP senders and POP3 readers on one server in
//! this process, to which a stand-in for the server's program leads them. A proxy that changes one
//! command shows that the ledger notices what a server does wrong.

#![allow(missing_docs, clippy::unwrap_used)] // It is all test.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
};

use correio_load::results::{Ending, Operation, Results};
use correio_testing::{
    proxy::{Proxy, ProxyMode},
    served::{Protection, RunningServer},
};
use tempfile::TempDir;

/// Users, SMTP senders and POP3 readers who act for two seconds.
const MIXED: &str = r#"
description = "mixed"
seconds = 2.0

[[clients]]
name = "clerk"
count = 3
think = [0.0, 0.02]
fan-out = [1, 2]
does = { send = 2, receive = 1 }

[[clients]]
name = "writer"
count = 2
to = "phone"
think = [0.0, 0.02]
body = [100, 5000]
fan-out = [1, 2]
does = { send = 2, receive = 1 }

[[clients]]
name = "script"
count = 2
behaviour = "smtp"
to = "clerk"
think = [0.0, 0.02]
body = [100, 1500000]
fan-out = [1, 3]
hidden = 0.5

[[clients]]
name = "cron"
count = 2
behaviour = "smtp"
to = "phone"
think = [0.0, 0.02]
body = [100, 9000]
fan-out = [1, 2]
hidden = 0.5

[[clients]]
name = "phone"
count = 2
behaviour = "pop3"
think = [0.0, 0.05]
"#;

/// Runs the scenario. `proxied` may put a proxy before the addresses for submission and POP3.
fn run(
    scenario: &str,
    arguments: &[&str],
    proxied: impl FnOnce((SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr),
) -> (i32, String, Option<Results>) {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("here.toml"), scenario).unwrap();
    let server = RunningServer::start_with(Protection::Plaintext, &path("data"), 0);
    let (submission, pop3) = proxied(server.programs);
    let program = path("stand-in");
    let text = format!(
        "#!/bin/sh\ntrap 'exit 0' TERM\necho 'listening on {own} (plaintext)'\n\
         echo 'listening on {submission} (submission)'\necho 'listening on {pop3} (pop3)'\n\
         mkfifo \"$0.fifo\"\nexec 3<>\"$0.fifo\"\nwhile :; do read line <&3; done\n",
        own = server.address
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-test"));
    command.arg("--scenarios").arg(directory.path()).args(["here", "--plaintext", "--json"]);
    command.arg(path("results.json")).arg("--program").arg(program).args(arguments);
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code().unwrap(), text, Results::load(&path("results.json")).ok())
}

fn status(ending: Ending) -> i32 {
    ending.status().into()
}

#[test]
fn the_ledger_closes_over_mails_of_all_protocols() {
    let (ended, text, results) = run(MIXED, &[], |programs| programs);
    assert_eq!(ended, status(Ending::Passed), "{text}");
    assert!(text.contains("11 of 11 users came in"), "{text}");
    let results = results.unwrap();
    for operation in [Operation::Send, Operation::Receive, Operation::Submit, Operation::Retrieve] {
        assert!(results.operations.get(&operation).is_some_and(|one| one.count > 0), "{text}");
        assert_eq!(results.errors(operation), 0, "{operation}: {text}");
    }
    let ledger = &results.run.ledger;
    assert!(ledger.acknowledged > 0 && ledger.received >= ledger.acknowledged, "{text}");
}

#[test]
fn what_goes_wrong_between_a_program_and_the_server_fails_the_run() {
    // One recipient each, so that the altered one is another account.
    let narrow = MIXED.replace("fan-out = [1, 2]", "fan-out = [1, 1]");
    let delivered_elsewhere = |(submission, pop3)| {
        let mode =
            ProxyMode::ReplacingOneLine("RCPT TO:<phone0@localhost>", "RCPT TO:<phone1@localhost>");
        (Proxy::start(submission, mode).unwrap().address, pop3)
    };
    let (ended, text, results) = run(&narrow, &[], delivered_elsewhere);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    let ledger = results.unwrap().run.ledger;
    assert_eq!((ledger.lost, ledger.misdelivered), (1, 1), "{text}");

    let not_deleted = |(submission, pop3)| {
        let mode = ProxyMode::ReplacingOneLine("DELE 1", "NOOP");
        (submission, Proxy::start(pop3, mode).unwrap().address)
    };
    let (ended, text, results) = run(&narrow, &[], not_deleted);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    let ledger = results.unwrap().run.ledger;
    assert_eq!((ledger.lost, ledger.doubled), (0, 1), "{text}");
}

#[test]
fn a_mail_of_an_own_client_that_is_lost_fails_a_run_with_programs() {
    let (ended, text, results) = run(MIXED, &["--lose-one"], |programs| programs);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(results.unwrap().run.ledger.lost > 0, "{text}");
}

#[test]
fn loads_with_programs_that_make_no_sense_are_refused() {
    let to_nobody = MIXED.replace("to = \"clerk\"\n", "");
    let to_senders = MIXED.replace("to = \"clerk\"\n", "to = \"cron\"\n");
    let large = MIXED.replace("to = \"phone\"\nthink", "to = \"phone\"\nlarge = 0.5\nthink");
    let other = ["--server", "127.0.0.1:1"];
    for (scenario, arguments, says) in [
        (to_nobody.as_str(), &[][..], "to is missing"),
        (&to_senders, &[], "no group that receives mail"),
        (&large, &[], "compare neither large contents"),
        (MIXED, &other, "leave out --server"),
        (MIXED, &["--backup-every", "1"], "a backup is not compared"),
    ] {
        let (ended, text, _) = run(scenario, arguments, |programs| programs);
        assert_eq!(ended, status(Ending::Usage), "{text}");
        assert!(text.contains(says), "{says}: {text}");
    }
}
