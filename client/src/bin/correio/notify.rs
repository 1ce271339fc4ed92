//! Notifications of the desktop, shown by its own program.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use crate::program::program;

/// The program that freedesktop.org's desktops come with.
const PROGRAM: &str = "notify-send";

/// Longest time that the program may take. It waits for the desktop, which may hang; a desktop that
/// works answers in milliseconds.
const LONGEST: Duration = Duration::from_secs(3);

/// Shows a notification. The texts are arguments, so that no shell reads them. A program that does
/// not end within three seconds is killed.
///
/// # Errors
///
/// Why nothing was shown, in English: the program is not installed, no desktop runs, or it hangs.
pub(crate) fn show(title: &str, text: &str) -> Result<(), String> {
    let mut notify = program(PROGRAM);
    // After `--`, a text that begins with a hyphen is a text.
    notify.args(["--app-name=correio", "--icon=mail-unread", "--", title, &escaped(text)]);
    notify.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own, so that the programs that it has started are killed with it.
    let spawned = notify.process_group(0).spawn();
    let named = |reason: &dyn std::fmt::Display| format!("{PROGRAM}: {reason}");
    let mut child = spawned.map_err(|error| named(&error))?;
    match status_of(&mut child).map_err(|error| named(&error))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(named(&status)),
        None => Err(named(&format!("no end within {} seconds", LONGEST.as_secs()))),
    }
}

/// Waits for the end of a program that leads a process group. `None` if the group was killed
/// because the program did not end in time.
fn status_of(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let group = Pid::from_child(child);
    match has_ended(group) {
        Ok(true) => child.wait().map(Some),
        // Also where it cannot be waited for with a deadline: it must not run for ever.
        not_ended => {
            kill_process_group(group, Signal::KILL)?;
            child.wait()?;
            not_ended.map(|_| None)
        }
    }
}

/// Waits for the end of a program, which is not taken. False if the program did not end in time.
fn has_ended(program: Pid) -> io::Result<bool> {
    let program = pidfd_open(program, PidfdFlags::empty())?;
    let deadline = Instant::now() + LONGEST;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let rest = Timespec::try_from(rest).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&program, PollFlags::IN)], Some(&rest)) {
            // A signal for correio: the deadline stays.
            Err(Errno::INTR) => {}
            ended => return Ok(ended? == 1),
        }
    }
}

/// A text without the markup that some desktops read in it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_no_markup() {
        assert_eq!(escaped("<a href='x'>R&D</a>"), "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;");
    }
}
