//! Reads the figures of a process from `/proc`.

use std::{fs, time::Duration};

/// A figure of the status of a process, in bytes.
fn status(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Resident memory, in bytes.
pub fn memory(pid: u32) -> u64 {
    status(pid, "VmRSS")
}

/// Largest resident memory so far, in bytes.
pub fn peak_memory(pid: u32) -> u64 {
    status(pid, "VmHWM")
}

/// Processor time of all threads.
pub fn processor_time(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let times = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Number of open descriptors.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}
