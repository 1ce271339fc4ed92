//! The end of other processes, as an event.

use std::time::Duration;

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// Waits for the end of a process, which need not be a child of this one, for at most this time.
/// Whether it has ended; a child that nobody has waited for yet counts as ended.
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
