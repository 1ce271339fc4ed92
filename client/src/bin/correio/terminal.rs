//! The terminal's settings, put back however the program ends; and the meaning of signals.
//!
//! One thread takes all signals. While the menus run ([`SignalRoute::Prompt`]), a signal that ends the
//! program is handed to the prompt that is open, so that typed text is kept first; the program
//! ends by itself where that takes longer than [`GRACE`].

use std::{
    env,
    fs::{self, File},
    io::{self, IsTerminal, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use correio_client::Cancel;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, getpid, kill_current_process_group, kill_process},
    termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    },
};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH},
    iterator::Signals,
};

/// A key of the terminal that stands for nothing (POSIX calls it `_POSIX_VDISABLE`).
const NO_CHARACTER: u8 = 0;

/// How long a prompt may take to keep what was typed after a signal that ends the program.
const GRACE: Duration = Duration::from_secs(2);

/// Has the terminal mark pasted text (xterm's bracketed paste).
const BRACKETED_PASTE: &[u8] = b"\x1b[?2004h";

/// The terminal does not mark pasted text, shows its cursor and has its usual colours.
const USUAL_SCREEN: &[u8] = b"\x1b[?2004l\x1b[?25h\x1b[0m";

/// The terminal's settings as they were found, and what signals do.
#[derive(Clone)]
pub(crate) struct Terminal(Arc<Inner>);

/// Where a signal goes that ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalRoute {
    /// To the open prompt, which keeps what was typed and then ends the program.
    Prompt,
    /// Nowhere: the program ends at once.
    Exit,
}

struct Inner {
    /// `None` where standard input is no terminal.
    found: Option<Termios>,
    /// The settings now.
    now: Mutex<Option<Modes>>,
    /// Another terminal where a person is asked, and how it was.
    other: OnceLock<(File, Termios)>,
    /// Whether something is under way that Ctrl-C cancels, or that has Ctrl-C for itself.
    busy: AtomicBool,
    /// Whether another program has the terminal.
    released: AtomicBool,
    /// Whether a prompt takes the signals that end the program.
    routed_to_prompt: AtomicBool,
    /// The signal that ends the program, or 0.
    ended_by: AtomicI32,
    /// Whether the screen has to be drawn anew.
    stale: AtomicBool,
    /// Whether keys were typed while no prompt was open; the next prompt drops them.
    held: AtomicBool,
    /// Wakes the prompt: the end that it polls, and the other.
    wake: (UnixStream, UnixStream),
}

/// Settings that the program has made.
#[derive(Clone)]
struct Modes {
    termios: Termios,
    /// Whether the terminal marks pasted text.
    marks_pastes: bool,
}

impl Terminal {
    /// Notes the terminal's settings and takes signals from now on.
    ///
    /// SIGINT, SIGTERM, SIGHUP and SIGQUIT put the settings back and end the program; while a
    /// request is under way, SIGINT only cancels that. SIGTSTP puts them back and stops it, SIGCONT
    /// makes them again.
    pub(crate) fn install(cancel: Cancel) -> io::Result<Self> {
        let wake = UnixStream::pair()?;
        wake.0.set_nonblocking(true)?;
        wake.1.set_nonblocking(true)?;
        let inner = Inner {
            found: tcgetattr(io::stdin()).ok(),
            now: Mutex::default(),
            other: OnceLock::new(),
            busy: AtomicBool::new(false),
            released: AtomicBool::new(false),
            routed_to_prompt: AtomicBool::new(false),
            ended_by: AtomicI32::new(0),
            stale: AtomicBool::new(false),
            held: AtomicBool::new(false),
            wake,
        };
        let terminal = Self(Arc::new(inner));
        let taken = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];
        let mut signals = Signals::new(taken)?;
        let handler = terminal.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                handler.handle(signal, &cancel);
            }
        })?;
        terminal.restore_after_panic();
        Ok(terminal)
    }

    /// A panic is reported on a terminal that shows it.
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
                self.apply();
                self.redraw();
            }
            SIGTSTP => self.stop(),
            SIGINT if self.0.busy.load(Ordering::SeqCst) && !is_cancelled => cancel.cancel(),
            _ if self.0.routed_to_prompt.load(Ordering::SeqCst) && self.ended_by().is_none() => {
                self.0.ended_by.store(signal, Ordering::SeqCst);
                cancel.cancel();
                self.wake();
                self.leave_after_grace(signal);
            }
            _ => self.leave(signal),
        }
    }

    /// While another program has the terminal: keys are meant for that program, and its settings
    /// are left alone.
    fn handle_released(&self, signal: i32) {
        match signal {
            SIGTSTP => _ = kill_process(getpid(), Signal::STOP),
            SIGTERM | SIGHUP => self.leave(signal),
            _ => {}
        }
    }

    /// Ends the program where the prompt has not ended it by then.
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

    /// Whether a person sits at both ends of a terminal that can do more than print lines.
    pub(crate) fn is_interactive(&self) -> bool {
        self.has_keys() && io::stdout().is_terminal()
    }

    /// Whether standard input is a terminal that can do more than send lines.
    pub(crate) fn has_keys(&self) -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        self.is_terminal() && !is_dumb
    }

    /// Whether standard input is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.0.found.is_some()
    }

    /// Says whether something is under way that Ctrl-C cancels.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.0.busy.store(busy, Ordering::SeqCst);
    }

    /// Decides where the signals that end the program go from now on.
    pub(crate) fn route_signals(&self, route: SignalRoute) {
        self.0.routed_to_prompt.store(route == SignalRoute::Prompt, Ordering::SeqCst);
    }

    /// The signal that ends the program, once there was one.
    pub(crate) fn ended_by(&self) -> Option<i32> {
        Some(self.0.ended_by.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether the screen has to be drawn anew, since the last call.
    pub(crate) fn take_redraw(&self) -> bool {
        self.0.stale.swap(false, Ordering::SeqCst)
    }

    /// Readable after a signal, until [`Self::take_wake`].
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.0.wake.0.as_fd()
    }

    /// Takes what made the waker readable.
    pub(crate) fn drain_waker(&self) {
        let mut bytes = [0; 64];
        while (&self.0.wake.0).read(&mut bytes).is_ok_and(|read| read > 0) {}
    }

    fn wake(&self) {
        // A full pipe wakes as well.
        let _ = (&self.0.wake.1).write(&[0]);
    }

    /// Has the screen drawn anew.
    pub(crate) fn redraw(&self) {
        self.0.stale.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Puts another terminal back, too, as it is now. The first one counts.
    pub(crate) fn restore_also(&self, terminal: File) {
        if let Ok(found) = tcgetattr(&terminal) {
            let _ = self.0.other.set((terminal, found));
        }
    }

    /// Takes bytes as they come, without showing them, and has pastes marked, until the guard
    /// returned is dropped. Ctrl-C is a key like any other, so that what was typed can be kept.
    pub(crate) fn raw_mode(&self) -> ModeGuard {
        self.change(true, |mode| {
            mode.local_modes.remove(
                LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN,
            );
            mode.input_modes.remove(
                InputModes::ICRNL
                    | InputModes::INLCR
                    | InputModes::IGNCR
                    | InputModes::IXON
                    | InputModes::ISTRIP,
            );
            mode.special_codes[SpecialCodeIndex::VMIN] = 0;
            mode.special_codes[SpecialCodeIndex::VTIME] = 0;
        })
    }

    /// Whether keys were held back since the last call.
    pub(crate) fn take_held(&self) -> bool {
        self.0.held.swap(false, Ordering::SeqCst)
    }

    /// Holds what is typed back, without showing it, until the guard returned is dropped. Ctrl-C
    /// is a signal; what would stop the program with the terminal like that is not.
    pub(crate) fn hold_keys(&self) -> ModeGuard {
        self.0.held.store(true, Ordering::SeqCst);
        self.change(true, |mode| {
            mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Ctrl-S would stop the spinner, and the program with it.
            mode.input_modes.remove(InputModes::ICRNL | InputModes::ISTRIP | InputModes::IXON);
            for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
                mode.special_codes[key] = NO_CHARACTER;
            }
        })
    }

    /// Does not show what is typed until the guard returned is dropped.
    pub(crate) fn hide_echo(&self) -> ModeGuard {
        self.change(false, |mode| mode.local_modes.remove(LocalModes::ECHO))
    }

    /// Lends the terminal to another program, as it was found, until the guard returned is
    /// dropped.
    pub(crate) fn release(&self) -> Released {
        let mode = self.change(false, |_| {});
        self.0.released.store(true, Ordering::SeqCst);
        Released(mode)
    }

    /// Puts everything back before the program ends early.
    pub(crate) fn clean_up(&self) {
        self.restore();
        if self.has_keys() {
            write_out(b"\n");
        }
    }

    /// Stops the program, as Ctrl-Z does, with the terminal as it was found. It goes on with
    /// SIGCONT.
    ///
    /// Where no shell could let it go on, nothing happens: the program would stand still for ever.
    pub(crate) fn suspend(&self) {
        if !has_job_control() {
            return;
        }
        self.restore();
        // The whole job stops, as the terminal itself would have it.
        let _ = kill_current_process_group(Signal::TSTP);
    }

    fn stop(&self) {
        if !has_job_control() {
            return;
        }
        self.restore();
        let _ = kill_process(getpid(), Signal::STOP);
    }

    fn now(&self) -> MutexGuard<'_, Option<Modes>> {
        // The settings are replaced as a whole, so a poisoned mutex is safe to use.
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, marks_pastes: bool, change: impl FnOnce(&mut Termios)) -> ModeGuard {
        let before = self.now().clone();
        if let Some(found) = &self.0.found {
            let mut termios = found.clone();
            change(&mut termios);
            *self.now() = Some(Modes { termios, marks_pastes });
            self.apply();
        }
        ModeGuard { terminal: self.clone(), before }
    }

    /// Makes the settings that the program wants now.
    fn apply(&self) {
        match &*self.now() {
            Some(modes) => {
                // A terminal that has gone away is noticed by the next read.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes.termios);
                if self.has_keys() {
                    write_out(if modes.marks_pastes { BRACKETED_PASTE } else { USUAL_SCREEN });
                }
            }
            None => self.restore(),
        }
    }

    fn restore(&self) {
        if let Some(found) = &self.0.found {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
            if self.has_keys() {
                write_out(USUAL_SCREEN);
            }
        }
        if let Some((terminal, found)) = self.0.other.get() {
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

/// Whether a shell of this session looks after the program's process group. The kernel ignores
/// SIGTSTP for a group without one (POSIX: orphaned process group).
fn has_job_control() -> bool {
    let Some(own) = ProcessStat::of("self") else {
        // A system without Linux's /proc: a program on a terminal usually has a shell.
        return true;
    };
    let mut ancestor = own.parent;
    while ancestor != 0 {
        match ProcessStat::of(&ancestor.to_string()) {
            Some(found) if found.group == own.group => ancestor = found.parent,
            Some(found) => return found.session == own.session,
            None => return false,
        }
    }
    false
}

/// The processes that a process belongs to, as `/proc/PID/stat` tells them: 0 for each that is
/// outside of the PID namespace. The system calls return that 0, too, where rustix knows none.
struct ProcessStat {
    parent: u32,
    group: u32,
    session: u32,
}

impl ProcessStat {
    fn of(process: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in brackets, may contain anything; the state is between it and the numbers.
        let mut numbers = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        let mut next = || numbers.next()?.parse().ok();
        Some(Self { parent: next()?, group: next()?, session: next()? })
    }
}

/// Writes to the terminal, which is at standard output or else at standard error. Waits for no
/// terminal that takes nothing: a signal must be able to end the program all the same.
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

/// The terminal has other settings until this is dropped.
pub(crate) struct ModeGuard {
    terminal: Terminal,
    before: Option<Modes>,
}

/// Another program has the terminal until this is dropped.
pub(crate) struct Released(ModeGuard);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.terminal.0.released.store(false, Ordering::SeqCst);
    }
}

impl Drop for ModeGuard {
    fn drop(&mut self) {
        *self.terminal.now() = self.before.take();
        self.terminal.apply();
    }
}
