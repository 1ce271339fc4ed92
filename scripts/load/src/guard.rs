//! Starts a server that never outlives the load generator: the kernel kills it when its parent
//! ends. The generator starts itself as a guard, which asks the kernel for that and then becomes
//! the server, so that no code runs between fork and exec.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode, id},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::results::Ending;

/// The first argument of a guard; the parent's process id and the command line follow.
const FLAG: &str = "--as-child-of";

/// Wraps `command` in a guard, which is the load generator's own program.
///
/// # Errors
///
/// There is no such program.
pub fn guarded(guard: &Path, command: &Command) -> Result<Command> {
    let program = command.get_program();
    if !Path::new(program).exists() {
        bail!("there is no program {}", program.display());
    }
    let mut guarded = Command::new(guard);
    guarded.arg(FLAG).arg(id().to_string()).arg(program).args(command.get_args());
    Ok(guarded)
}

/// Becomes the guarded program if the arguments say so. Returns `None` otherwise, and a status if
/// that fails.
pub fn take_over() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != FLAG {
        return None;
    }
    let error = become_program(arguments);
    eprintln!("load-test: {error:#}");
    Some(Ending::Broken.into())
}

fn become_program(mut arguments: impl Iterator<Item = OsString>) -> anyhow::Error {
    let mut prepare = || {
        let parent = arguments.next().context("no parent")?;
        let program = arguments.next().context("no program")?;
        set_parent_process_death_signal(Some(Signal::KILL)).context("asking for a signal")?;
        // The parent may have ended before the kernel was asked.
        let is_there = getppid().map(Pid::as_raw_pid).map(|pid| pid.to_string());
        if is_there.map(OsString::from).as_ref() != Some(&parent) {
            bail!("the parent is gone");
        }
        Ok(program)
    };
    match prepare() {
        Ok(program) => {
            let error = Command::new(&program).args(arguments).exec();
            anyhow::Error::new(error).context(format!("cannot start {}", program.display()))
        }
        Err(error) => error,
    }
}
