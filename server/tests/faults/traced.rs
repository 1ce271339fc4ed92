//! A server under strace, which makes calls of the system fail or kill who makes them.

use std::{path::Path, process::Command};

use crate::daemon::command;

/// The command of a server of which strace does as `arguments` say. Strace stands aside (`-D`):
/// the process that is started becomes the server itself.
pub fn traced(output: &Path, arguments: &[&str], directory: &Path) -> Command {
    let server = command(directory, &["--listen", "127.0.0.1:0"]);
    let mut traced = Command::new("strace");
    traced.env_clear().args(["-D", "-f", "-o"]).arg(output).args(arguments);
    traced.arg(server.get_program()).args(server.get_args());
    traced
}
