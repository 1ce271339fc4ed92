//! Runs the operator's commands of the server's program: `backup`, `restore` and `check`.

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use correio_testing::{guard, process::ends_within};
use rustix::process::Pid;

use crate::{interrupts::Interrupts, process::last_lines};

/// Longest time of a command.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often signals are checked in the meantime.
const GLANCE: Duration = Duration::from_millis(50);

/// The server's program, for its operator's commands.
#[derive(Clone, Debug)]
pub struct OperatorCommands {
    /// The server's program.
    pub program: PathBuf,
    /// The program that becomes the command; see [`guard`].
    pub guard: PathBuf,
}

/// A command of the operator.
#[derive(Clone, Copy, Debug)]
pub(super) enum OperatorCommand<'a> {
    /// Makes this backup of the data directory.
    Backup(&'a Path),
    /// Makes the data directory from this backup.
    Restore(&'a Path),
    /// Verifies the database of the data directory.
    Check,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommandEnd {
    /// With status 0.
    Succeeded,
    /// With another status, or too late; the text holds its last lines.
    Failed(String),
    /// By a signal to the run.
    Interrupted,
}

impl OperatorCommands {
    /// Runs a command on a data directory to its end. The command's output goes to `log`.
    pub(super) fn run(
        &self,
        command: OperatorCommand<'_>,
        data: &Path,
        log: &Path,
        interrupts: &Interrupts,
    ) -> Result<CommandEnd> {
        let arguments = match command {
            OperatorCommand::Backup(file) => vec![OsStr::new("backup"), file.as_os_str()],
            OperatorCommand::Restore(file) => vec![OsStr::new("restore"), file.as_os_str()],
            OperatorCommand::Check => vec![OsStr::new("check")],
        };
        let output = File::create(log).with_context(|| format!("{}", log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(["--config", "/dev/null"]).args(arguments).arg("--data-dir").arg(data);
        let child = guard::guarded(&self.guard, &command)?
            .env_clear()
            // Ctrl-C on a terminal is for the load generator, which then ends its commands.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        wait(child, log, interrupts)
    }
}

/// Waits for the command's end. Kills it after a signal to the run, or if it takes too long.
fn wait(mut child: Child, log: &Path, interrupts: &Interrupts) -> Result<CommandEnd> {
    let started = Instant::now();
    while !ends_within(Pid::from_child(&child), GLANCE) {
        let is_late = started.elapsed() >= PATIENCE;
        if is_late || !interrupts.are_none() {
            child.kill()?;
            child.wait()?;
            return Ok(match is_late {
                true => CommandEnd::Failed(format!("it did not end within {PATIENCE:?}")),
                false => CommandEnd::Interrupted,
            });
        }
    }
    let status = child.wait()?;
    Ok(match status.success() {
        true => CommandEnd::Succeeded,
        false => CommandEnd::Failed(format!("it ended with {status}: {}", last_lines(log))),
    })
}
