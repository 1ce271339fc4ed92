//! The terminal's modes (termios, bracketed paste): as they were found, and as the program sets
//! them.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    },
};

/// Turns a special character of the terminal off (POSIX: `_POSIX_VDISABLE`).
const NO_CHARACTER: u8 = 0;

/// Has the terminal mark pasted text (xterm's bracketed paste).
const BRACKETED_PASTE: &[u8] = b"\x1b[?2004h";

/// No bracketed paste, a visible cursor, the usual colours.
const USUAL_SCREEN: &[u8] = b"\x1b[?2004l\x1b[?25h\x1b[0m";

/// The modes of the terminal at standard input.
pub(super) struct Modes {
    /// `None` if standard input is not a terminal.
    found: Option<Termios>,
    /// `None` while the terminal is as it was found.
    set: Mutex<Option<SetModes>>,
    /// Another terminal that a command asks on, and its modes as they were found.
    other: OnceLock<(File, Termios)>,
}

/// Modes that the program has set.
#[derive(Clone)]
pub(super) struct SetModes {
    termios: Termios,
    has_bracketed_paste: bool,
}

/// A change of the modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Bytes come as they are typed, are not shown, and cause no signals. Pastes are marked.
    Raw,
    /// Bytes come as they are typed and are not shown. Ctrl-C is a signal; the characters that
    /// would stop the program with the terminal in this mode are off.
    Hold,
    /// Lines are not shown while they are typed.
    NoEcho,
    /// As the terminal was found.
    Found,
}

impl Modes {
    pub(super) fn read() -> Self {
        let found = tcgetattr(io::stdin()).ok();
        Self { found, set: Mutex::default(), other: OnceLock::new() }
    }

    /// Whether standard input is a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.found.is_some()
    }

    /// Whether standard input is a terminal that can do more than send lines.
    pub(super) fn has_keys(&self) -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        self.is_terminal() && !is_dumb
    }

    /// Notes another terminal and its modes, so that [`Self::restore`] restores them, too. Only the
    /// first call counts.
    pub(super) fn restore_also(&self, terminal: File) {
        if let Ok(found) = tcgetattr(&terminal) {
            let _ = self.other.set((terminal, found));
        }
    }

    /// Changes the modes. Returns those before, for [`Self::set`].
    pub(super) fn change(&self, change: Change) -> Option<SetModes> {
        let before = self.lock().clone();
        if let Some(found) = &self.found {
            let mut termios = found.clone();
            change.apply_to(&mut termios);
            let has_bracketed_paste = matches!(change, Change::Raw | Change::Hold);
            self.set(Some(SetModes { termios, has_bracketed_paste }));
        }
        before
    }

    pub(super) fn set(&self, modes: Option<SetModes>) {
        *self.lock() = modes;
        self.apply();
    }

    /// Gives the terminal the modes that the program has set.
    pub(super) fn apply(&self) {
        match &*self.lock() {
            Some(modes) => {
                // A terminal that has gone away is noticed by the next read.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes.termios);
                if self.has_keys() {
                    let is_marked = modes.has_bracketed_paste;
                    write_out(if is_marked { BRACKETED_PASTE } else { USUAL_SCREEN });
                }
            }
            None => self.restore(),
        }
    }

    /// Gives the terminal the modes that it was found with.
    pub(super) fn restore(&self) {
        if let Some(found) = &self.found {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
            if self.has_keys() {
                write_out(USUAL_SCREEN);
            }
        }
        if let Some((terminal, found)) = self.other.get() {
            let _ = tcsetattr(terminal, OptionalActions::Now, found);
        }
    }

    /// Ends the line that the cursor is on.
    pub(super) fn end_line(&self) {
        if self.has_keys() {
            write_out(b"\n");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SetModes>> {
        // The modes are replaced as a whole, so a poisoned mutex is safe to use.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    fn apply_to(self, termios: &mut Termios) {
        match self {
            Self::Raw => {
                termios.local_modes.remove(
                    LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN,
                );
                termios.input_modes.remove(
                    InputModes::ICRNL
                        | InputModes::INLCR
                        | InputModes::IGNCR
                        | InputModes::IXON
                        | InputModes::ISTRIP,
                );
                termios.special_codes[SpecialCodeIndex::VMIN] = 0;
                termios.special_codes[SpecialCodeIndex::VTIME] = 0;
            }
            Self::Hold => {
                termios.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
                // Ctrl-S would stop the spinner, and the program with it.
                let off = InputModes::ICRNL | InputModes::ISTRIP | InputModes::IXON;
                termios.input_modes.remove(off);
                for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
                    termios.special_codes[key] = NO_CHARACTER;
                }
            }
            Self::NoEcho => termios.local_modes.remove(LocalModes::ECHO),
            Self::Found => {}
        }
    }
}

/// Writes to the terminal, which is at standard output or else at standard error. Does not wait
/// for a terminal that takes no bytes: a signal must be able to end the program all the same.
fn write_out(bytes: &[u8]) {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let terminal = match (stdout.is_terminal(), stderr.is_terminal()) {
        (true, _) => stdout.as_fd(),
        (false, true) => stderr.as_fd(),
        (false, false) => return,
    };
    let mut fds = [PollFd::from_borrowed_fd(terminal, PollFlags::OUT)];
    // A terminal that has gone away ends the program by a signal.
    if poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
        let _ = rustix::io::write(terminal, bytes);
    }
}
