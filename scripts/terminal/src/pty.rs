//! A pseudo-terminal with one program on it, and the screen that the program draws.

use std::{
    fs::File,
    io::{self, Read, Write},
    num::NonZeroU16,
    os::fd::{AsFd, OwnedFd},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use correio_testing::{
    process::{TICK, processor_time, stat},
    pty::{PtyPair, set_size},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
    termios::{Termios, tcgetattr},
};

/// Most output bytes kept for [`Pty::has_drawn`].
const DRAWN_MAX: usize = 256 * 1024;

/// How long an idle program has drawn and computed nothing. This is longer than the client's pause
/// between two drawings that belong together, and shorter than its interval for updating a menu's
/// status.
const IDLE: Duration = Duration::from_millis(200);

/// The terminal.
pub(crate) struct Pty {
    main: Option<File>,
    /// Number of bytes drawn so far.
    bytes: usize,
    /// The program's side, kept open to read the settings after the program's end.
    other: Option<OwnedFd>,
    found: Termios,
    parser: vt100::Parser,
    /// Output since the last [`Pty::mark`], escape sequences included.
    drawn: Vec<u8>,
    child: Child,
    pid: Pid,
    /// Processor time at the last look: the kernel forgets it with the process.
    used: Duration,
}

/// How the program left the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// Settings that the program did not restore.
    pub(crate) wrong: Vec<&'static str>,
}

impl Pty {
    /// Starts a program under `setsid`, which makes the terminal its own.
    pub(crate) fn start(command: &mut Command, rows: u16, columns: u16) -> Result<Self> {
        let pair = PtyPair::open(rows, columns)?;
        let found = tcgetattr(&pair.other)?;
        let child = pair.spawn(command).context("starting the client")?;
        let pid = Pid::from_child(&child);
        Ok(Self {
            main: Some(pair.main.into()),
            bytes: 0,
            other: Some(pair.other),
            found,
            parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
            drawn: Vec::new(),
            child,
            pid,
            used: Duration::ZERO,
        })
    }

    /// Writes keys in one call.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(main) = &mut self.main else { return Ok(()) };
            match main.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() > deadline {
                        return Err(anyhow!("the client has not read keys for ten seconds"));
                    }
                    self.pump(Duration::from_millis(20));
                }
                // The program has ended.
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Processes output for `time`.
    pub(crate) fn pump(&mut self, time: Duration) {
        self.pump_until(time, |_| false);
    }

    /// Processes output until `is_so` returns true. Returns false if `time` passes first.
    pub(crate) fn pump_until(
        &mut self,
        time: Duration,
        mut is_so: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let deadline = Instant::now() + time;
        loop {
            self.read();
            if is_so(self) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.wait(left.min(Duration::from_millis(50)));
        }
    }

    fn wait(&self, time: Duration) {
        let timeout = Timespec::try_from(time).ok();
        let readable = self.main.as_ref().map(|main| PollFd::new(main, PollFlags::IN));
        let mut fds: Vec<_> = readable.into_iter().collect();
        // With the other side closed, the poll above returns at once.
        if let Ok(1..) = poll(&mut fds, timeout.as_ref())
            && fds.iter().any(|fd| !fd.revents().contains(PollFlags::IN))
        {
            let _ = poll(&mut [], timeout.as_ref());
        }
    }

    fn read(&mut self) {
        let mut room = [0; 16 * 1024];
        while let Some(main) = &mut self.main
            && let Ok(count @ 1..) = main.read(&mut room)
        {
            let bytes = room.get(..count).unwrap_or_default();
            self.parser.process(bytes);
            self.bytes = self.bytes.wrapping_add(count);
            self.drawn.extend_from_slice(bytes);
            let surplus = self.drawn.len().saturating_sub(DRAWN_MAX);
            self.drawn.drain(..surplus);
        }
    }

    /// Forgets earlier output for [`Pty::has_drawn`].
    pub(crate) fn mark(&mut self) {
        self.read();
        self.drawn.clear();
    }

    /// Whether a text was drawn since the mark.
    pub(crate) fn has_drawn(&self, text: &str) -> bool {
        self.drawn.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }

    /// The lines of the screen.
    pub(crate) fn lines(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let width = screen.size().1;
        screen.rows(0, width.get()).map(|row| row.trim_end().to_owned()).collect()
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        self.read();
        self.parser.screen_mut().set_size(at_least_one(rows), at_least_one(columns));
        if let Some(main) = &self.main {
            let _ = set_size(main.as_fd(), rows, columns);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Closes the terminal: the program gets SIGHUP.
    pub(crate) fn close(&mut self) {
        self.read();
        self.main = None;
        self.other = None;
    }

    /// The exit status, once the program has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.read();
        self.processor_time();
        self.child.try_wait().ok().flatten()
    }

    /// Whether a signal has stopped the program.
    pub(crate) fn is_stopped(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.starts_with(['T', 't']))
    }

    /// Processor time of the program since its start.
    pub(crate) fn processor_time(&mut self) -> Duration {
        self.used = self.used.max(processor_time(self.pid).unwrap_or_default());
        self.used
    }

    /// Processes output until the program is idle: for [`IDLE`] it has drawn nothing and used at
    /// most one tick of processor time. Returns false if `time` passes first; a program that has
    /// ended is idle.
    pub(crate) fn becomes_idle(&mut self, time: Duration) -> bool {
        let mut since = Instant::now();
        let mut state = (self.bytes, self.processor_time());
        self.pump_until(time, |pty| {
            let now = (pty.bytes, pty.processor_time());
            if now.0 != state.0 || now.1.saturating_sub(state.1) > TICK {
                (since, state) = (Instant::now(), now);
            }
            since.elapsed() >= IDLE
        })
    }

    /// The settings that the ended program did not restore. `None` if the terminal is closed.
    pub(crate) fn leftovers(&mut self) -> Option<Leftovers> {
        let other = self.other.as_ref()?;
        let now = tcgetattr(other).ok()?;
        self.read();
        let screen = self.parser.screen();
        let mut wrong = Vec::new();
        let same = |a: &Termios, b: &Termios| {
            let modes =
                |t: &Termios| (t.input_modes, t.output_modes, t.control_modes, t.local_modes);
            modes(a) == modes(b)
                && format!("{:?}", a.special_codes) == format!("{:?}", b.special_codes)
        };
        if !same(&now, &self.found) {
            wrong.push("the terminal's settings are not those that were found");
        }
        if screen.hide_cursor() {
            wrong.push("the cursor is hidden");
        }
        if screen.bracketed_paste() {
            wrong.push("bracketed paste is on");
        }
        if screen.alternate_screen() {
            wrong.push("the alternate screen is shown");
        }
        Some(Leftovers { wrong })
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn at_least_one(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN)
}

/// The exit status as shells count it.
pub(crate) fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // It is all test.

    use super::*;

    fn shell(script: &str) -> Pty {
        Pty::start(Command::new("sh").args(["-c", script]), 24, 80).unwrap()
    }

    #[test]
    fn a_busy_program_does_not_become_idle() {
        let mut busy = shell("while :; do :; done");
        assert!(!busy.becomes_idle(Duration::from_secs(2)));
        assert!(busy.processor_time() > Duration::ZERO);
        assert!(shell("read line").becomes_idle(Duration::from_secs(20)));
    }

    #[test]
    fn the_processor_time_of_an_ended_program_is_known() {
        let script = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; read line";
        let mut pty = shell(script);
        assert!(pty.becomes_idle(Duration::from_secs(60)));
        pty.write(b"\r").unwrap();
        assert!(pty.pump_until(Duration::from_secs(20), |pty| pty.ended().is_some()));
        assert!(pty.processor_time() > Duration::ZERO);
    }
}
