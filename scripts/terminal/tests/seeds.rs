//! Runs a few steps of one seed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use correio_terminal::{Options, Programs, lacks, run};
use correio_testing::{
    process::ends_within,
    skip,
    wait::{PATIENCE, eventually},
};
use rustix::process::{Pid, Signal, kill_process};

const SIMULATE_TERMINAL: &str = env!("CARGO_BIN_EXE_simulate-terminal");

/// Enough for a monkey test, mails, and an end of the client.
const STEPS: u64 = 6;

/// The steps take seconds; a run that takes longer than this has failed.
const TIME: Duration = Duration::from_secs(180);

/// The programs, in this test's profile: cargo builds other packages' programs only on request.
fn programs() -> Programs {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/seeds-…
    let directory: PathBuf = own.ancestors().nth(2).unwrap().to_owned();
    let target = directory.parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "-p", "correio-client", "-p", "correio-server"])
        .arg("--target-dir")
        .arg(target)
        .args((directory.file_name().unwrap() == "release").then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    Programs::in_directory(&directory, Path::new(SIMULATE_TERMINAL)).unwrap()
}

#[test]
fn a_seed_holds() {
    if let Some(why) = lacks() {
        return skip::skipped(why);
    }
    let options =
        Options { seed: 1, time: TIME, steps: Some(STEPS), record: None, programs: programs() };
    match run(&options) {
        Ok(report) => {
            assert_eq!(report.steps, STEPS, "{report}");
            assert!(report.actions > 30, "{report}");
        }
        Err(failure) => {
            panic!("{failure}\nreplay: scripts/simulate-terminal --seed 1 --steps {STEPS}")
        }
    }
}

#[test]
fn a_server_does_not_outlive_a_simulation_that_is_killed() {
    if let Some(why) = lacks() {
        return skip::skipped(why);
    }
    let programs = programs();
    let mut simulation = Command::new(SIMULATE_TERMINAL)
        .args(["--seconds", "600", "--programs"])
        .arg(programs.server.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = None;
    eventually(|| {
        server = child_of(simulation.id(), &programs.server);
        server.is_some()
    });
    simulation.kill().unwrap();
    simulation.wait().unwrap();
    let ends = ends_within(server.unwrap(), PATIENCE);
    if !ends {
        let _ = kill_process(server.unwrap(), Signal::KILL);
    }
    assert!(ends, "the server goes on after {PATIENCE:?}");
}

/// The child of a process that runs this program.
fn child_of(process: u32, program: &Path) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    let program = program.canonicalize().unwrap();
    let runs_it =
        |pid: &&str| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    let child = children.split_whitespace().find(runs_it)?;
    Pid::from_raw(child.parse().unwrap())
}
