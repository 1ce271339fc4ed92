//! Reports tests that cannot run here, because the machine lacks a tool or a right.

use std::{
    env, fs,
    io::{self, Write},
    process::{Command, Stdio},
    thread,
};

/// Reports a skipped test on standard error, whether or not the output of tests is shown, and in
/// the file that `CORREIO_SKIPPED` names, which scripts/check counts.
pub fn skipped(why: &str) {
    let thread = thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    // In the file, the line also names the test program: two programs may have tests of one name.
    let program = env::args().next().unwrap_or_default();
    let program = program.rsplit('/').next().and_then(|name| name.rsplit_once('-'));
    let counted = format!("{}: {}", program.map_or("", |(name, _)| name), &line[9..]);
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os("CORREIO_SKIPPED") {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(counted.as_bytes()));
    }
}

/// Whether a program exists and runs with these arguments without an error.
pub fn works(program: &str, arguments: &[&str]) -> bool {
    let command = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    command.is_ok_and(|status| status.success())
}

/// Whether strace exists and may trace other processes; otherwise the test is reported as skipped.
pub fn can_trace() -> bool {
    let works = works("strace", &["-D", "-f", "-o", "/dev/null", "-e", "trace=fsync", "true"]);
    if !works {
        skipped("this takes strace, and the right to use it");
    }
    works
}

/// Why this machine cannot give a program a controlling pseudo-terminal; `None` if it can.
#[must_use]
pub fn lacks_terminal() -> Option<&'static str> {
    let help = Command::new("setsid").arg("--help").output();
    let knows = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--ctty"));
    (!knows).then_some("this takes setsid with --ctty (util-linux)")
}

/// Whether a program can be given a controlling pseudo-terminal; otherwise the test is reported as
/// skipped.
pub fn has_terminal() -> bool {
    lacks_terminal().inspect(|why| skipped(why)).is_none()
}
