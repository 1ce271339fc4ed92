//! The terminal: its modes, which are restored however the program ends, and the signals.
//!
//! One thread takes all signals. While the menus run ([`SignalRoute::Prompt`]), a signal that ends
//! the program goes to the open prompt, which saves typed text first; the program ends without the
//! prompt if that takes longer than [`GRACE`].

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::fd::BorrowedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use correio_client::Cancel;
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH},
    iterator::Signals,
};

use self::{
    job_control::has_job_control,
    modes::{Change, Modes, SetModes},
    waker::Waker,
};

mod job_control;
mod modes;
mod waker;

/// Time that a prompt has to save typed text after a signal that ends the program.
const GRACE: Duration = Duration::from_secs(2);

/// The terminal. Clones are the same terminal.
#[derive(Clone)]
pub(crate) struct Terminal(Arc<Inner>);

/// Where a signal goes that ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalRoute {
    /// To the open prompt, which saves typed text before it ends the program.
    Prompt,
    /// To the command, whose [`Cancel`] the first signal cancels. The second ends the program.
    Command,
    /// Nowhere: the program ends at once.
    Exit,
}

struct Inner {
    modes: Modes,
    /// Whether an action runs that Ctrl-C cancels, or that handles Ctrl-C itself.
    busy: AtomicBool,
    /// Whether another program has the terminal.
    released: AtomicBool,
    /// Whether the route is [`SignalRoute::Prompt`].
    routed_to_prompt: AtomicBool,
    /// Whether the route is [`SignalRoute::Command`].
    routed_to_command: AtomicBool,
    /// The signal that ends the program, or 0.
    ended_by: AtomicI32,
    /// Whether the screen must be drawn again.
    must_redraw: AtomicBool,
    /// Whether keys were held while no prompt was open; the next prompt drops them.
    held: AtomicBool,
    waker: Waker,
}

impl Terminal {
    /// Reads the terminal's modes and handles signals from now on.
    ///
    /// SIGINT, SIGTERM, SIGHUP and SIGQUIT restore the modes and end the program; while a request
    /// runs, the first SIGINT only cancels the request. SIGTSTP restores the modes and stops the
    /// program, SIGCONT sets them again.
    ///
    /// # Errors
    ///
    /// The sockets, the handlers or the thread could not be made.
    pub(crate) fn install(cancel: Cancel) -> io::Result<Self> {
        let inner = Inner {
            modes: Modes::read(),
            busy: AtomicBool::new(false),
            released: AtomicBool::new(false),
            routed_to_prompt: AtomicBool::new(false),
            routed_to_command: AtomicBool::new(false),
            ended_by: AtomicI32::new(0),
            must_redraw: AtomicBool::new(false),
            held: AtomicBool::new(false),
            waker: Waker::new()?,
        };
        let terminal = Self(Arc::new(inner));
        let handled = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];
        let mut signals = Signals::new(handled)?;
        let handler = terminal.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                handler.handle(signal, &cancel);
            }
        })?;
        terminal.restore_after_panic();
        Ok(terminal)
    }

    /// Makes a panic restore the modes before its message is written.
    fn restore_after_panic(&self) {
        let (terminal, report) = (self.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            terminal.clean_up();
            report(panic);
        }));
    }

    fn handle(&self, signal: i32, cancel: &Cancel) {
        if self.0.released.load(Ordering::SeqCst) {
            return self.handle_released(signal);
        }
        let is_cancelled = cancel.is_cancelled();
        match signal {
            SIGWINCH => self.redraw(),
            SIGCONT => {
                self.0.modes.apply();
                self.redraw();
            }
            SIGTSTP => self.stop(),
            SIGINT if self.0.busy.load(Ordering::SeqCst) && !is_cancelled => cancel.cancel(),
            SIGINT | SIGTERM | SIGHUP
                if self.0.routed_to_command.load(Ordering::SeqCst) && !is_cancelled =>
            {
                cancel.cancel();
            }
            _ if self.0.routed_to_prompt.load(Ordering::SeqCst) && self.ended_by().is_none() => {
                self.0.ended_by.store(signal, Ordering::SeqCst);
                cancel.cancel();
                self.0.waker.wake();
                self.leave_after_grace(signal);
            }
            _ => self.leave(signal),
        }
    }

    /// Handles a signal while another program has the terminal: typed keys are that program's, and
    /// the modes are left alone.
    fn handle_released(&self, signal: i32) {
        match signal {
            SIGTSTP => _ = kill_process(getpid(), Signal::STOP),
            SIGTERM | SIGHUP => self.leave(signal),
            _ => {}
        }
    }

    /// Ends the program after [`GRACE`], unless the prompt has ended it before.
    fn leave_after_grace(&self, signal: i32) {
        let terminal = self.clone();
        let watch = move || {
            let (_ends_with_the_program, end) = mpsc::channel::<()>();
            let _ = end.recv_timeout(GRACE);
            terminal.leave(signal);
        };
        if thread::Builder::new().name("grace".to_owned()).spawn(watch).is_err() {
            self.leave(signal);
        }
    }

    /// Whether a user sits at both ends of a terminal that can do more than print lines.
    pub(crate) fn is_interactive(&self) -> bool {
        self.has_keys() && io::stdout().is_terminal()
    }

    /// Whether standard input is a terminal that can do more than send lines.
    pub(crate) fn has_keys(&self) -> bool {
        self.0.modes.has_keys()
    }

    /// Whether standard input is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.0.modes.is_terminal()
    }

    /// Sets whether an action runs that Ctrl-C cancels.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.0.busy.store(busy, Ordering::SeqCst);
    }

    /// Decides where the signals that end the program go from now on.
    pub(crate) fn route_signals(&self, route: SignalRoute) {
        self.0.routed_to_prompt.store(route == SignalRoute::Prompt, Ordering::SeqCst);
        self.0.routed_to_command.store(route == SignalRoute::Command, Ordering::SeqCst);
    }

    /// The signal that ends the program, after it has come.
    pub(crate) fn ended_by(&self) -> Option<i32> {
        Some(self.0.ended_by.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether the screen must be drawn again. True once for each [`Self::redraw`].
    pub(crate) fn take_redraw(&self) -> bool {
        self.0.must_redraw.swap(false, Ordering::SeqCst)
    }

    /// Requests that the screen is drawn again.
    pub(crate) fn redraw(&self) {
        self.0.must_redraw.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }

    /// Readable after a signal, until [`Self::drain_waker`].
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.0.waker.fd()
    }

    /// Reads the bytes that made the waker readable.
    pub(crate) fn drain_waker(&self) {
        self.0.waker.drain();
    }

    /// Also restores another terminal's modes when the program ends. Only the first call counts.
    pub(crate) fn restore_also(&self, terminal: File) {
        self.0.modes.restore_also(terminal);
    }

    /// Reads bytes as they are typed, without an echo, and has pastes marked, until the returned
    /// guard is dropped. Ctrl-C is a key like any other, so that typed text can be saved.
    pub(crate) fn raw_mode(&self) -> ModeGuard {
        self.change(Change::Raw)
    }

    /// Whether keys were held since the last call.
    pub(crate) fn take_held(&self) -> bool {
        self.0.held.swap(false, Ordering::SeqCst)
    }

    /// Holds typed keys back, without an echo, until the returned guard is dropped. Ctrl-C is a
    /// signal; Ctrl-Z and Ctrl-\ are not, because the program would stop in this mode.
    pub(crate) fn hold_keys(&self) -> ModeGuard {
        self.0.held.store(true, Ordering::SeqCst);
        self.change(Change::Hold)
    }

    /// Hides typed text until the returned guard is dropped.
    pub(crate) fn hide_echo(&self) -> ModeGuard {
        self.change(Change::NoEcho)
    }

    /// Leaves the terminal to another program, in the modes it was found with, until the returned
    /// guard is dropped.
    pub(crate) fn release(&self) -> Released {
        let mode = self.change(Change::Found);
        self.0.released.store(true, Ordering::SeqCst);
        Released(mode)
    }

    /// Restores the modes before the program ends early.
    pub(crate) fn clean_up(&self) {
        self.0.modes.restore();
        self.0.modes.end_line();
    }

    /// Stops the program, as Ctrl-Z does, with the modes restored. SIGCONT lets it go on.
    ///
    /// Does nothing if no shell could send SIGCONT: the program would stay stopped for ever.
    pub(crate) fn suspend(&self) {
        if !has_job_control() {
            return;
        }
        self.0.modes.restore();
        // The whole job stops, as it does when the terminal itself handles Ctrl-Z.
        let _ = kill_current_process_group(Signal::TSTP);
    }

    fn stop(&self) {
        if !has_job_control() {
            return;
        }
        self.0.modes.restore();
        let _ = kill_process(getpid(), Signal::STOP);
    }

    fn change(&self, change: Change) -> ModeGuard {
        ModeGuard { before: self.0.modes.change(change), terminal: self.clone() }
    }

    /// Ends the program with the status of the signal.
    #[allow(clippy::exit)] // A signal's thread has no other way; nothing that is kept is open.
    fn leave(&self, signal: i32) -> ! {
        self.clean_up();
        std::process::exit(128 + signal)
    }
}

/// When dropped, restores the modes from before it was made.
pub(crate) struct ModeGuard {
    terminal: Terminal,
    before: Option<SetModes>,
}

impl Drop for ModeGuard {
    fn drop(&mut self) {
        self.terminal.0.modes.set(self.before.take());
    }
}

/// Another program has the terminal until this is dropped.
pub(crate) struct Released(ModeGuard);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.terminal.0.released.store(false, Ordering::SeqCst);
    }
}
