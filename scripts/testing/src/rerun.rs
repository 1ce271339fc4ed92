//! Runs a test again in a process of its own, because the test ends its process, or needs limits, a
//! disk or a user that the other tests must not have.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::skip::{skipped, works};

/// The data directory of a process that [`rerun`] started; `None` in the process of the tests.
pub fn data_directory() -> Option<PathBuf> {
    env::var_os("CORREIO_TEST_DATA_DIRECTORY").map(PathBuf::from)
}

/// A command that runs one test again in a process of its own, after a line of shell.
pub fn rerun(test: &str, directory: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{shell}\nexec \"$0\" \"$@\""))
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("CORREIO_TEST_DATA_DIRECTORY", directory)
        .stdin(Stdio::null());
    command
}

/// Runs the command of [`rerun`] in namespaces of its own.
fn in_namespaces(namespaces: &[&str], test: &str, directory: &Path, shell: &str) -> Output {
    let prepared = rerun(test, directory, shell);
    Command::new("unshare")
        .args(namespaces)
        .arg(prepared.get_program())
        .args(prepared.get_args())
        .env("CORREIO_TEST_DATA_DIRECTORY", directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs one test again with a disk of 12 MiB as its data directory: a mount that ends with the
/// process and that no other process sees. Reports the test as skipped if this user may not mount
/// it.
pub fn on_a_small_disk(test: &str) {
    const NAMESPACES: [&str; 3] = ["--user", "--map-root-user", "--mount"];
    let directory = tempfile::tempdir().unwrap();
    let mount =
        |directory: &str| format!("mount -t tmpfs -o size=12m tmpfs {directory} || exit 99");
    let tried = mount(directory.path().to_str().unwrap());
    if !works("unshare", &[&NAMESPACES[..], &["sh", "-c", &tried]].concat()) {
        return skipped("this system does not let this user mount a small disk");
    }
    let mount = mount("\"$CORREIO_TEST_DATA_DIRECTORY\"");
    assert_passed(&in_namespaces(&NAMESPACES, test, directory.path(), &mount));
}

/// Whether this process has the rights of an ordinary user. If it has root's, runs the test again
/// without them, or reports it as skipped, and returns false.
pub fn without_root(test: &str) -> bool {
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

/// Asserts that the process succeeded, and that its test ran up to its last line.
pub fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("came to the end"), "{said}");
}
