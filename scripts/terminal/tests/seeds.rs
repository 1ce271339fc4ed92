//! A seed for some seconds.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

use std::{path::PathBuf, process::Command, time::Duration};

use correio_terminal::{Options, Programs, run};

/// The programs, built as this test is: cargo builds those of other packages only when asked.
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
    let options =
        Options { seed: 1, time: Duration::from_secs(20), record: None, programs: programs() };
    match run(&options) {
        Ok(report) => assert!(report.actions > 30, "{report}"),
        Err(failure) => {
            panic!("{failure}\nreplay: scripts/simulate-terminal --seed 1 --seconds 20")
        }
    }
}
