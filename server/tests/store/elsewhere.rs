//! Tests that run again in a process of their own, which ends or is prepared as no test may be.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Where a process that [`elsewhere`] started has its data; none in the process of the tests.
pub fn room() -> Option<PathBuf> {
    env::var_os("CORREIO_TEST_ROOM").map(PathBuf::from)
}

/// Runs one test again in a process of its own that a line of shell prepares.
pub fn elsewhere(test: &str, directory: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{shell}\nexec \"$0\" \"$@\""))
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("CORREIO_TEST_ROOM", directory)
        .stdin(Stdio::null());
    command
}

/// Requires that the process came to its end, not only that nothing was found wrong.
pub fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("came to the end"), "{said}");
}
