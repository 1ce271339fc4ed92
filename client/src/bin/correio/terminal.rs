//! The terminal as it was found, whatever ends the program; and what Ctrl-C means.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use correio_client::Cancel;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// A key of the terminal that stands for nothing (POSIX calls it `_POSIX_VDISABLE`).
const NO_KEY: u8 = 0;

/// How the terminal was when the program started, and what a signal does meanwhile.
#[derive(Clone)]
pub(crate) struct Guard {
    /// `None` where standard input is no terminal.
    found: Option<Termios>,
    /// Another terminal where a person is asked, and how it was.
    other: Arc<OnceLock<(File, Termios)>>,
    /// Whether something is under way that Ctrl-C cancels, or that has Ctrl-C for itself.
    busy: Arc<AtomicBool>,
}

impl Guard {
    /// Notes how the terminal is and takes SIGINT, SIGTERM and SIGHUP from now on: they put it
    /// back and end the program. While a request is under way, SIGINT only cancels that.
    pub(crate) fn install(cancel: Cancel) -> io::Result<Self> {
        let found = tcgetattr(io::stdin()).ok();
        let guard = Self { found, other: Arc::default(), busy: Arc::default() };
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handler = guard.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGINT && handler.busy.load(Ordering::SeqCst) && !cancel.is_cancelled()
                {
                    cancel.cancel();
                } else {
                    handler.leave(signal);
                }
            }
        })?;
        Ok(guard)
    }

    /// Whether a person sits at both ends of a terminal that can do more than print lines.
    pub(crate) fn is_interactive(&self) -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        self.found.is_some() && io::stdout().is_terminal() && !is_dumb
    }

    /// Says whether something is under way that Ctrl-C cancels.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// Puts another terminal back, too, as it is now. The first one counts.
    pub(crate) fn keep_too(&self, terminal: File) {
        if let Ok(found) = tcgetattr(&terminal) {
            let _ = self.other.set((terminal, found));
        }
    }

    /// Takes keys one by one, without showing them, until the guard returned is dropped. Ctrl-C
    /// is a key like any other, so that what was typed can be kept.
    pub(crate) fn take_keys(&self) -> Mode {
        self.change(|mode| {
            mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        })
    }

    /// Keeps what is typed for later, without showing it, until the guard returned is dropped.
    /// Ctrl-C is a signal; what would stop the program with the terminal like that is not.
    pub(crate) fn hold_keys(&self) -> Mode {
        self.change(|mode| {
            mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
                mode.special_codes[key] = NO_KEY;
            }
        })
    }

    /// Does not show what is typed until the guard returned is dropped.
    pub(crate) fn hide_typing(&self) -> Mode {
        self.change(|mode| mode.local_modes.remove(LocalModes::ECHO))
    }

    /// Puts everything back before the program ends because of Ctrl-C.
    pub(crate) fn clean_up(&self) {
        self.restore();
        if self.is_interactive() {
            let mut out = io::stdout();
            let _ = out.write_all(b"\x1b[?25h\x1b[0m\n").and_then(|()| out.flush());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Termios)) -> Mode {
        if let Some(found) = &self.found {
            let mut mode = found.clone();
            change(&mut mode);
            // A terminal that has gone away is noticed by the next read.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &mode);
        }
        Mode(self.clone())
    }

    fn restore(&self) {
        if let Some(found) = &self.found {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
        }
        if let Some((terminal, found)) = self.other.get() {
            let _ = tcsetattr(terminal, OptionalActions::Now, found);
        }
    }

    /// Ends the program as the signal wants it.
    #[allow(clippy::exit)] // A signal's thread has no other way; nothing that is kept is open.
    fn leave(&self, signal: i32) -> ! {
        self.clean_up();
        std::process::exit(128 + signal)
    }
}

/// The terminal is another way until this is dropped.
pub(crate) struct Mode(Guard);

impl Drop for Mode {
    fn drop(&mut self) {
        self.0.restore();
    }
}
