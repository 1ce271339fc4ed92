//! Observes other processes: waits for their end, and reads their state, memory, descriptors and
//! processor time from `/proc`.

use std::{fs, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// Waits at most this time for the end of a process, which need not be a child of this one. Returns
/// whether the process has ended; a zombie counts as ended.
#[must_use]
pub fn ends_within(process: Pid, time: Duration) -> bool {
    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return true,
        Err(error) => panic!("{error}"),
    };
    let mut fds = [PollFd::new(&process, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::try_from(time).unwrap())).unwrap() > 0
}

/// Clock ticks in a second of `/proc/PID/stat`: Linux shows the same number on every machine.
const TICKS: u64 = 100;

/// The fields of `/proc/PID/stat` after the name, from the state on. `None` once the process is
/// gone.
#[must_use]
pub fn stat(process: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).ok()?;
    // The name is in parentheses, and may contain parentheses itself.
    stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
}

/// Processor time that a process has used, in steps of [`TICK`]. `None` once the process is gone.
#[must_use]
pub fn processor_time(process: Pid) -> Option<Duration> {
    // utime and stime are the 12th and the 13th field.
    let stat = stat(process)?;
    let ticks = stat.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Some(Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS))
}

/// The unit of [`processor_time`].
pub const TICK: Duration = Duration::from_millis(1000 / TICKS);

/// Resident memory of a process, in bytes. `None` once the process is gone.
#[must_use]
pub fn memory(process: Pid) -> Option<u64> {
    status(process, "VmRSS:")
}

/// Largest resident memory of a process so far, in bytes. `None` once the process is gone.
#[must_use]
pub fn peak_memory(process: Pid) -> Option<u64> {
    status(process, "VmHWM:")
}

/// A size of `/proc/PID/status`, in bytes.
fn status(process: Pid, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_pid())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10)
}

/// Number of open descriptors of a process.
#[must_use]
pub fn open_files(process: Pid) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.as_raw_pid())).unwrap().count()
}
