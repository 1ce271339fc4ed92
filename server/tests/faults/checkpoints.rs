//! Tests that no answer waits for a checkpoint, and that a checkpoint that is cut short loses
//! nothing.

use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use correio_proto::message::{Fetch, Reply, Request, Send};
use correio_testing::{
    skip::can_trace,
    strace::{self, traced},
};
use rustix::process::{Pid, Signal};

use crate::daemon::{Client, Daemon, id, listening, login, register};

/// Bytes of a mail's body, and mails: enough for a checkpoint, and for the log to be moved twice.
const BODY: usize = 200_000;
const MAILS: u64 = 150;

fn large(number: u64) -> Request {
    Request::Send(Send {
        id: id(number),
        to: "tony".parse().unwrap(),
        subject: "x".parse().unwrap(),
        content: "x".repeat(BODY).parse().unwrap(),
    })
}

/// The hundredth page that one thread writes into the main file takes longer than a client waits:
/// only the thread that moves the log writes so many.
#[test]
fn jobs_are_answered_while_a_checkpoint_is_stuck() {
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let main = data.join("correio.db");
    let stuck = ["-P", main.to_str().unwrap(), "-e", "trace=pwrite64", "-e"].map(str::to_owned);
    let stuck = [&stuck[..], &["inject=pwrite64:delay_enter=60s:when=100".to_owned()]].concat();
    let mut command = traced(&listening(&data), Path::new("/dev/null"), &stuck);
    command.stderr(Stdio::null());
    let mut daemon = Daemon::spawn(command);
    let mut tony = daemon.session("tony");
    for number in 0..MAILS {
        let sent = tony.ask(large(number));
        assert!(matches!(sent, Reply::Sent { .. }), "{number}: {sent:?}");
    }
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let bytes = MAILS * BODY as u64;
    assert!(length(&main) < bytes / 2, "no checkpoint was stuck: {}", length(&main));
    assert!(length(&data.join("correio.db-wal")) > bytes);
    assert!(matches!(tony.ask(Request::Fetch(Fetch::default())), Reply::Page(_)));
    // Killed in the middle of the checkpoint, it has lost nothing.
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap();
    let tracer = Pid::from_raw(tracer.trim().parse().unwrap()).expect("it is traced");
    daemon.child.kill().unwrap();
    // The thread that strace delays would be there until its time is over.
    rustix::process::kill_process(tracer, Signal::KILL).unwrap();
    daemon.child.wait().unwrap();
    let daemon = Daemon::start(&data, &[]);
    let mut tony = daemon.client();
    let Reply::LoggedIn(account) = tony.ask(login("tony")) else { panic!("a login") };
    assert_eq!(u64::from(account.waiting), MAILS);
}

/// Sends enough for a checkpoint, until the server is gone. Returns the number of acknowledged
/// mails.
fn fill(daemon: &Daemon) -> u64 {
    let Some(mut tony) = Client::greet_unless_gone(daemon.address) else {
        return 0;
    };
    if tony.ask_unless_gone(register("tony")).is_none()
        || tony.ask_unless_gone(login("tony")).is_none()
    {
        return 0;
    }
    let sent = |number: &u64| match tony.ask_unless_gone(large(*number)) {
        Some(Reply::Sent { .. }) => true,
        Some(other) => panic!("{other:?}"),
        None => false,
    };
    (0..MAILS / 2).take_while(sent).count() as u64
}

/// Runs a server until strace kills it, and checks what is left. Returns how the server ended.
fn kill(data: &Path, strace: &[String]) -> ExitStatus {
    let mut command = traced(&listening(data), Path::new("/dev/null"), strace);
    command.stderr(Stdio::null());
    let (acknowledged, ended) = match Daemon::try_spawn(command) {
        Err(ended) => (0, ended),
        Ok(daemon) => (fill(&daemon), daemon.stop()),
    };
    let daemon = Daemon::start(data, &[]);
    let mut tony = daemon.client();
    let waiting = match tony.ask(login("tony")) {
        Reply::LoggedIn(account) => u64::from(account.waiting),
        // It was killed before it had the account.
        _ => 0,
    };
    let range = acknowledged..=acknowledged + 1;
    assert!(range.contains(&waiting), "{waiting} of {acknowledged}: {strace:?}");
    assert_eq!(daemon.stop().code(), Some(0));
    ended
}

/// Kills servers at each of these numbers of these calls, until a server comes to its end. With
/// `main`, only calls that use the main file count.
fn kill_at(calls: &str, numbers: impl Iterator<Item = usize>, is_of_main: bool) -> usize {
    let mut killed = 0;
    for when in numbers {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let mut strace = strace::kill_at(calls, when).to_vec();
        if is_of_main {
            strace.extend(["-P".to_owned(), data.join("correio.db").display().to_string()]);
        }
        let ended = kill(&data, &strace);
        if ended.code() == Some(0) {
            break;
        }
        assert_eq!(ended.signal(), Some(9), "at {when} of {calls}: {ended:?}");
        killed += 1;
    }
    killed
}

#[test]
fn killed_at_any_step_of_a_checkpoint_nothing_is_lost() {
    if !can_trace() {
        return;
    }
    let syncs = kill_at("fsync,fdatasync", 1.., true);
    let files = kill_at("ftruncate,unlink", 1.., false);
    let writes = kill_at("pwrite64", (1..).map(|step| 20 + step * 400), true);
    eprintln!("killed at {syncs} syncs, {files} changes of files, {writes} writes");
    assert!(syncs >= 3 && files >= 5 && writes >= 4, "{syncs}, {files}, {writes}");
}

/// The third sync of the main file that a thread makes fails. Opening an existing database takes
/// fewer, so that the failing one is a checkpoint's.
#[test]
fn a_sync_of_a_checkpoint_that_fails_ends_the_server() {
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let main = data.join("correio.db");
    assert_eq!(Daemon::start(&data, &[]).stop().code(), Some(0));
    let failing = ["-P", main.to_str().unwrap(), "-e", "trace=fsync,fdatasync", "-e"];
    let failing = [&failing[..], &["inject=fsync,fdatasync:error=EIO:when=3"]].concat();
    let mut command = traced(&listening(&data), Path::new("/dev/null"), &failing);
    command.stderr(Stdio::piped());
    let mut daemon = Daemon::spawn(command);
    let mut stderr = daemon.child.stderr.take().unwrap();
    let mut tony = daemon.session("tony");
    let sent = |number: &u64| tony.ask_unless_gone(large(*number)).is_some();
    let acknowledged = (0..10 * MAILS).take_while(sent).count() as u64;
    let ended = daemon.child.wait().unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(ended.code(), Some(74), "{acknowledged}: {said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("correiod: ") && last.contains("I/O error"), "{last}");
    let daemon = Daemon::start(&data, &[]);
    let Reply::LoggedIn(account) = daemon.client().ask(login("tony")) else { panic!("a login") };
    let waiting = u64::from(account.waiting);
    assert!((acknowledged..=acknowledged + 1).contains(&waiting), "{waiting} of {acknowledged}");
}
