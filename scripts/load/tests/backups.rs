//! Tests of `load-test --backup-every`. The server runs in this process; a stand-in for the
//! server's program leads the clients to it, and runs the operator's commands by running this test
//! program again.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use correio_load::results::{BackupOutcome, Ending, Results};
use correio_server::{
    cancel::Cancel,
    ops::{
        backup::BackupTarget,
        config::{Config, Environment, Operation},
        data_commands,
        restore::RestoreSource,
    },
};
use correio_testing::{
    process::ends_within,
    rerun::data_directory,
    served::{Protection, RunningServer},
    wait::eventually,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Five users who send and receive for three seconds.
const FIVE: &str = "description = \"five\"\nseconds = 3.0\n[[clients]]\nname = \"users\"\n\
                    count = 5\nthink = [0.0, 0.02]\nfan-out = [1, 3]\n\
                    does = { send = 2, receive = 1 }\n";

/// Longest time until a signal has ended a backup.
const PATIENCE: Duration = Duration::from_secs(60);

/// The operation that this process is to run instead of tests, and the file that it takes.
const OPERATION: &str = "CORREIO_TEST_OPERATION";
const FILE: &str = "CORREIO_TEST_FILE";

/// A server in this process, and a stand-in for its program.
struct Setup {
    // Stopped before its directory is removed.
    server: RunningServer,
    directory: TempDir,
}

impl Setup {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("here.toml"), FIVE).unwrap();
        let data = directory.path().join("data");
        let server = RunningServer::start_with(Protection::Plaintext, &data, 0);
        Self { server, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A run with backups of this directory. The script comes before the operator's commands, of
    /// which `$3` is the name.
    fn run(&self, script: &str, data: &Path) -> (i32, String, Results) {
        let (status, text) = said(&mut self.command(script, data));
        (status, text, Results::load(&self.path("results.json")).unwrap())
    }

    fn command(&self, script: &str, data: &Path) -> Command {
        let own = env::current_exe().unwrap();
        let text = format!(
            "#!/bin/sh\n{script}\n\
             operate() {{ {OPERATION}=$1 {FILE}=$2 CORREIO_TEST_DATA_DIRECTORY=$3 \
             exec '{own}' --exact operates_as_the_stand_in --nocapture; }}\n\
             case \"$3\" in\n\
             backup) operate backup \"$4\" '{data}';;\n\
             restore) operate restore \"$4\" \"$6\";;\n\
             check) operate check '' \"$5\";;\n\
             esac\n\
             trap 'exit 0' TERM\necho 'listening on {address} (plaintext)'\n\
             mkfifo \"$0.fifo\"\nexec 3<>\"$0.fifo\"\nwhile :; do read line <&3; done\n",
            own = own.display(),
            data = data.display(),
            address = self.server.address,
        );
        let program = self.path("stand-in");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let json = self.path("results.json");
        let mut command = load_test(self.directory.path());
        command.args(["here", "--plaintext", "--backup-every", "0.5", "--json"]).arg(&json);
        command.arg("--program").arg(program);
        command
    }
}

fn load_test(scenarios: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-test"));
    command.arg("--scenarios").arg(scenarios).stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn status(ending: Ending) -> i32 {
    ending.status().into()
}

/// Runs a command of the operator where the stand-in asks for one.
#[test]
fn operates_as_the_stand_in() {
    let (Some(data), Ok(operation)) = (data_directory(), env::var(OPERATION)) else {
        return;
    };
    let path = PathBuf::from(env::var_os(FILE).unwrap());
    let operation = match operation.as_str() {
        "backup" => Operation::Backup(BackupTarget::File { path, replace: false }),
        "restore" => Operation::Restore(RestoreSource::File(path)),
        "check" => Operation::Check,
        other => panic!("{other:?} is no operation"),
    };
    let arguments = ["correiod", "--config", "/dev/null", "--data-dir"].map(Into::into);
    let arguments = arguments.into_iter().chain([data.into_os_string()]);
    let config = Config::load(arguments, &Environment::default()).unwrap();
    data_commands::run(&config, &operation, &Cancel::default())
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn backups_that_hold_what_was_acknowledged_pass() {
    let setup = Setup::new();
    let (ended, text, results) = setup.run("", &setup.path("data"));
    assert_eq!(ended, status(Ending::Passed), "{text}");
    assert!(text.contains("holds a prefix of what was acknowledged"), "{text}");
    let backups = results.run.backups.unwrap();
    assert!(backups.iter().all(|backup| backup.outcome == BackupOutcome::Sound), "{backups:?}");
    assert!(backups.iter().all(|backup| backup.bytes > 0), "{backups:?}");
    assert!(backups.last().unwrap().mails > 0, "{backups:?}");
}

#[test]
fn backups_that_lack_acknowledged_mail_fail_the_run() {
    let setup = Setup::new();
    let other = setup.path("other");
    drop(RunningServer::start_with(Protection::Plaintext, &other, 0));
    let (ended, text, _) = setup.run("", &other);
    assert_eq!(ended, status(Ending::Failed), "{text}");
    assert!(text.contains("BACKUPS WRONG") && text.contains("it holds no prefix"), "{text}");
    assert!(text.contains("ledger closed"), "{text}");
}

#[test]
fn commands_that_fail_are_named_and_fail_the_run() {
    for name in ["backup", "restore", "check"] {
        let setup = Setup::new();
        let failing = format!("if [ \"$3\" = {name} ]; then echo no good >&2; exit 74; fi");
        let (ended, text, results) = setup.run(&failing, &setup.path("data"));
        assert_eq!(ended, status(Ending::Failed), "{text}");
        assert!(
            text.contains(&format!("{name}: it ended with exit status: 74: no good")),
            "{text}"
        );
        assert_eq!(results.run.ledger.lost, 0, "{text}");
    }
}

#[test]
fn a_signal_ends_the_backup_under_way_and_brings_a_report() {
    let setup = Setup::new();
    let begun = setup.path("begun");
    // 120 backups at most.
    fs::write(setup.path("here.toml"), FIVE.replace("seconds = 3.0", "seconds = 60.0")).unwrap();
    let endless = format!(
        "if [ \"$3\" = backup ]; then echo $$ > '{begun}'; mkfifo '{begun}.fifo'; \
         read line < '{begun}.fifo'; fi",
        begun = begun.display()
    );
    let mut command = setup.command(&endless, &setup.path("data"));
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = || fs::read_to_string(&begun).ok()?.trim().parse().ok().and_then(Pid::from_raw);
    eventually(|| pid().is_some());
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    assert!(ends_within(pid().unwrap(), PATIENCE), "the backup goes on");
    let output = run.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(status(Ending::Interrupted)), "{text}");
    assert!(text.contains("the run was ended early"), "{text}");
}

#[test]
fn backups_that_make_no_sense_are_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("here.toml"), FIVE).unwrap();
    for (arguments, says) in [
        (vec!["--backup-every", "0.01"], "300 backups are too many"),
        (vec!["--backup-every", "0"], "a number of seconds"),
        (vec!["--backup-every", "1", "--kill-server", "1"], "cannot be used with"),
        (vec!["--backup-every", "1", "--lose-one"], "cannot be used with"),
        (vec!["--backup-every", "1", "--server", "127.0.0.1:1"], "cannot be used with"),
    ] {
        let (ended, text) = said(load_test(directory.path()).arg("here").args(&arguments));
        assert_eq!(ended, status(Ending::Usage), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}
