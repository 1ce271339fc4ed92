//! Tests of the program `load-test`: against a server in this process, against stand-ins for a
//! server, and with wrong command lines. Every run has a few users and lasts a second or two.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use correio_load::results::{Ending, Operation, Results};
use correio_testing::{
    port::free_address,
    process::ends_within,
    proxy::{Proxy, ProxyMode},
    served::{Protection, RunningServer},
    wait::eventually,
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// Longest time of anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest time of a report after a signal.
const SECONDS: Duration = Duration::from_secs(15);

/// Five users who send and receive for a second.
const FIVE: &str = "description = \"five\"\nseconds = 1.0\n[[clients]]\nname = \"users\"\n\
                    count = 5\nthink = [0.0, 0.02]\ndoes = { send = 2, receive = 1 }\n";

/// A directory with a scenario, and a server in this process.
struct Setup {
    // Stopped before its directory is removed.
    server: RunningServer,
    directory: TempDir,
}

impl Setup {
    fn new(scenario: &str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("here.toml"), scenario).unwrap();
        let server =
            RunningServer::start_with(Protection::Plaintext, &directory.path().join("data"), 0);
        Self { server, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A run of the scenario against the server.
    fn command(&self) -> Command {
        let mut command = load_test(&self.directory);
        command.arg("here").args(["--plaintext", "--server", &self.server.address.to_string()]);
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        run(self.command().args(arguments))
    }

    /// A stand-in for a server's program: it reports the server's address and its process id, then
    /// runs the script.
    fn stand_in(&self, script: &str) -> Command {
        let address = self.server.address;
        let text = format!(
            "#!/bin/sh\necho $$ > '{}'\n{}\n",
            self.path("pid").display(),
            script.replace("LISTENING", &format!("echo 'listening on {address} (plaintext)'"))
        );
        let program = self.path("stand-in");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = load_test(&self.directory);
        command.args(["here", "--plaintext", "--program"]).arg(program);
        command
    }

    fn stand_in_pid(&self) -> Pid {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(self.path("pid")).unwrap_or_default();
            if let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) {
                return pid;
            }
            assert!(Instant::now() < deadline, "the stand-in does not start");
            thread::yield_now();
        }
    }
}

/// A stand-in that ends on request, without a child that could outlive it.
const OBEDIENT: &str = "trap 'exit 0' TERM\nLISTENING\nmkfifo \"$0.fifo\"\nexec 3<>\"$0.fifo\"\n\
                        while :; do read line <&3; done";

/// A stand-in that ignores the usual signals.
const STUBBORN: &str = "trap '' TERM INT HUP\nLISTENING\nmkfifo \"$0.fifo\"\nexec 3<>\"$0.fifo\"\n\
                        while :; do read line <&3; done";

fn load_test(directory: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-test"));
    command.arg("--scenarios").arg(directory.path()).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code().unwrap(), text)
}

fn status(ending: Ending) -> i32 {
    ending.status().into()
}

/// A run in a process group of its own, which can be sent signals.
struct Under {
    child: Child,
    lines: BufReader<Box<dyn Read>>,
}

impl Under {
    /// Starts the run and waits until the load begins.
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output: Box<dyn Read> = Box::new(child.stdout.take().unwrap());
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.ends_with(" load\n"), "{line:?}");
        Self { child, lines }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its exit status and the rest of its output.
    fn end(mut self, within: Duration) -> (i32, String) {
        let status = ended(&mut self.child, within);
        let mut text = String::new();
        self.lines.read_to_string(&mut text).unwrap();
        (status, text)
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(child: &mut Child, within: Duration) -> i32 {
    assert!(ends_within(Pid::from_child(child), within), "it goes on after {within:?}");
    child.wait().unwrap().code().unwrap_or(-1)
}

/// Waits until the process is gone. A zombie is gone except for its process id.
fn gone(pid: Pid) {
    assert!(ends_within(pid, PATIENCE), "process {pid:?} is still there");
}

#[test]
fn a_run_as_it_should_be_passes() {
    let setup = Setup::new(FIVE);
    let json = setup.path("results.json");
    let (ended, text) =
        setup.run(&["--json", json.to_str().unwrap(), "--fail-if", "send.p99 > 59s"]);
    assert_eq!(ended, status(Ending::Passed), "{text}");
    assert!(text.contains("ledger closed") && text.contains("5 of 5 users came in"), "{text}");
    assert!(!text.contains("failed:"), "{text}");
    let results = Results::load(&json).unwrap();
    assert_eq!(results.flaws(&[]), []);
    assert!(results.run.ledger.acknowledged > 0);
}

#[test]
fn large_contents_arrive_also_where_the_links_of_uploads_are_cut() {
    let large = "large = 0.2\ncontent = [300000, 900000]\nfan-out = [1, 2]\ndoes =";
    let setup = Setup::new(&FIVE.replace("does =", large));
    for (arguments, fewest) in [(vec![], 5), (vec!["--cut-uploads"], 6)] {
        let json = setup.path("results.json");
        let (ended, text) = setup.run(&[&["--json", json.to_str().unwrap()], &*arguments].concat());
        assert_eq!(ended, status(Ending::Passed), "{text}");
        let results = Results::load(&json).unwrap();
        let ledger = &results.run.ledger;
        assert!(ledger.received >= ledger.acknowledged && ledger.changed == 0, "{text}");
        for operation in [Operation::Upload, Operation::Read] {
            assert!(count(&results, operation) >= 2, "{operation}: {text}");
        }
        // Each has one connection, and one more for each cut.
        assert!(count(&results, Operation::Connect) >= fewest, "{text}");
    }
}

/// Two ways to one store, of which one ends each connection early.
#[test]
fn clients_of_several_servers_go_on_at_the_next() {
    let setup = Setup::new(FIVE);
    let failing = Proxy::start(setup.server.address, ProxyMode::Cutting(20_000)).unwrap();
    let other = failing.address.to_string();
    let json = setup.path("results.json");
    let (ended, text) = setup.run(&["--server", &other, "--json", json.to_str().unwrap()]);
    assert_eq!(ended, status(Ending::Passed), "{text}");
    assert!(failing.cuts() > 0, "nobody was at the failing server");
    let results = Results::load(&json).unwrap();
    // At most every second attempt leads there.
    assert!(count(&results, Operation::Connect) > failing.cuts(), "{text}");
    assert_eq!(results.run.server, format!("{}, {other}", setup.server.address));
}

#[test]
fn a_server_that_is_not_there_is_no_run() {
    let setup = Setup::new(FIVE);
    let nobody = free_address().to_string();
    let (ended, text) = run(load_test(&setup.directory).args([
        "here",
        "--plaintext",
        "--server",
        &nobody,
        "--fail-if",
        "send.p99 > 1us",
    ]));
    assert_eq!(ended, status(Ending::NoServer), "{text}");
    assert!(text.contains(&nobody) && text.contains("refused"), "{text}");
    assert!(!text.contains("ledger"), "{text}");
}

#[test]
fn a_program_that_is_no_server_is_no_run() {
    let setup = Setup::new(FIVE);
    let (ended, text) = run(&mut setup.stand_in("echo no good >&2; exit 3"));
    assert_eq!(ended, status(Ending::NoServer), "{text}");
    assert!(text.contains("did not start: no good"), "{text}");
    let (ended, text) = run(&mut setup.stand_in("echo hello; read line"));
    assert_eq!(ended, status(Ending::NoServer), "{text}");
    assert!(text.contains("it says \"hello\""), "{text}");
    let mut command = load_test(&setup.directory);
    let (ended, text) = run(command.args(["here", "--program", "/nonexistent/correiod"]));
    assert_eq!(ended, status(Ending::NoServer), "{text}");
    assert!(text.contains("no program /nonexistent/correiod"), "{text}");
}

/// An address where no database is.
const DATABASE: &str = "postgres://tony@localhost:1/mail";

#[test]
fn the_server_gets_the_database_or_the_proxy_before_it() {
    for (arguments, is_direct) in [(&[][..], true), (&["--cut-database"], false)] {
        let setup = Setup::new(FIVE);
        let told = setup.path("told");
        let script = format!("echo \"$@\" > '{}'\n{OBEDIENT}", told.display());
        let mut command = setup.stand_in(&script);
        let (ended, text) = run(command.args(["--database", DATABASE]).args(arguments));
        assert_eq!(ended, status(Ending::Passed), "{text}");
        assert_eq!(text.contains("connections to the database were cut"), !is_direct, "{text}");
        let told = fs::read_to_string(&told).unwrap();
        assert!(told.contains("--store postgres --database postgres://tony@"), "{told}");
        assert_eq!(told.contains(DATABASE), is_direct, "{told}");
    }
}

#[test]
fn what_is_typed_wrong_is_named_and_nothing_is_run() {
    let setup = Setup::new(FIVE);
    for (arguments, says) in [
        (vec!["nosuch"], "--list"),
        (vec!["nosuch"], "here"),
        (vec!["here", "--seconds", "nan"], "a number of seconds"),
        (vec!["here", "--seconds", "inf"], "a number of seconds"),
        (vec!["here", "--seconds", "0"], "a number of seconds"),
        (vec!["here", "--rate", "nan"], "a number of mails"),
        (vec!["here", "--rate", "0"], "a number of mails"),
        (vec!["here", "--clients", "0"], "a number of users"),
        (vec!["here", "--clients", "100001"], "a number of users"),
        (vec!["here", "--fail-if", "send.p99 > 1MiB"], "a time"),
        (vec!["here", "--fail-if", "sned.p99 > 1ms"], "send, upload, receive, read, confirm"),
        (vec!["here", "--fail-if", "ping.p99 > 1ms"], "does not measure"),
        (vec!["here", "--fail-if", "schedule.missed > 1"], "does not measure"),
        (vec!["here", "--server", "127.0.0.1:1"], "--fingerprint"),
        (vec!["here", "--cut-database"], "--database <URL>"),
        (vec!["here", "--database", "mysql://x"], "postgres://"),
        (vec!["here", "--database", DATABASE, "--server", "127.0.0.1:1"], "cannot be used with"),
        (vec!["here", "--database", DATABASE, "--backup-every", "1"], "cannot be used with"),
        (vec!["--from", "x.json", "--seconds", "5"], "cannot be used with"),
        (vec!["--from", "x.json", "--kill-server", "5"], "cannot be used with"),
        (vec!["--compare", "x.json", "y.json", "--html", "z"], "cannot be used with"),
        (vec!["--compare", "x.json", "y.json", "--json", "z"], "cannot be used with"),
        (vec!["--list", "--fail-if", "send.p99 > 1ms"], "cannot be used with"),
        (vec!["--from", "/nonexistent/x.json"], "/nonexistent/x.json"),
    ] {
        let (ended, text) = run(load_test(&setup.directory).args(&arguments));
        assert_eq!(ended, status(Ending::Usage), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
    let server = ["--server", "127.0.0.1:1", "--plaintext", "--fail-if", "server.memory > 1MiB"];
    let (ended, text) = run(load_test(&setup.directory).arg("here").args(server));
    assert_eq!(ended, status(Ending::Usage), "{text}");
    assert!(text.contains("does not measure"), "{text}");
}

#[test]
fn a_page_or_file_that_cannot_be_written_fails() {
    let setup = Setup::new(FIVE);
    for option in ["--json", "--html"] {
        let (ended, text) = setup.run(&[option, "/nonexistent/file"]);
        assert_eq!(ended, status(Ending::Output), "{text}");
        assert!(!text.contains("ledger"), "it is said before the run: {text}");
        let (ended, text) = setup.run(&[option, "/dev/full"]);
        assert_eq!(ended, status(Ending::Output), "{text}");
        assert!(text.contains("/dev/full"), "{text}");
    }
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = setup.command().stdout(full()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(ended.code(), Some(status(Ending::Output)));
    let ended = load_test(&setup.directory).arg("--help").stdout(full()).status().unwrap();
    assert_eq!(ended.code(), Some(status(Ending::Output)));
}

#[test]
fn results_of_before_do_not_pass_for_those_of_a_run_that_came_to_nothing() {
    let setup = Setup::new(FIVE);
    let json = setup.path("results.json");
    let file = json.to_str().unwrap();
    assert_eq!(setup.run(&["--json", file]).0, status(Ending::Passed));
    let nobody = free_address().to_string();
    let mut command = load_test(&setup.directory);
    command.args(["here", "--plaintext", "--server", &nobody, "--json", file]);
    assert_eq!(run(&mut command).0, status(Ending::NoServer));
    let (ended, text) = run(load_test(&setup.directory).args(["--from", file]));
    assert_eq!(ended, status(Ending::Usage), "{text}");
}

#[test]
fn results_that_are_there_are_judged_as_a_run_is() {
    let setup = Setup::new(FIVE);
    let (good, bad) = (setup.path("good.json"), setup.path("bad.json"));
    setup.run(&["--json", good.to_str().unwrap()]);
    let mut results = Results::load(&good).unwrap();
    results.run.ledger.unemptied = 22;
    results.save(&mut fs::File::create(&bad).unwrap()).unwrap();
    let judged = |arguments: &[&Path], condition: &str| {
        let mut command = load_test(&setup.directory);
        let html = setup.path("page.html");
        command.args(arguments);
        if arguments[0] == Path::new("--from") {
            command.arg("--html").arg(html);
        }
        run(command.args(["--fail-if", condition]))
    };
    let (from, compare) = (Path::new("--from"), Path::new("--compare"));
    let (harmless, harsh) = ("send.p99 > 59s", "send.p99 > 1us");
    for (arguments, condition, ending) in [
        (vec![from, &good], harmless, Ending::Passed),
        (vec![from, &good], harsh, Ending::Failed),
        (vec![from, &good], "ping.p99 > 1us", Ending::Unmeasured),
        (vec![from, &bad], harmless, Ending::Failed),
        (vec![compare, &good, &good], harmless, Ending::Passed),
        (vec![compare, &good, &good], harsh, Ending::Failed),
        (vec![compare, &good, &good], "ping.p99 > 1us", Ending::Unmeasured),
        (vec![compare, &good, &bad], harmless, Ending::Failed),
        (vec![compare, &bad, &good], harmless, Ending::Failed),
    ] {
        let (ended, text) = judged(&arguments, condition);
        assert_eq!(ended, status(ending), "{arguments:?} {condition}: {text}");
    }
    results.operations.clear();
    results.save(&mut fs::File::create(&bad).unwrap()).unwrap();
    let (_, text) = judged(&[compare, &good, &bad], harmless);
    assert!(text.contains("no operation in common"), "{text}");
}

#[test]
fn a_mail_that_the_proxy_loses_fails_the_run() {
    let setup = Setup::new(FIVE);
    let (ended, text) = run(setup.stand_in(OBEDIENT).arg("--lose-one"));
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("LEDGER NOT CLOSED") && text.contains(" 1 lost"), "{text}");
}

#[test]
fn a_server_that_ends_by_itself_fails_the_run_at_once() {
    let setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
    let run = Under::start(&mut setup.stand_in(OBEDIENT));
    kill_process(setup.stand_in_pid(), Signal::KILL).unwrap();
    let (ended, text) = run.end(PATIENCE);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("the server failed: it ended with signal: 9"), "{text}");
}

#[test]
fn a_server_that_panicked_or_ends_badly_fails_the_run() {
    let setup = Setup::new(FIVE);
    let panicking = format!("echo \"thread 'store' panicked at src/x.rs\" >&2\n{OBEDIENT}");
    let (ended, text) = run(&mut setup.stand_in(&panicking));
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("the server failed: thread 'store' panicked"), "{text}");
    let (ended, text) = run(&mut setup.stand_in(&OBEDIENT.replace("exit 0", "exit 74")));
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("exit status: 74"), "{text}");
}

#[test]
fn a_signal_to_the_group_brings_a_report_within_seconds_and_ends_the_server() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
        let run = Under::start(&mut setup.stand_in(OBEDIENT));
        let server = setup.stand_in_pid();
        kill_process_group(run.pid(), signal).unwrap();
        let (ended, text) = run.end(SECONDS);
        assert_eq!(ended, status(Ending::Interrupted), "{signal:?}: {text}");
        assert!(text.contains("the run was ended early"), "{text}");
        assert!(!text.contains("the server failed"), "{text}");
        gone(server);
    }
}

#[test]
fn a_second_signal_ends_everything_also_a_server_that_does_not_listen() {
    let setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
    let run = Under::start(&mut setup.stand_in(STUBBORN));
    let server = setup.stand_in_pid();
    kill_process_group(run.pid(), Signal::INT).unwrap();
    kill_process_group(run.pid(), Signal::TERM).unwrap();
    let (ended, _) = run.end(SECONDS);
    assert!([Ending::Interrupted, Ending::Failed].map(status).contains(&ended), "{ended}");
    gone(server);
}

#[test]
fn a_signal_brings_a_report_within_seconds_where_the_server_is_gone() {
    let mut setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
    let run = Under::start(&mut setup.command());
    let elsewhere = TempDir::new().unwrap();
    // Dropping the server stops it.
    setup.server = RunningServer::start_with(Protection::Plaintext, elsewhere.path(), 0);
    kill_process_group(run.pid(), Signal::INT).unwrap();
    let (ended, text) = run.end(SECONDS);
    assert_eq!(ended, status(Ending::Interrupted), "{text}");
}

#[test]
fn a_server_that_falls_silent_leaves_mailboxes_full_and_fails_the_run() {
    let mut setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 2.0"));
    let json = setup.path("results.json");
    let mut command = setup.command();
    let run = Under::start(command.args(["--patience", "1", "--json"]).arg(&json));
    // The server is up until a mail was sent.
    let elsewhere = TempDir::new().unwrap();
    let log = setup.path("data/correio.db-wal");
    let length = || fs::metadata(&log).map_or(0, |file| file.len());
    let before = length();
    eventually(|| length() >= before + 60_000);
    setup.server = RunningServer::start_with(Protection::Plaintext, elsewhere.path(), 0);
    let (ended, text) = run.end(PATIENCE);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("LEDGER NOT CLOSED"), "{text}");
    assert!(text.contains("mailboxes could not be emptied"), "{text}");
    assert!(Results::load(&json).unwrap().run.ledger.unemptied > 0);
}

#[test]
fn a_signal_while_the_server_starts_ends_it() {
    let setup = Setup::new(FIVE);
    let mut command = setup.stand_in(&STUBBORN.replace("LISTENING\n", ""));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = setup.stand_in_pid();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(ended(&mut child, SECONDS), status(Ending::Interrupted));
    gone(server);
}

#[test]
fn a_server_does_not_outlive_a_load_generator_that_is_killed() {
    let setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
    let run = Under::start(&mut setup.stand_in(STUBBORN));
    let server = setup.stand_in_pid();
    kill_process(run.pid(), Signal::KILL).unwrap();
    gone(server);
}

#[test]
fn ctrl_c_on_a_terminal_brings_a_report_and_the_server_ends_in_order() {
    let setup = Setup::new(&FIVE.replace("seconds = 1.0", "seconds = 600.0"));
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let command = setup.stand_in(OBEDIENT);
    let mut terminal = rexpect::session::spawn_command(command, Some(patience)).unwrap();
    terminal.exp_string("closed load").unwrap();
    let server = setup.stand_in_pid();
    terminal.send_control('c').unwrap();
    terminal.exp_string("the run was ended early").unwrap();
    terminal.exp_eof().unwrap();
    gone(server);
}

#[test]
fn a_server_that_is_killed_less_often_than_asked_was_not_put_to_the_test() {
    let setup = Setup::new(FIVE);
    let (ended, text) = run(setup.stand_in(OBEDIENT).args(["--kill-server", "50"]));
    assert_eq!(ended, status(Ending::Unmeasured), "{text}");
    assert!(text.contains("times instead of 50"), "{text}");
}

#[test]
fn a_schedule_that_is_not_kept_fails_the_run() {
    // No user is there for the first half of the run.
    let late = "description = \"x\"\nseconds = 1.0\n[[clients]]\nname = \"a\"\ncount = 1\n\
                think = [0.0, 0.1]\ndoes = { idle = 1 }\n";
    let setup = Setup::new(late);
    let (ended, text) = setup.run(&["--rate", "200000"]);
    assert_eq!(ended, status(Ending::Unmeasured), "{text}");
    assert!(text.contains("the schedule was not kept"), "{text}");
}

/// Users who log out all the time, with bodies above the frame limit before a login, and scheduled
/// mails.
fn scheduled_beside_logouts(does: &str) -> (i32, String, Results) {
    let text = format!(
        "description = \"x\"\nseconds = 2.0\n[[clients]]\nname = \"a\"\ncount = 3\n\
         think = [0.0, 0.01]\nbody = [8000, 9000]\ndoes = {does}\n"
    );
    let setup = Setup::new(&text);
    let json = setup.path("results.json");
    let (ended, text) = setup.run(&["--rate", "50", "--json", json.to_str().unwrap()]);
    (ended, text, Results::load(&json).unwrap())
}

fn count(results: &Results, operation: Operation) -> u64 {
    results.operations.get(&operation).map_or(0, |one| one.count)
}

#[test]
fn scheduled_mails_beside_logouts_are_sent_and_nobody_storms_the_server() {
    let (ended, text, results) = scheduled_beside_logouts("{ logout = 1, idle = 3 }");
    assert!(count(&results, Operation::Send) > 0, "{text}");
    assert!(count(&results, Operation::Logout) > 0, "{text}");
    assert_eq!(count(&results, Operation::Connect), 3, "{text}");
    assert_eq!(results.errors(Operation::Connect), 0, "{text}");
    assert!([Ending::Passed, Ending::Unmeasured].map(status).contains(&ended), "{text}");
}

#[test]
fn a_run_that_sends_nothing_fails_where_it_was_to_send() {
    // Users who are logged in leave at once.
    let (ended, text, results) = scheduled_beside_logouts("{ logout = 1 }");
    assert_eq!(ended, status(Ending::Unmeasured), "{text}");
    assert!(text.contains("never done, though the scenario is about it: send"), "{text}");
    assert_eq!(count(&results, Operation::Connect), 3, "{text}");
}

#[test]
fn users_who_mistype_come_in_after_all() {
    let setup = Setup::new(&FIVE.replace("does =", "mistype = 0.4\ndoes ="));
    let json = setup.path("results.json");
    let (ended, text) = setup.run(&["--json", json.to_str().unwrap()]);
    assert_eq!(ended, status(Ending::Passed), "{text}");
    let users = Results::load(&json).unwrap().run.checks.users.unwrap();
    assert_eq!((users.expected, users.came_in, users.mistyped), (5, 5, 2));
    assert_eq!((users.waited, users.let_in), (0, 0));
    assert!(text.contains("5 of 5 users came in, 2 after a wrong password"), "{text}");
    assert!(!text.contains("bad_credentials"), "what was meant to fail is no error: {text}");
}
