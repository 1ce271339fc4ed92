//! Monkey test: random input that chooses nothing, so that the client must stay on its screen.

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::{
    client::{ESCAPE, ESCAPE_TAKEN, PATIENCE},
    driver::Driver,
    screen::Screen,
    texts::{self, pick},
};

/// Control characters without a meaning in a menu. Enter, Ctrl-C, Ctrl-D and Esc have one.
const CONTROLS: &[u8] =
    b"\x00\x01\x02\x05\x06\x07\x08\x09\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x19\x1c\x1d\x1e\x1f\x7f";

/// Unusual window sizes.
const SIZES: [(u16, u16); 8] =
    [(1, 1), (1, 80), (2, 3), (3, 200), (8, 40), (24, 20), (60, 10), (200, 300)];

/// The sequence that clears the screen; every redraw of a whole screen begins with it.
const CLEAR: &str = "\x1b[2J";

impl Driver {
    pub(crate) fn monkey_in_the_menu(&mut self) -> Result<()> {
        self.go_home()?;
        self.monkey(Screen::Home)
    }

    pub(crate) fn monkey_in_the_account_menu(&mut self) -> Result<()> {
        self.go_home()?;
        self.keys("choose", b"9")?;
        self.await_screen(Screen::Account)?;
        self.monkey(Screen::Account)?;
        self.keys("press", ESCAPE)?;
        self.await_screen(Screen::Home)
    }

    /// Sends random input to a question of one line, which must not take it as the answer.
    pub(crate) fn monkey_in_a_question(&mut self) -> Result<()> {
        self.go_home()?;
        self.keys("choose", b"4")?;
        let screen = Screen::Question("To");
        self.await_screen(screen)?;
        self.monkey(screen)?;
        self.keys("press", ESCAPE)?;
        // The client may ask whether to keep the typed text as a draft.
        self.go_home()
    }

    fn monkey(&mut self, screen: Screen) -> Result<()> {
        for _ in 0..self.rng.usize(3..=15) {
            self.random_input(screen)?;
            if self.rng.u8(0..4) == 0 {
                self.assert_unmoved(screen)?;
            }
        }
        self.assert_unmoved(screen)
    }

    fn random_input(&mut self, screen: Screen) -> Result<()> {
        match self.rng.u8(0..16) {
            0..6 => self.sequence(),
            6 => {
                let letters = texts::letters(&mut self.rng);
                self.keys("letters", letters.as_bytes())
            }
            7 => {
                let text = texts::mixed(&mut self.rng);
                self.keys("text", text.as_bytes())
            }
            8 | 9 => {
                let paste = texts::bracketed(texts::hostile(&mut self.rng));
                self.keys("paste", &paste)
            }
            10 | 11 => {
                let burst = texts::hostile(&mut self.rng);
                self.keys("burst", burst.as_bytes())?;
                // Later input within this time would belong to the burst.
                self.pause(120)
            }
            12 => {
                let control = pick(&mut self.rng, CONTROLS).copied().unwrap_or(1);
                // Ctrl-L and the like; Tab and Backspace are keys of a question.
                self.keys("control", &[control])
            }
            13 => self.odd_size(),
            14 => self.stopped(screen),
            _ => self.suspended(),
        }
    }

    /// Sends a sequence, whole or in two pieces.
    pub(crate) fn sequence(&mut self) -> Result<()> {
        let sequence = pick(&mut self.rng, &self.sequences.any).cloned().unwrap_or_default();
        let at = self.rng.usize(0..=sequence.len());
        let (start, rest) = sequence.split_at(at);
        match start.is_empty() || rest.is_empty() {
            true => self.keys("sequence", &sequence),
            false => {
                self.keys("start of a sequence", start)?;
                self.keys("its rest", rest)
            }
        }
    }

    pub(crate) fn odd_size(&mut self) -> Result<()> {
        let size = pick(&mut self.rng, &SIZES).copied().unwrap_or((24, 80));
        let random = (self.rng.u16(1..=200), self.rng.u16(1..=300));
        let (rows, columns) = if self.rng.bool() { size } else { random };
        self.resize(rows, columns)?;
        self.pause(40)
    }

    /// Stops the client, types meanwhile, and continues it.
    fn stopped(&mut self, screen: Screen) -> Result<()> {
        self.note("SIGSTOP");
        self.pty()?.signal(Signal::STOP);
        if screen == Screen::Home {
            let burst = texts::hostile(&mut self.rng);
            self.keys("burst meanwhile", burst.as_bytes())?;
        }
        let time = self.rng.u64(10..200);
        self.pause(time)?;
        self.note("SIGCONT");
        self.pty()?.signal(Signal::CONT);
        self.pause(120)
    }

    /// Has the client stop itself, as Ctrl-Z does.
    pub(crate) fn suspended(&mut self) -> Result<()> {
        if self.rng.bool() {
            self.note("SIGTSTP");
            self.pty()?.signal(Signal::TSTP);
        } else {
            self.keys("suspend", b"\x1a")?;
        }
        self.pause(80)?;
        self.go_on()
    }

    /// Checks that the client answers and shows the same screen.
    fn assert_unmoved(&mut self, screen: Screen) -> Result<()> {
        self.go_on()?;
        self.assert_alive()?;
        self.pty()?.pump(ESCAPE_TAKEN);
        self.be_seen()?;
        // A resize redraws the screen, too: only what is drawn after that counts.
        let is_idle = self.pty()?.becomes_idle(PATIENCE);
        ensure!(is_idle, "the client does not become idle");
        self.pty()?.mark();
        self.keys("press", b"\x0c")?;
        let has_cleared = self.pty()?.pump_until(PATIENCE, |pty| pty.has_drawn(CLEAR));
        ensure!(has_cleared, "the client does not draw the screen anew after Ctrl-L");
        let is_there = self.pty()?.pump_until(PATIENCE, |pty| Screen::of(&pty.lines()) == screen);
        ensure!(
            is_there,
            "keys that choose nothing led from {screen:?} to {:?}",
            self.shown_screen()?
        );
        self.assert_alive()
    }
}
