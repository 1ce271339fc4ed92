//! Opens pseudo-terminals and starts programs on them.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    process::{Child, Command},
};

use rustix::{
    fs::{Mode, OFlags},
    io::ioctl_fionbio,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// Both ends of a pseudo-terminal.
#[derive(Debug)]
pub struct PtyPair {
    /// The user's end: output is read from it, and keys are written to it. It does not block.
    pub main: OwnedFd,
    /// The program's end. Kept open, so that its settings can be read after the program's end.
    pub other: OwnedFd,
}

impl PtyPair {
    /// Opens a terminal of a size.
    ///
    /// # Errors
    ///
    /// This machine has no pseudo-terminal left.
    pub fn open(rows: u16, columns: u16) -> io::Result<Self> {
        let main = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&main)?;
        unlockpt(&main)?;
        let name = ptsname(&main, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let other = rustix::fs::open(&*name, flags, Mode::empty())?;
        ioctl_fionbio(&main, true)?;
        set_size(&main, rows, columns)?;
        Ok(Self { main, other })
    }

    /// Starts a program with the terminal as its input, output and standard error. With `setsid
    /// --ctty` in front, the program gets it as its controlling terminal.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let end = || self.other.try_clone();
        command.stdin(end()?).stdout(end()?).stderr(end()?).spawn()
    }
}

/// Sets the size of a terminal.
///
/// # Errors
///
/// The descriptor is not a terminal.
pub fn set_size(terminal: impl AsFd, rows: u16, columns: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}
