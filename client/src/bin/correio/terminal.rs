//! The terminal as it was found, whatever ends the program; and what Ctrl-C means.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use correio_client::Cancel;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// How the terminal was when the program started. Puts it back when dropped.
#[derive(Clone)]
pub(crate) struct Guard {
    /// `None` where standard input is no terminal.
    found: Option<Termios>,
    /// Whether a request is under way, which Ctrl-C then cancels.
    busy: Arc<AtomicBool>,
}

impl Guard {
    /// Notes how the terminal is and takes SIGINT, SIGTERM and SIGHUP from now on: they put it
    /// back and end the program. While a request is under way, SIGINT only cancels that.
    pub(crate) fn install(cancel: Cancel) -> io::Result<Self> {
        let found = tcgetattr(io::stdin()).ok();
        let guard = Self {
            found,
            busy: Arc::default(),
        };
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handler = guard.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGINT
                        && handler.busy.load(Ordering::SeqCst)
                        && !cancel.is_cancelled()
                    {
                        cancel.cancel();
                    } else {
                        handler.leave(signal);
                    }
                }
            })?;
        Ok(guard)
    }

    /// Whether a person sits at both ends.
    pub(crate) fn is_interactive(&self) -> bool {
        self.found.is_some() && io::stdout().is_terminal()
    }

    /// Says whether a request is under way.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// Takes keys one by one, without showing them, until the guard returned is dropped. Ctrl-C
    /// still is a signal.
    pub(crate) fn take_keys(&self) -> KeyMode {
        if let Some(found) = &self.found {
            let mut mode = found.clone();
            mode.local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO);
            // A terminal that has gone away is noticed by the next read.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &mode);
        }
        KeyMode(self.clone())
    }

    fn restore(&self) {
        if let Some(found) = &self.found {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
        }
    }

    /// Ends the program as the signal wants it.
    #[allow(clippy::exit)] // A signal's thread has no other way; nothing that is kept is open.
    fn leave(&self, signal: i32) -> ! {
        self.restore();
        if self.is_interactive() {
            let mut out = io::stdout();
            let _ = out
                .write_all(b"\x1b[?25h\x1b[0m\n")
                .and_then(|()| out.flush());
        }
        std::process::exit(128 + signal)
    }
}

/// See [`Guard::take_keys`].
pub(crate) struct KeyMode(Guard);

impl Drop for KeyMode {
    fn drop(&mut self) {
        self.0.restore();
    }
}
