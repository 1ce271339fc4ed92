//! Tests that run again in a process of their own, which ends or is prepared as no test may be.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::skip::{skipped, works};

/// The data directory of a process that [`elsewhere`] started; `None` in the process of the tests.
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

/// As [`elsewhere`], in namespaces of the process's own.
fn in_namespaces(namespaces: &[&str], test: &str, directory: &Path, shell: &str) -> Output {
    let prepared = elsewhere(test, directory, shell);
    Command::new("unshare")
        .args(namespaces)
        .arg(prepared.get_program())
        .args(prepared.get_args())
        .env("CORREIO_TEST_ROOM", directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs one test again with a disk of 12 MiB as its room: a mount that ends with the process and
/// that no other process sees. Where this system does not let this user do so, it says so.
pub fn on_a_small_disk(test: &str) {
    const NAMESPACES: [&str; 3] = ["--user", "--map-root-user", "--mount"];
    let directory = tempfile::tempdir().unwrap();
    let mount = |room: &str| format!("mount -t tmpfs -o size=12m tmpfs {room} || exit 99");
    let tried = mount(directory.path().to_str().unwrap());
    if !works("unshare", &[&NAMESPACES[..], &["sh", "-c", &tried]].concat()) {
        return skipped("this system does not let this user mount a small disk");
    }
    let mount = mount("\"$CORREIO_TEST_ROOM\"");
    assert_passed(&in_namespaces(&NAMESPACES, test, directory.path(), &mount));
}

/// Whether this process has the rights of an ordinary user. Where it has root's, the test runs
/// again without them.
pub fn is_ordinary(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    if works("unshare", &["--user", "true"]) {
        let directory = tempfile::tempdir().unwrap();
        let output = in_namespaces(&["--user"], test, directory.path(), "");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    } else {
        skipped("root may do everything, and this system does not let it be anybody else");
    }
    false
}

/// Requires that the process came to its end, not only that nothing was found wrong.
pub fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("came to the end"), "{said}");
}
