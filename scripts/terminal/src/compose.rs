//! Writes a mail with interruptions, then sends it, leaves it, or ends the client.

use anyhow::Result;
use rustix::process::Signal;

use crate::{
    client::{ENTER, ESCAPE, ESCAPE_TAKEN, PATIENCE},
    driver::Driver,
    ledger::{Ledger, MailState, drafts},
    screen::Screen,
    texts::{self, pick},
};

/// A draft must hold the text after a pause in typing of this many milliseconds.
const KEPT_AFTER: u64 = 1_500;

/// The client's messages after an attempt to send.
pub(crate) const SENT: &str = "E-mail sent";
const KEPT: &str = "kept as a draft";

/// An attempt to send is cancelled after this time.
const SEND_PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

impl Driver {
    /// Writes a mail and sends it, leaves it, or ends the client in the middle of it.
    pub(crate) fn compose(&mut self) -> Result<()> {
        self.go_home()?;
        let number = self.ledger.begin();
        self.keys("choose", b"4")?;
        self.await_screen(Screen::Question("To"))?;
        self.answer("pepper")?;
        self.await_screen(Screen::Question("Subject"))?;
        self.answer(&Ledger::subject(number))?;
        self.await_screen(Screen::Body)?;
        for line in 0..self.rng.usize(1..=6) {
            self.write_line(number, line)?;
            if self.rng.bool() {
                self.interruption()?;
            }
        }
        self.go_on()?;
        self.end_writing(number)
    }

    fn write_line(&mut self, number: u32, line: usize) -> Result<()> {
        match self.rng.u8(0..8) {
            0 => self.paste(number, false),
            1 => self.paste(number, true),
            _ => {
                let letters = texts::letters(&mut self.rng);
                let text = format!("palavra{number}x{line} {letters}");
                // Some characters at a time, as a user types.
                let mut characters: Vec<char> = text.chars().collect();
                while !characters.is_empty() {
                    let count = self.rng.usize(1..=8).min(characters.len());
                    let piece: String = characters.drain(..count).collect();
                    self.keys("type", piece.as_bytes())?;
                }
                self.pause(60)?;
                self.keys("press", ENTER)?;
                self.ledger.typed(number, &format!("{text}\n"));
                self.pause(60)
            }
        }
    }

    /// Pastes lines that would do harm as keys: all of it must become text.
    fn paste(&mut self, number: u32, is_marked: bool) -> Result<()> {
        let text = texts::hostile(&mut self.rng);
        match is_marked {
            true => self.keys("paste", &texts::bracketed(text))?,
            false => self.keys("burst", text.as_bytes())?,
        }
        self.ledger.typed(number, text);
        self.pause(150)?;
        if is_marked {
            return Ok(());
        }
        // The dot that ends a body might otherwise join the last line of an unmarked paste.
        self.keys("press", ENTER)?;
        self.ledger.typed(number, "\n");
        self.pause(60)
    }

    /// Does something that must not change the text.
    fn interruption(&mut self) -> Result<()> {
        match self.rng.u8(0..8) {
            0..4 => {
                let inert = pick(&mut self.rng, &self.sequences.inert).cloned();
                self.keys("sequence", &inert.unwrap_or_default())?;
                self.pause(40)
            }
            4 => self.odd_size(),
            5 => self.suspended(),
            6 => {
                self.note("cut the connection");
                self.proxy.cut();
                Ok(())
            }
            _ => {
                self.note("SIGSTOP, SIGCONT");
                self.pty()?.signal(Signal::STOP);
                self.pause(50)?;
                self.pty()?.signal(Signal::CONT);
                self.pause(50)
            }
        }
    }

    fn end_writing(&mut self, number: u32) -> Result<()> {
        match self.rng.u8(0..12) {
            0..5 => return self.send(number),
            5 => {
                self.keys("press", ESCAPE)?;
                self.pty()?.pump(ESCAPE_TAKEN);
                // The window may be too small to show which screen came up.
                self.be_seen()?;
                self.await_screen(Screen::Unfinished)?;
                self.keys("press", ESCAPE)?;
                self.await_screen(Screen::Home)?;
            }
            6 => {
                self.keys("interrupt", b"\x03")?;
                self.expect_end(&[130])?;
            }
            7 => self.signalled(Signal::TERM, 143)?,
            8 => self.signalled(Signal::HUP, 129)?,
            9 => self.signalled(Signal::INT, 130)?,
            10 => {
                self.pause(KEPT_AFTER)?;
                self.signalled(Signal::KILL, 137)?;
            }
            _ => self.close_the_terminal()?,
        }
        // The whole text must be in a draft before anything else happens.
        self.note("look for the text in the drafts");
        let arrived = self.server.take("pepper")?;
        self.ledger.check(&arrived, &drafts(self.data.path()))
    }

    pub(crate) fn signalled(&mut self, signal: Signal, status: i32) -> Result<()> {
        self.note(format!("{signal:?}"));
        self.pty()?.signal(signal);
        self.expect_end(&[status])
    }

    pub(crate) fn close_the_terminal(&mut self) -> Result<()> {
        self.note("close the terminal");
        self.keep_screen();
        self.pty()?.close();
        self.expect_end(&[129])
    }

    /// Ends the body with a single dot, and waits for the client's message.
    fn send(&mut self, number: u32) -> Result<()> {
        self.be_seen()?;
        self.pause(120)?;
        self.keys("type", b".")?;
        self.pause(60)?;
        self.pty()?.mark();
        self.ledger.set_state(number, MailState::Open);
        self.keys("press", ENTER)?;
        if self.rng.u8(0..6) == 0 {
            self.note("cut the connection");
            self.proxy.cut();
        }
        self.await_sent(number)
    }

    /// Waits until sending ends, and cancels it if the server is away for long.
    pub(crate) fn await_sent(&mut self, number: u32) -> Result<()> {
        let told = [SENT, KEPT];
        let mut found = self.await_any(&told, SEND_PATIENCE)?;
        if found.is_none() {
            self.assert_alive()?;
            self.keys("cancel", b"\x03")?;
            found = self.await_any(&told, PATIENCE)?;
        }
        anyhow::ensure!(found.is_some(), "the client does not say what became of the mail");
        self.note(format!("mail {number}: {}", if found == Some(0) { "sent" } else { "kept" }));
        if found == Some(0) {
            self.ledger.set_state(number, MailState::Sent);
        }
        Ok(())
    }
}
