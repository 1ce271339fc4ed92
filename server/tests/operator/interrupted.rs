//! The operator's commands whose input is slow, whose output is not taken, that a signal ends, or
//! whose server gives no answer.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    thread,
};

use correio_testing::pty::PtyPair;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{done, run, said, text};
use crate::daemon::{Daemon, command, eventually};

fn stopped() -> TempDir {
    let directory = TempDir::new().unwrap();
    assert_eq!(Daemon::start(directory.path(), &[]).stop().code(), Some(0));
    directory
}

/// A command that has read more from its input than a pipe holds, and waits for the rest.
fn reading(directory: &Path, arguments: &[&str], line: &str) -> (Child, ChildStdin) {
    let mut child = command(directory, arguments);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(line.repeat(400_000 / line.len()).as_bytes()).unwrap();
    (child, input)
}

#[test]
fn a_command_that_waits_for_its_input_holds_nothing() {
    let directory = stopped();
    let announce = &["announce", "--subject", "Maintenance"][..];
    let import = &["account", "import", "-"][..];
    for (arguments, line) in [(announce, "Tonight.\n"), (import, ",\n")] {
        let (mut child, input) = reading(directory.path(), arguments, line);
        // Neither the lock, nor one of the server's places.
        assert!(done(directory.path(), &["account", "list"]).contains("USERNAME"));
        let daemon = Daemon::start(directory.path(), &[]);
        assert_eq!(daemon.stop().code(), Some(0));
        drop(input);
        assert_eq!(child.wait().unwrap().code(), Some(if line == ",\n" { 65 } else { 0 }));
    }
}

#[test]
fn a_signal_ends_a_command_that_waits_for_its_input() {
    let directory = stopped();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let announce = ["announce", "--subject", "Maintenance"];
        let (child, input) = reading(directory.path(), &announce, "Tonight.\n");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let (ended, _, error) = said(&child.wait_with_output().unwrap());
        assert_eq!(ended, Some(status), "{error}");
        assert!(error.contains("nothing was changed"), "{error}");
        drop(input);
    }
}

#[test]
fn a_person_who_is_asked_whether_to_delete_holds_nothing_and_may_decline() {
    let directory = stopped();
    done(directory.path(), &["account", "create", "tony", "Tony Stark"]);
    let asked = || {
        let pty = PtyPair::open(24, 100).unwrap();
        let child = pty.spawn(&mut command(directory.path(), &["account", "delete", "tony"]));
        let (mut terminal, mut shown) = (File::from(pty.main.try_clone().unwrap()), Vec::new());
        eventually(|| {
            let mut read = [0; 1024];
            let length = terminal.read(&mut read).unwrap_or_default();
            shown.extend_from_slice(&read[..length]);
            String::from_utf8_lossy(&shown).contains("[y/N]")
        });
        (child.unwrap(), terminal, pty)
    };
    let (mut child, _, _pty) = asked();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for (answer, status) in [("no\n", 69), ("\n", 69), ("yes\n", 0)] {
        let (mut child, mut terminal, _pty) = asked();
        assert!(done(directory.path(), &["account", "list"]).contains("tony"));
        let daemon = Daemon::start(directory.path(), &[]);
        assert_eq!(daemon.stop().code(), Some(0));
        terminal.write_all(answer.as_bytes()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{answer:?}");
    }
    assert!(!done(directory.path(), &["account", "list"]).contains("tony"));
}

/// Makes five thousand accounts, which an announcement reaches in five steps.
fn many_accounts(directory: &Path) {
    let people: String =
        (0..5000).map(|number| format!("person-{number:04},Tony Stark\n")).collect();
    let class = directory.join("class.csv");
    fs::write(&class, people).unwrap();
    done(directory, &["account", "import", text(&class)]);
}

/// The numbers of mails that mailboxes have, each once.
fn mails(directory: &Path) -> BTreeSet<u64> {
    let listed = done(directory, &["account", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let accounts = listed["accounts"].as_array().unwrap().iter();
    let people = accounts.filter(|account| account["username"] != "postmaster");
    people.map(|account| account["mails"].as_u64().unwrap()).collect()
}

#[test]
fn an_announcement_that_a_stopping_server_ends_is_logged_and_goes_on_with_its_id() {
    let directory = TempDir::new().unwrap();
    let (file, log) = (directory.path().join("text"), directory.path().join("log"));
    fs::write(&file, "Tonight at ten.\n").unwrap();
    let server = || Daemon::start(directory.path(), &["--log-file", text(&log)]);
    let logged = || fs::read_to_string(&log).unwrap();
    let announce = ["announce", "--subject", "Maintenance", text(&file)];
    let mut daemon = server();
    many_accounts(directory.path());
    for each in 1..10 {
        let steps = || logged().matches("action=announce_step").count();
        let before = steps();
        let mut command = command(directory.path(), &announce);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        eventually(|| steps() > before);
        assert_eq!(daemon.stop().code(), Some(0));
        daemon = server();
        let (status, _, error) = said(&child.wait_with_output().unwrap());
        if status == Some(0) {
            // The announcement was faster than the signal.
            continue;
        }
        assert_eq!(status, Some(75), "{error}");
        let (_, rest) = error.split_once("announce --id ").unwrap();
        let id = rest.split(' ').next().unwrap();
        assert!(logged().contains(&format!("action=announce_stopped name={id}")), "{}", logged());
        assert_eq!(mails(directory.path()), [each - 1, each].into());
        done(directory.path(), &[&announce[..], &["--id", id]].concat());
        assert_eq!(mails(directory.path()), [each].into(), "each mailbox once");
        assert_eq!(daemon.stop().code(), Some(0));
        return;
    }
    panic!("no signal came in time");
}

/// A program in the server's place, which takes one request and then does this.
fn listening(directory: &Path, then: impl FnOnce(&UnixStream) + Send + 'static) {
    let listener = UnixListener::bind(directory.join("admin.sock")).unwrap();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut request = String::new();
        BufReader::new(&socket).read_line(&mut request).unwrap();
        then(&socket);
        // Until the command has ended.
        let _ = BufReader::new(&socket).read_line(&mut request);
    });
}

#[test]
fn a_signal_ends_the_wait_for_the_server_and_says_what_may_hold() {
    for (arguments, says) in [
        (&["account", "list"][..], "nothing was changed"),
        (&["account", "disable", "tony"], "done or not"),
        (&["account", "reset", "tony"], "account reset"),
        (&["announce", "--subject", "Maintenance", "text"], "announce --id"),
    ] {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("text"), "Tonight at ten.\n").unwrap();
        let mut child = command(directory.path(), arguments);
        child.current_dir(directory.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (asked, is_asked) = std::sync::mpsc::channel();
        listening(directory.path(), move |_| asked.send(()).unwrap());
        let child = child.spawn().unwrap();
        is_asked.recv_timeout(crate::daemon::PATIENCE).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let (ended, output, error) = said(&child.wait_with_output().unwrap());
        assert_eq!((ended, &*output), (Some(130), ""), "{error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn an_import_without_an_answer_keeps_its_file_of_codes_and_says_so() {
    let directory = TempDir::new().unwrap();
    let class = directory.path().join("class.csv");
    fs::write(&class, "tony,Tony Stark\n").unwrap();
    let codes = directory.path().join("codes.csv");
    listening(directory.path(), |socket| socket.shutdown(std::net::Shutdown::Both).unwrap());
    let import = ["account", "import", text(&class), "--codes", text(&codes)];
    let (status, _, error) = run(directory.path(), &import);
    assert_eq!(status, Some(69), "{error}");
    assert!(codes.exists());
    for word in ["done or not", "account reset", text(&codes)] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn codes_that_cannot_be_printed_are_said_to_be_lost() {
    let directory = stopped();
    for (number, arguments, says) in [
        (1, &["account", "create", "tony", "Tony Stark"][..], "account reset"),
        (2, &["account", "reset", "tony"], "account reset"),
        (3, &["account", "reset", "tony", "--json"], "account reset"),
        (4, &["invite"], "invite revoke"),
    ] {
        let mut full = command(directory.path(), arguments);
        full.stdout(File::options().write(true).open("/dev/full").unwrap());
        let (status, _, error) = said(&full.output().unwrap());
        assert_eq!(status, Some(74), "{number}: {error}");
        assert!(error.contains(says), "{number}: {error}");
    }
    // The reader has gone.
    let closed = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(directory.path(), arguments);
        said(&command.stdout(writer).output().unwrap())
    };
    assert_eq!(closed(&["account", "reset", "tony"]).0, Some(74));
    assert_eq!(closed(&["account", "list"]).0, Some(0), "a list can be shown again");
    assert!(done(directory.path(), &["account", "list"]).contains("tony"), "it was made");
}
