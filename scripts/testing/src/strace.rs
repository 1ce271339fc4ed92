//! Programs under strace, which makes system calls fail or kills the process that makes them.

use std::{
    env,
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

/// A command that runs a program under strace with these arguments, and writes the trace to
/// `output`. Strace detaches itself (`-D`), so that the started process becomes the program itself.
/// The program gets the environment that its command sets, and of this process's only `PATH`.
#[must_use]
pub fn traced<A: AsRef<OsStr>>(program: &Command, output: &Path, arguments: &[A]) -> Command {
    let mut traced = Command::new("strace");
    traced.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced.args(["-D", "-f", "-o"]).arg(output).args(arguments);
    traced.arg(program.get_program()).args(program.get_args()).stdin(Stdio::null());
    traced
}

/// The arguments of strace that kill a process once one of its threads makes the `when`th of these
/// calls.
#[must_use]
pub fn kill_at(calls: &str, when: usize) -> [String; 4] {
    let (trace, inject) =
        (format!("trace={calls}"), format!("inject={calls}:signal=KILL:when={when}"));
    ["-e".to_owned(), trace, "-e".to_owned(), inject]
}
