//! Memory, processor time, open files and log of a process.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use correio_testing::process;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

/// Resident memory of a process, in bytes.
///
/// # Errors
///
/// There is no such process.
pub fn memory(pid: u32) -> Result<u64> {
    from_number(pid).and_then(process::memory).context("there is no such process")
}

/// Processor time of a process, in seconds.
#[must_use]
pub fn processor_seconds(pid: u32) -> Option<f64> {
    from_number(pid).and_then(process::processor_time).as_ref().map(Duration::as_secs_f64)
}

/// The last lines of a process's log, in one line; empty if there is no log.
#[must_use]
pub fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("; ")
}

fn from_number(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Raises the limit on open files as far as the machine allows. Returns the new limit.
#[must_use]
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let holds = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    holds.current.unwrap_or(u64::MAX)
}
