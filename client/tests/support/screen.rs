//! The program on a pseudo-terminal, and the screen that a user would see, as an emulated terminal
//! draws it.

use std::{
    num::NonZero,
    os::fd::{AsFd, OwnedFd},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use correio_client::{Draft, Drafts};
pub use correio_testing::skip::has_terminal;
use correio_testing::{
    process::processor_time,
    pty::{PtyPair, set_size},
    wait::eventually,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
    termios::{LocalModes, tcgetattr},
};

use super::{PASSWORD, Setup, clean};

/// How long something awaited may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(40);

pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\x1b";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_X: &str = "\x18";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const LEFT: &str = "\x1b[D";

/// The last choice of the first menu, and of the menu after the login.
pub const FIRST: &str = "0) Quit";
pub const HOME: &str = "9) My account";

/// The last choice of the menu that comes after Esc in a mail that is written.
pub const DISCARD: &str = "2) Discard it";

/// A program on a pseudo-terminal.
pub struct Screen {
    master: OwnedFd,
    /// Held open, so that the terminal's settings can be read after the program has ended.
    terminal: OwnedFd,
    child: Child,
    ended: OwnedFd,
    screen: vt100::Parser,
    /// All bytes that the program has written.
    pub written: Vec<u8>,
    settings: String,
}

/// A program before its start.
pub struct Start<'a> {
    setup: &'a Setup,
    size: (u16, u16),
    set: Vec<(&'a str, String)>,
    before: Vec<&'a str>,
    lang: &'a str,
}

impl<'a> Start<'a> {
    pub fn of(setup: &'a Setup) -> Self {
        let set = vec![("TERM", "xterm".into()), ("EDITOR", "true".into())];
        Self { setup, size: (24, 80), set, before: Vec::new(), lang: "en" }
    }

    pub fn size(mut self, rows: u16, columns: u16) -> Self {
        self.size = (rows, columns);
        self
    }

    pub fn set(mut self, name: &'a str, value: &str) -> Self {
        self.set.push((name, value.to_owned()));
        self
    }

    /// Runs the program in another language than English.
    pub fn lang(mut self, lang: &'a str) -> Self {
        self.lang = lang;
        self
    }

    /// Puts a command before the program, which runs it.
    pub fn through(mut self, command: &[&'a str]) -> Self {
        self.before = command.to_vec();
        self
    }

    /// Runs the program with these arguments.
    pub fn run(self, arguments: &[&str]) -> Screen {
        let mut command = Command::new("setsid");
        clean(&mut command);
        command.arg("--ctty").arg("env");
        command.args(self.set.iter().map(|(name, value)| format!("{name}={value}")));
        command.args(&self.before).arg(env!("CARGO_BIN_EXE_correio"));
        command.arg("--data-dir").arg(self.setup.data.path()).args(["--lang", self.lang]);
        command.env("NO_COLOR", "1").args(arguments);
        Screen::start(command, self.size)
    }

    /// A shell with jobs, which has the program's name in `P` and its data directory in `D`.
    pub fn shell(self) -> Screen {
        self.other(&["sh", "-i"])
    }

    /// Another program than correio, as [`Start::shell`] runs one.
    pub fn other(self, command_line: &[&str]) -> Screen {
        let mut command = Command::new("setsid");
        clean(&mut command);
        command.envs(self.set).env("NO_COLOR", "1").env_remove("ENV");
        command.env("P", env!("CARGO_BIN_EXE_correio")).env("D", self.setup.data.path());
        command.arg("--ctty").args(command_line);
        Screen::start(command, self.size)
    }

    /// The menus, pointed at the setup's server.
    pub fn menus(self) -> Screen {
        let address = self.setup.address.to_string();
        let mut screen = self.run(&["--server", &address]);
        screen.menu(FIRST);
        screen
    }

    /// The menu after Tony's login.
    pub fn home(self) -> Screen {
        let mut screen = self.menus();
        screen.log_in();
        screen
    }

    /// The prompt for a body: to `tony`, with the subject `Oi`.
    pub fn body(self) -> Screen {
        let mut screen = self.home();
        screen.write_to("tony", "Oi");
        screen
    }
}

impl Screen {
    fn start(mut command: Command, (rows, columns): (u16, u16)) -> Self {
        let pair = PtyPair::open(rows, columns).unwrap();
        let settings = settings(&pair.other);
        let child = pair.spawn(&mut command).unwrap();
        let PtyPair { main: master, other: terminal } = pair;
        let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let screen = vt100::Parser::new(positive(rows), positive(columns), 0);
        Self { master, terminal, child, ended, screen, written: Vec::new(), settings }
    }

    /// Types `tony` and the password.
    pub fn log_in(&mut self) {
        self.press("3");
        self.answer("Username", "tony");
        self.answer("Password", PASSWORD);
        self.menu(HOME);
    }

    /// Goes from the menu after the login to the body of a new mail.
    pub fn write_to(&mut self, to: &str, subject: &str) {
        self.press("4");
        self.answer("commas): ", to);
        self.answer("Subject: ", subject);
        self.asks_body();
    }

    /// Sends the mail whose body is typed, and waits for the menu after it.
    pub fn send_mail(&mut self) {
        self.press(CTRL_D);
        self.sees("E-mail sent");
        self.menu(HOME);
    }

    /// Leaves the program with Ctrl-D.
    pub fn quit(mut self) {
        self.press(CTRL_D);
        assert_eq!(self.end().0, 0);
    }

    /// Leaves the program with Ctrl-C.
    pub fn cancel(mut self) {
        self.press(CTRL_C);
        assert_eq!(self.end().0, 130);
    }

    /// Leaves a mail that is written, which stays as a draft.
    pub fn leave_draft(&mut self) {
        self.press_until(ESCAPE, DISCARD);
        self.menu(DISCARD);
        self.press("1");
        self.sees("kept as a draft");
        self.menu(HOME);
    }

    /// Waits for the empty line on which a body begins.
    pub fn asks_body(&mut self) {
        self.until("the prompt for the body", |screen| {
            let (row, _) = screen.cursor_position();
            let above = row.checked_sub(1).and_then(|row| screen.rows(0, 999).nth(row.into()));
            above.is_some_and(|above| ["Ctrl-X", "file)"].iter().any(|hint| above.contains(hint)))
                && cursor_row(screen).is_empty()
                && !screen.hide_cursor()
        });
    }

    /// Sends bytes as a terminal does, all in one write if they fit.
    pub fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        let deadline = Instant::now() + PATIENCE;
        while !rest.is_empty() {
            match rustix::io::write(&self.master, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN) => {
                    let flags = PollFlags::IN | PollFlags::OUT;
                    assert!(self.poll(flags, deadline), "the program does not read");
                    self.read();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Pastes as a terminal that marks pastes does.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Presses a key until a text is on the screen: one that comes with a paste is a part of it.
    pub fn press_until(&mut self, key: &str, text: &str) {
        for _ in 0..20 {
            self.ends_paste();
            self.press(key);
            if self.within(Duration::from_secs(2), |screen| screen.contents().contains(text)) {
                return;
            }
        }
        panic!("waiting for {text}:\n{}", self.text());
    }

    /// Lets the time pass in which input still belongs to a paste.
    pub fn ends_paste(&mut self) {
        self.within(Duration::from_millis(400), |_| false);
    }

    /// Waits until a condition on the screen holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read();
            if holds(self.screen.screen()) {
                return;
            }
            let is_late = !self.poll(PollFlags::IN, deadline);
            assert!(!is_late, "waiting for {what}:\n{}", self.text());
        }
    }

    /// Reads output for this time. Returns whether a condition on the screen has held before its
    /// end.
    pub fn within(&mut self, time: Duration, holds: impl Fn(&vt100::Screen) -> bool) -> bool {
        let deadline = Instant::now() + time;
        loop {
            self.read();
            if holds(self.screen.screen()) {
                return true;
            }
            if !self.poll(PollFlags::IN, deadline) {
                return false;
            }
        }
    }

    /// Waits until a text is on the screen, within a row.
    pub fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until a text is no longer on the screen.
    pub fn sees_no(&mut self, text: &str) {
        self.until(&format!("no {text}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until the screen's last rows that are not empty are these.
    pub fn ends_with(&mut self, rows: &[&str]) {
        self.until(&format!("{rows:?} at the end"), |screen| {
            let shown = rows_of(screen);
            shown.iter().map(String::as_str).collect::<Vec<_>>().ends_with(rows)
        });
    }

    /// Waits until a menu is open whose last choice is this.
    pub fn menu(&mut self, last: &str) {
        self.until(last, |screen| screen.hide_cursor() && is_last_choice(screen, last));
    }

    /// Waits until a question is asked: the cursor is on its row.
    pub fn asks(&mut self, question: &str) {
        self.until(question, |screen| {
            !screen.hide_cursor() && format!("{} ", cursor_row(screen)).contains(question)
        });
    }

    /// Waits for a question and answers it.
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.asks(question);
        self.press(answer);
        self.press(ENTER);
    }

    /// Waits until the choice with the cursor is this one.
    pub fn current(&mut self, choice: &str) {
        self.sees(&format!("> {choice}"));
    }

    /// Waits for a question of a command for a secret, and answers it. The program discards keys
    /// that came before the terminal stopped showing them.
    pub fn answer_hidden(&mut self, question: &str, answer: &str) {
        self.asks(question);
        let is_hidden =
            || !tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO);
        eventually(is_hidden);
        self.press(answer);
        self.press(ENTER);
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Blanks the screen down to the cursor, so that what is looked for next is new. The program
    /// draws its menu anew when a key is pressed.
    pub fn forget(&mut self) {
        self.read();
        self.screen.process(b"\x1b[1J");
    }

    /// The rows of the screen without spaces at their ends, down to the last one with text.
    pub fn rows(&self) -> Vec<String> {
        rows_of(self.screen())
    }

    pub fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// How often a text is on the screen.
    pub fn count(&self, text: &str) -> usize {
        self.text().matches(text).count()
    }

    /// Gives the window another size, as a user does with the mouse.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        // What the program wrote for the old size is drawn at the old size.
        self.read();
        self.screen.screen_mut().set_size(positive(rows), positive(columns));
        set_size(&self.master, rows, columns).unwrap();
    }

    /// Sets the terminal as a shell has it: lines, with what is typed shown.
    pub fn make_sane(&self) {
        let mut stty = Command::new("stty");
        stty.arg("sane").stdin(Stdio::from(self.terminal.try_clone().unwrap()));
        assert!(stty.status().unwrap().success());
    }

    /// The program's process.
    pub fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Waits for the program's end, asserts that the terminal is as it was, and returns the status.
    pub fn end(mut self) -> (i32, String) {
        let status = self.wait();
        assert_eq!(settings(&self.terminal), self.settings, "the terminal is as it was");
        assert!(!self.screen().bracketed_paste(), "pastes are marked no more");
        assert!(!self.screen().hide_cursor(), "the cursor is shown");
        (status, self.text())
    }

    /// Closes the terminal, waits for the program's end, and returns the status.
    pub fn hang_up(mut self) -> i32 {
        let closed = || rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
        self.terminal = closed();
        self.master = closed();
        assert!(is_readable(&self.ended, Instant::now() + PATIENCE), "it does not end");
        status_of(&mut self.child)
    }

    fn wait(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        while !is_readable(&self.ended, Instant::now()) {
            assert!(self.poll(PollFlags::IN, deadline), "it does not end:\n{}", self.text());
            self.read();
        }
        self.read();
        status_of(&mut self.child)
    }

    /// Processor time that the program has used.
    pub fn processor_time(&self) -> Duration {
        processor_time(self.process()).unwrap()
    }

    fn read(&mut self) {
        let mut bytes = [0; 1 << 16];
        // A failed read means that there is no output now, or that the terminal is closed.
        while let Ok(read @ 1..) = rustix::io::read(&self.master, &mut bytes) {
            self.screen.process(&bytes[..read]);
            self.written.extend_from_slice(&bytes[..read]);
        }
    }

    /// Waits for the terminal or for the program's end. Returns false after the deadline.
    fn poll(&self, flags: PollFlags, deadline: Instant) -> bool {
        let mut fds = [PollFd::new(&self.master, flags), PollFd::new(&self.ended, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&rest(deadline))).unwrap();
        let [master, ended] = fds.map(|fd| fd.revents());
        ready > 0 && (!master.is_empty() || !ended.is_empty()) && Instant::now() < deadline
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // For a test that has failed; a program that has ended ignores it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The drafts of Tony.
pub fn drafts(setup: &Setup) -> Vec<Draft> {
    let drafts = Drafts::open(setup.data.path(), &setup.server(), &"tony".parse().unwrap());
    drafts.list().unwrap().drafts
}

/// The bodies of Tony's drafts.
pub fn draft_bodies(setup: &Setup) -> Vec<String> {
    drafts(setup).into_iter().map(|draft| draft.body).collect()
}

fn rows_of(screen: &vt100::Screen) -> Vec<String> {
    let mut rows: Vec<String> =
        screen.rows(0, u16::MAX).map(|row| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

/// Whether a choice is the last one of the menu that ends at the cursor, below which the menu may
/// say something.
fn is_last_choice(screen: &vt100::Screen, choice: &str) -> bool {
    let to_cursor = usize::from(screen.cursor_position().0) + 1;
    let rows: Vec<String> = screen.rows(0, u16::MAX).take(to_cursor).collect();
    let said = |row: &&String| ["e-mail", "unavailable"].iter().any(|word| row.contains(word));
    rows.iter().rev().find(|row| !said(row)).is_some_and(|row| row.contains(choice))
}

fn cursor_row(screen: &vt100::Screen) -> String {
    let row = usize::from(screen.cursor_position().0);
    screen.rows(0, u16::MAX).nth(row).unwrap_or_default().trim_end().to_owned()
}

fn settings(terminal: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(terminal).unwrap())
}

fn status_of(child: &mut Child) -> i32 {
    child.wait().unwrap().code().unwrap()
}

fn positive(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn rest(deadline: Instant) -> Timespec {
    Timespec::try_from(deadline.saturating_duration_since(Instant::now())).unwrap()
}

fn is_readable(fd: impl AsFd, deadline: Instant) -> bool {
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&rest(deadline))).unwrap() > 0
}
