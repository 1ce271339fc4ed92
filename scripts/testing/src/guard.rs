//! Starts a server that never outlives the program that starts it: the kernel kills it when its
//! parent ends. The program starts itself as a guard, which asks the kernel for that and then
//! becomes the server, so that no code runs between fork and exec.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, id},
};

use anyhow::{Context, Error, Result, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The first argument of a guard; the parent's process id and the command line follow.
const FLAG: &str = "--as-child-of";

/// Wraps `command` in a guard, which is a program that calls [`take_over`] first.
///
/// # Errors
///
/// The program of `command` is missing.
pub fn guarded(guard: &Path, command: &Command) -> Result<Command> {
    let program = command.get_program();
    if !Path::new(program).exists() {
        bail!("there is no program {}", program.display());
    }
    let mut guarded = Command::new(guard);
    guarded.arg(FLAG).arg(id().to_string()).arg(program).args(command.get_args());
    Ok(guarded)
}

/// Becomes the guarded program if the arguments say so. Returns `None` otherwise, and an error if
/// that fails.
#[must_use]
pub fn take_over() -> Option<Error> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != FLAG {
        return None;
    }
    Some(become_program(arguments))
}

fn become_program(mut arguments: impl Iterator<Item = OsString>) -> Error {
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
            Error::new(error).context(format!("cannot start {}", program.display()))
        }
        Err(error) => error,
    }
}
