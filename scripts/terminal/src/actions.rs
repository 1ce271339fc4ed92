//! Deliberate actions besides writing a mail: receiving, handling a draft, leaving, and faults of
//! the server and the connection.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::{
    client::{DIGITS_CHOOSE, ESCAPE, ESCAPE_TAKEN, PATIENCE},
    driver::Driver,
    ledger::{Ledger, MailState},
    pty::Pty,
    screen::Screen,
};

/// The question that follows a list of drafts.
const LIST: Screen = Screen::Question("Which draft");

impl Driver {
    /// Delivers mails, receives them in the client, and reads one.
    pub(crate) fn receive(&mut self) -> Result<()> {
        for _ in 0..self.rng.usize(0..=3) {
            let subject = self.ledger.deliver();
            self.note(format!("deliver {subject}"));
            self.server.deliver(&subject)?;
        }
        self.go_home()?;
        self.pty()?.mark();
        self.keys("choose", b"5")?;
        match self.rng.u8(0..8) {
            0 => return self.signalled(Signal::KILL, 137),
            1 => {
                self.note("cut the connection");
                self.proxy.cut();
            }
            _ => {}
        }
        let told = ["e-mail received", "e-mails received", "Receiving failed"];
        self.await_any(&told, PATIENCE)?;
        // The menu, or the question that follows it, is drawn after this text.
        self.pty()?.becomes_idle(PATIENCE);
        if self.shown_screen()? == Screen::Question("Which") {
            self.answer("1")?;
            self.pty()?.becomes_idle(PATIENCE);
            for _ in 0..3 {
                self.sequence()?;
            }
        }
        Ok(())
    }

    /// Sends or deletes the draft that was written last.
    pub(crate) fn handle_a_draft(&mut self) -> Result<()> {
        self.go_home()?;
        self.pty()?.mark();
        self.keys("choose", b"8")?;
        // The label of a draft begins with the date.
        let first = ["1) 2", "[1] 2", "There are no drafts"];
        let found = self.await_any(&first, PATIENCE)?;
        self.pty()?.becomes_idle(PATIENCE);
        // A draft that was left before its subject was typed has no number in the ledger.
        let number = found.and_then(|found| first.get(found)).and_then(|sign| {
            let lines = self.pty.as_ref().map(Pty::lines)?;
            Ledger::number_in(lines.iter().rev().find(|line| line.contains(sign))?)
        });
        let Some(number) = number else { return self.go_home() };
        match self.shown_screen()? {
            Screen::Drafts => {
                self.pty()?.pump(DIGITS_CHOOSE);
                self.keys("choose", b"1")?;
            }
            // There are more drafts than a menu has choices: the client shows a list and asks for a
            // number.
            Screen::Pager => {
                self.go_back()?;
                self.await_screen(LIST)?;
                self.answer("1")?;
            }
            LIST => self.answer("1")?,
            _ => return self.go_home(),
        }
        self.await_screen(Screen::Draft)?;
        self.pty()?.pump(DIGITS_CHOOSE);
        self.pty()?.mark();
        if self.rng.u8(0..4) == 0 {
            self.ledger.set_state(number, MailState::Deleted);
            self.keys("choose", b"3")?;
            let told = self.await_any(&["Draft deleted"], PATIENCE)?;
            ensure!(told.is_some(), "the client does not say that the draft was deleted");
            return Ok(());
        }
        self.ledger.set_state(number, MailState::Open);
        self.keys("choose", b"1")?;
        self.await_sent(number)
    }

    /// Presses Esc and waits until the client takes it as a key.
    fn go_back(&mut self) -> Result<()> {
        self.keys("press", ESCAPE)?;
        self.pty()?.pump(ESCAPE_TAKEN);
        Ok(())
    }

    /// Ends the server with SIGTERM or SIGKILL and starts it again.
    pub(crate) fn restart_the_server(&mut self) -> Result<()> {
        let signal = if self.rng.bool() { Signal::TERM } else { Signal::KILL };
        self.note(format!("restart the server with {signal:?}"));
        self.server.restart(signal)?;
        self.proxy.cut();
        self.proxy.point_at(self.server.address);
        Ok(())
    }

    /// Closes all connections and refuses new ones for a while.
    pub(crate) fn break_the_connection(&mut self) -> Result<()> {
        self.go_home()?;
        self.note("break the connection");
        self.proxy.refuse(true);
        self.proxy.cut();
        let time = self.rng.u64(100..2_000);
        self.pty()?.pump(Duration::from_millis(time));
        self.note("let connections through");
        self.proxy.refuse(false);
        Ok(())
    }

    /// Ends the client while a menu is open.
    pub(crate) fn end_in_the_menu(&mut self) -> Result<()> {
        self.go_home()?;
        match self.rng.u8(0..6) {
            0 => self.leave(),
            1 => {
                self.keys("interrupt", b"\x03")?;
                self.expect_end(&[130])
            }
            2 => {
                self.keys("end of the input", b"\x04")?;
                self.expect_end(&[0])
            }
            3 => self.signalled(Signal::TERM, 143),
            4 => self.signalled(Signal::INT, 130),
            _ => self.close_the_terminal(),
        }
    }
}
