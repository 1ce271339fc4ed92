//! Starts the client, brings it to a screen, sends keys, and waits for its end.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::{
    driver::Driver,
    pty::{Pty, shell_status},
    screen::Screen,
    server::PASSWORD,
};

/// Longest time until the client draws an expected text.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Longest time of an orderly end.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Most processor time of all clients of one step. A client that is not optimised takes up to 0.4
/// s.
const PROCESSOR_MAX: Duration = Duration::from_secs(2);

/// Longest time until the client is idle after a step.
const IDLE_PATIENCE: Duration = Duration::from_secs(15);

/// The client's `DIGIT_AFTER`: a digit that follows other text in a menu sooner than this is no
/// choice.
const DIGIT_AFTER: Duration = Duration::from_millis(500);

/// The client's `SILENCE`: an ESC may begin a sequence until this time has passed.
const SILENCE: Duration = Duration::from_millis(300);

/// Added to the client's times, because the client measures from its read of a key, which is after
/// our write.
const MARGIN: Duration = Duration::from_millis(150);

/// After this pause a digit is a choice of the open menu, whatever was typed before.
pub(crate) const DIGITS_CHOOSE: Duration = DIGIT_AFTER.saturating_add(MARGIN);

/// After this pause an ESC is a key, and an unfinished sequence is discarded.
pub(crate) const ESCAPE_TAKEN: Duration = SILENCE.saturating_add(MARGIN);

/// Most attempts at reaching the home menu.
const ATTEMPTS: usize = 60;

pub(crate) const ESCAPE: &[u8] = b"\x1b";
pub(crate) const ENTER: &[u8] = b"\r";

impl Driver {
    pub(crate) fn pty(&mut self) -> Result<&mut Pty> {
        self.pty.as_mut().context("the client does not run")
    }

    fn start(&mut self) -> Result<()> {
        self.note("start the client");
        self.report.starts += 1;
        self.size = (24, 80);
        let mut command = Command::new("setsid");
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TERM", "xterm-256color")
            .arg("--ctty")
            .arg(&self.program)
            .args(["--lang", "en", "--plaintext", "--user", "tony", "--data-dir"])
            .arg(self.data.path())
            .args(["--server", &self.proxy.address.to_string()]);
        self.pty = Some(Pty::start(&mut command, 24, 80)?);
        self.before = Duration::ZERO;
        Ok(())
    }

    /// Starts measuring the processor time of a step.
    pub(crate) fn begin_counting(&mut self) {
        self.used = Duration::ZERO;
        self.before = self.pty.as_mut().map_or(Duration::ZERO, Pty::processor_time);
    }

    /// Adds the processor time of a client that is idle or has ended.
    fn count(&mut self, time: Duration) {
        self.used += time.saturating_sub(self.before);
        self.before = time;
    }

    /// Waits until the client is idle after a step, and checks the processor time of the step's
    /// clients.
    pub(crate) fn end_counting(&mut self) -> Result<()> {
        if let Some(pty) = &mut self.pty {
            let is_idle = pty.becomes_idle(IDLE_PATIENCE);
            let time = pty.processor_time();
            self.count(time);
            ensure!(is_idle, "the client does not become idle, {:?} were used", self.used);
        }
        self.report.processor_time_max = self.report.processor_time_max.max(self.used);
        ensure!(self.used < PROCESSOR_MAX, "the step took {:?} of processor time", self.used);
        Ok(())
    }

    /// Sends keys.
    pub(crate) fn keys(&mut self, what: &str, bytes: &[u8]) -> Result<()> {
        self.note(format!("{what} {:?}", String::from_utf8_lossy(bytes)));
        let pty = self.pty()?;
        pty.write(bytes)?;
        pty.pump(Duration::from_millis(20));
        Ok(())
    }

    /// Types a text as a user does, then Enter.
    pub(crate) fn answer(&mut self, text: &str) -> Result<()> {
        self.keys("type", text.as_bytes())?;
        self.pause(40)?;
        self.keys("press", ENTER)
    }

    pub(crate) fn pause(&mut self, milliseconds: u64) -> Result<()> {
        self.pty()?.pump(Duration::from_millis(milliseconds));
        Ok(())
    }

    /// Waits for any of several texts. Returns the index of the text that was drawn since the mark.
    pub(crate) fn await_any(&mut self, texts: &[&str], time: Duration) -> Result<Option<usize>> {
        let mut found = None;
        self.pty()?.pump_until(time, |pty| {
            found = texts.iter().position(|text| pty.has_drawn(text));
            found.is_some()
        });
        Ok(found)
    }

    /// Waits for a screen.
    pub(crate) fn await_screen(&mut self, screen: Screen) -> Result<()> {
        let is_there = self.pty()?.pump_until(PATIENCE, |pty| Screen::of(&pty.lines()) == screen);
        ensure!(is_there, "{screen:?} does not come up, {:?} is shown", self.shown_screen()?);
        Ok(())
    }

    /// The screen that the client shows.
    pub(crate) fn shown_screen(&mut self) -> Result<Screen> {
        Ok(Screen::of(&self.pty()?.lines()))
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) -> Result<()> {
        if self.size != (rows, columns) {
            self.note(format!("resize to {rows} rows, {columns} columns"));
            self.size = (rows, columns);
            self.pty()?.resize(rows, columns);
        }
        Ok(())
    }

    /// Sets a window size on which every screen can be recognised.
    pub(crate) fn be_seen(&mut self) -> Result<()> {
        let (rows, columns) = (self.rng.u16(24..=40), self.rng.u16(80..=120));
        self.resize(rows, columns)?;
        self.pause(60)
    }

    /// Continues a client that has stopped itself, as a shell's `fg` does.
    pub(crate) fn go_on(&mut self) -> Result<()> {
        if self.pty()?.is_stopped() {
            self.note("SIGCONT");
            self.pty()?.signal(Signal::CONT);
            self.pause(60)?;
        }
        Ok(())
    }

    /// Brings the client to the home menu from any screen.
    pub(crate) fn go_home(&mut self) -> Result<()> {
        let mut waited = 0;
        for attempt in 0..ATTEMPTS {
            if self.pty.is_none() {
                self.start()?;
            }
            self.go_on()?;
            self.be_seen()?;
            self.pty()?.pump(DIGITS_CHOOSE);
            self.assert_alive()?;
            match self.shown_screen()? {
                Screen::Home => return Ok(()),
                Screen::First => self.log_in(attempt)?,
                Screen::Waiting if waited < 15 => waited += 1,
                Screen::Waiting => {
                    waited = 0;
                    self.keys("cancel", b"\x03")?;
                    self.pty()?.pump_until(PATIENCE, |pty| {
                        pty.ended().is_some() || Screen::of(&pty.lines()) != Screen::Waiting
                    });
                    if let Some(status) = self.pty()?.ended() {
                        self.end_with(shell_status(status), &[130])?;
                    }
                }
                _ => self.keys("press", ESCAPE)?,
            }
        }
        bail!("the home menu does not come up, {:?} is shown", self.shown_screen()?)
    }

    /// Logs in from the first menu, if the server is connected.
    fn log_in(&mut self, attempt: usize) -> Result<()> {
        if self.pty()?.lines().iter().any(|line| line.contains("choose a server first")) {
            ensure!(attempt < ATTEMPTS / 2, "the server is there and the client does not connect");
            return self.interrupt();
        }
        self.pty()?.mark();
        self.keys("choose", b"3")?;
        let asked = ["Username", "Password of", "choose a server"];
        match self.await_any(&asked, PATIENCE)? {
            Some(0) => self.answer("tony")?,
            Some(1) => {}
            _ => return Ok(()),
        }
        self.await_screen(Screen::Question("Password"))?;
        self.pty()?.mark();
        self.answer(PASSWORD)?;
        let told = ["9) My account", "Login failed", "Ctrl-C cancels"];
        self.await_any(&told, PATIENCE)?;
        Ok(())
    }

    /// Presses Ctrl-C in a menu.
    fn interrupt(&mut self) -> Result<()> {
        self.keys("interrupt", b"\x03")?;
        self.expect_end(&[130])
    }

    /// Fails if the client has ended by itself.
    pub(crate) fn assert_alive(&mut self) -> Result<()> {
        if let Some(status) = self.pty()?.ended() {
            bail!("the client has ended by itself, with status {}", shell_status(status));
        }
        Ok(())
    }

    /// Waits until the client ends with one of these statuses, and checks that the terminal was
    /// restored.
    pub(crate) fn expect_end(&mut self, statuses: &[i32]) -> Result<()> {
        let deadline = Instant::now() + END_PATIENCE;
        loop {
            if let Some(status) = self.pty()?.ended() {
                return self.end_with(shell_status(status), statuses);
            }
            ensure!(Instant::now() < deadline, "the client does not end");
            self.pause(20)?;
        }
    }

    fn end_with(&mut self, status: i32, statuses: &[i32]) -> Result<()> {
        self.keep_screen();
        let Some(mut pty) = self.pty.take() else { return Ok(()) };
        pty.pump(Duration::from_millis(20));
        let left = pty.leftovers();
        let time = pty.processor_time();
        self.count(time);
        self.note(format!("it has ended with {status}"));
        ensure!(statuses.contains(&status), "the client ended with {status}, not {statuses:?}");
        // A killed program cannot restore anything.
        let wrong = left.filter(|_| status != 137).map(|left| left.wrong).unwrap_or_default();
        ensure!(wrong.is_empty(), "after the end {}", wrong.join(", "));
        Ok(())
    }

    /// Logs out and leaves by the menus.
    pub(crate) fn leave(&mut self) -> Result<()> {
        self.keys("choose", b"6")?;
        self.await_screen(Screen::First)?;
        self.pty()?.pump(DIGITS_CHOOSE);
        self.keys("choose", b"0")?;
        self.expect_end(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_those_of_the_client() {
        let menu = include_str!("../../../client/src/bin/correio/prompt/key_menu.rs");
        let input = include_str!("../../../client/src/bin/correio/prompt/input.rs");
        let line = |name: &str, time: Duration| {
            format!("\nconst {name}: Duration = Duration::from_millis({});", time.as_millis())
        };
        assert!(menu.contains(&line("DIGIT_AFTER", DIGIT_AFTER)), "DIGIT_AFTER");
        assert!(input.contains(&line("SILENCE", SILENCE)), "SILENCE");
    }
}
