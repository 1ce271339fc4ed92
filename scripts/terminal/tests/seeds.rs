//! Runs a few steps of one seed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{path::PathBuf, process::Command, time::Duration};

use correio_terminal::{Options, Programs, lacks, run};
use correio_testing::skip;

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
    Programs::in_directory(&directory).unwrap()
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
