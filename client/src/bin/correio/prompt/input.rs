//! Reads the terminal and hands out input events, one at a time, with a deadline.
//!
//! Bytes that arrive within [`GATHERED_WITHIN`] of one another are gathered first and then grouped
//! as a whole, because only together they show whether they are a paste.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use correio_client::keys::{Decoder, Event, Key};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use signal_hook::consts::SIGHUP;
use zeroize::Zeroize;

use super::{
    answer::{Answer, Stop},
    input_event::{CTRL_C, InputEvent, group},
};
use crate::terminal::Terminal;

/// Silence after which a lone ESC counts as the Esc key, and the start of a control string as Alt
/// with a letter. Longer than a slow connection needs to deliver the rest of an escape sequence.
const SILENCE: Duration = Duration::from_millis(300);

/// Silence after which a paste ends whose end mark was lost.
const PASTE_SILENCE: Duration = Duration::from_secs(5);

/// Silence after which any other incomplete escape sequence or character is given up. Neither is
/// ambiguous, so both may wait longer for a slow connection.
const BEGUN_SILENCE: Duration = Duration::from_secs(2);

/// Input within this time after at least two keys belongs to the same burst.
const GATHERED_WITHIN: Duration = Duration::from_millis(15);

/// Text within this time after a paste continues the paste.
const CONTINUED_WITHIN: Duration = Duration::from_millis(100);

/// Maximum number of bytes that are gathered before they are handed out.
const GATHERED_MAX: usize = 1 << 20;

/// Size of one read, in bytes.
const READ: usize = 4096;

const CTRL_C_BYTE: u8 = 3;

const CTRL_L: Key = Key::ctrl('l');
const CTRL_Z: Key = Key::ctrl('z');

/// Result of waiting for input.
#[derive(Debug)]
pub(super) enum Wait {
    Typed(InputEvent),
    /// The screen must be drawn again: the window was resized, or another program had the screen.
    Stale,
    /// The deadline has passed.
    Idle,
}

/// Reads a terminal.
pub(super) struct InputReader {
    terminal: Terminal,
    decoder: Decoder,
    typed: VecDeque<InputEvent>,
    /// Time of the last input.
    last: Instant,
    /// Time of the last input that was not typed into a control string.
    continued: Instant,
    /// Time of the last input that was a paste.
    pasted: Option<Instant>,
}

impl InputReader {
    pub(super) fn new(terminal: Terminal) -> Self {
        let (decoder, typed) = (Decoder::new(), VecDeque::new());
        let now = Instant::now();
        Self { terminal, decoder, typed, last: now, continued: now, pasted: None }
    }

    /// Waits for the next event, until a deadline.
    ///
    /// # Errors
    ///
    /// Ctrl-C, a signal that ends the program, or a terminal that has gone away.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> Answer<Wait> {
        loop {
            if let Some(signal) = self.terminal.ended_by() {
                return Err(Stop::Signal(signal));
            }
            if self.terminal.take_redraw() {
                return Ok(Wait::Stale);
            }
            match self.typed.pop_front() {
                Some(InputEvent::Key(CTRL_C)) => return Err(Stop::Interrupted),
                Some(InputEvent::Key(CTRL_L)) => return Ok(Wait::Stale),
                Some(InputEvent::Key(CTRL_Z)) => {
                    self.terminal.suspend();
                    continue;
                }
                Some(typed) => return Ok(Wait::Typed(typed)),
                None => {}
            }
            let silence = self.silence();
            let incomplete_until = self.decoder.is_pending().then_some(self.continued + silence);
            let next = [until, incomplete_until].into_iter().flatten().min();
            if self.poll(next)? {
                self.gather()?;
                continue;
            }
            let now = Instant::now();
            if incomplete_until.is_some_and(|incomplete_until| incomplete_until <= now) {
                self.end_incomplete();
            } else if until.is_some_and(|until| until <= now) {
                return Ok(Wait::Idle);
            }
        }
    }

    /// Ends an incomplete sequence after silence. The end mark of a lost paste may still come, so
    /// such a paste is handed out as a burst, which has no known end.
    fn end_incomplete(&mut self) {
        let is_paste = self.decoder.is_pasting();
        let mut events = Vec::new();
        self.decoder.silence(&mut events);
        self.take(events, false);
        if let Some(InputEvent::Paste(text)) = self.typed.back_mut().filter(|_| is_paste) {
            let text = std::mem::take(text);
            self.typed.pop_back();
            self.typed.push_back(InputEvent::Burst(text));
        }
    }

    fn silence(&self) -> Duration {
        match () {
            () if self.decoder.is_pasting() => PASTE_SILENCE,
            () if self.decoder.is_lone_escape() || self.decoder.is_string() => SILENCE,
            () => BEGUN_SILENCE,
        }
    }

    /// Drops this key if it arrived together with the event handed out last.
    pub(super) fn drop_with_last(&mut self, key: Key) {
        if self.typed.front() == Some(&InputEvent::Key(key)) {
            self.typed.pop_front();
        }
    }

    /// Puts back an event that is meant for the next prompt.
    pub(super) fn put_back(&mut self, typed: InputEvent) {
        self.typed.push_front(typed);
    }

    /// Drops answers that were typed ahead, because the answer before them was refused.
    pub(super) fn drop_typed_ahead(&mut self) {
        self.typed.retain(|typed| !matches!(typed, InputEvent::TypedAhead(_)));
    }

    /// Takes this key if it is the next event and has arrived already. Returns whether it was.
    pub(super) fn take_waiting(&mut self, key: Key) -> Answer<bool> {
        while self.typed.is_empty() && self.poll(Some(Instant::now()))? {
            self.gather()?;
        }
        let is_next = self.typed.front() == Some(&InputEvent::Key(key));
        if is_next {
            self.typed.pop_front();
        }
        Ok(is_next)
    }

    /// Drops all input so far. A paste that has begun is dropped up to its end.
    ///
    /// # Errors
    ///
    /// Ctrl-C was among the input: it ends the program whenever it is pressed. See also
    /// [`Self::wait`].
    pub(super) fn clear(&mut self) -> Answer<()> {
        let is_paste = self.decoder.is_pasting();
        while self.poll(Some(Instant::now()))? {
            self.gather()?;
        }
        let is_interrupted = self.typed.contains(&InputEvent::Key(CTRL_C));
        self.typed.clear();
        if is_paste || self.decoder.is_pasting() {
            self.pasted = Some(Instant::now());
        }
        if is_interrupted { Err(Stop::Interrupted) } else { Ok(()) }
    }

    /// Waits until the terminal has input, until a deadline. Returns false after the deadline or a
    /// signal.
    fn poll(&self, until: Option<Instant>) -> Answer<bool> {
        let stdin = io::stdin();
        let waker = self.terminal.waker();
        let mut fds =
            [PollFd::new(&stdin, PollFlags::IN), PollFd::from_borrowed_fd(waker, PollFlags::IN)];
        let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
        let rest = rest.map(|rest| Timespec::try_from(rest).map_err(|_| Stop::Leave));
        match poll(&mut fds, rest.transpose()?.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(_) => return Err(Stop::Leave),
        }
        let [stdin, waker] = fds.map(|fd| fd.revents());
        if !waker.is_empty() {
            self.terminal.drain_waker();
        }
        match stdin.contains(PollFlags::IN) {
            // Input from before the hangup is still read.
            false if !stdin.is_empty() => Err(Stop::Signal(SIGHUP)),
            is_ready => Ok(is_ready),
        }
    }

    /// Reads the input that is there, and the input that arrives together with it.
    fn gather(&mut self) -> Answer<()> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        let continues = self.pasted.is_some_and(|at| at.elapsed() < CONTINUED_WITHIN);
        loop {
            let read = self.read(&mut events)?;
            bytes += read;
            let is_burst = events.len() > 1 || read == READ || self.decoder.is_pasting();
            if !is_burst || bytes >= GATHERED_MAX {
                break;
            }
            if !self.poll(Some(Instant::now() + GATHERED_WITHIN))? {
                break;
            }
        }
        self.take(events, continues);
        Ok(())
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Answer<usize> {
        let mut bytes = [0; READ];
        let read = match rustix::io::read(io::stdin(), &mut bytes) {
            // Readable without a byte: the terminal was closed.
            Ok(0) if self.is_hung_up() => return Err(Stop::Signal(SIGHUP)),
            Ok(read) => read,
            Err(Errno::INTR | Errno::AGAIN) => 0,
            Err(_) => return Err(Stop::Signal(SIGHUP)),
        };
        let came = bytes.get(..read).unwrap_or_default();
        if came == [CTRL_C_BYTE] && self.decoder.is_pasting() && self.last.elapsed() > SILENCE {
            // Ctrl-C works although the end mark of a paste was lost.
            self.decoder.silence(events);
        }
        let was_string = self.decoder.is_string();
        self.decoder.feed(came, events);
        self.last = Instant::now();
        // A terminal sends a control string at once. After Alt-P, a user's typing arrives one
        // character at a time and must not keep the string open.
        if !(was_string && self.decoder.is_string() && is_one_character(came)) {
            self.continued = self.last;
        }
        // The bytes may be a password.
        bytes.zeroize();
        Ok(read)
    }

    fn is_hung_up(&self) -> bool {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
        let is_polled = poll(&mut fds, Some(&Timespec::default())).is_ok();
        is_polled && fds.iter().any(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR))
    }

    fn take(&mut self, events: Vec<Event>, continues_paste: bool) {
        let (typed, is_paste) = group(events, continues_paste);
        self.pasted = is_paste.then(Instant::now);
        self.typed.extend(typed);
    }
}

fn is_one_character(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    bytes.len() == 1 || text.is_ok_and(|text| text.chars().count() == 1)
}
