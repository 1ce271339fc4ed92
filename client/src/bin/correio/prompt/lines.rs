//! Prompts that are answered with lines, for scripts and for terminals that only print: without
//! keys and without escape codes.

use std::io::{self, Write};

use correio_client::{WhiteSpace, sanitize};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use signal_hook::consts::SIGHUP;
use zeroize::{Zeroize, Zeroizing};

use super::{
    answer::{Answer, BodyEnd, Stop},
    autosave::Autosave,
    body,
    menu::{Choice, Menu, MenuStatus},
    messages::{Messages, with_colon},
};
use crate::{
    exit::ExitStatus,
    terminal::{SignalRoute, Terminal},
};

/// Maximum length of a line, in bytes. Bounds the memory; a body's own limit is lower.
const LINE_MAX: usize = 16 << 20;

/// Maximum length of a line from a terminal, in bytes, without its end: the kernel drops the rest
/// (N_TTY_BUF_SIZE).
const TERMINAL_LINE_MAX: usize = 4095;

/// Size of one read, in bytes.
const READ: usize = 8192;

/// A prompt on standard input and output, a line at a time.
pub(crate) struct LinePrompt {
    terminal: Terminal,
    /// Bytes that were read and not used yet.
    unused: Vec<u8>,
    /// How many of those bytes were searched for a line end.
    searched: usize,
    out: Out,
}

/// The stream that questions are written to.
#[derive(Clone, Copy)]
enum Out {
    Stdout,
    Stderr,
}

impl Out {
    fn write(self, text: &str) {
        // The reader of the output may have gone; the end of the input ends the program.
        let _ = match self {
            Self::Stdout => {
                io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
            }
            Self::Stderr => io::stderr().write_all(text.as_bytes()),
        };
    }
}

/// A line that was read.
enum ReadLine {
    Text(String),
    NotText,
    /// The terminal has dropped a part of the line.
    Cut(String),
}

impl LinePrompt {
    pub(super) fn new(terminal: Terminal) -> Self {
        Self::on(terminal, Out::Stdout)
    }

    pub(super) fn on_stderr(terminal: Terminal) -> Self {
        Self::on(terminal, Out::Stderr)
    }

    fn on(terminal: Terminal, out: Out) -> Self {
        terminal.route_signals(SignalRoute::Prompt);
        Self { terminal, unused: Vec::new(), searched: 0, out }
    }

    pub(super) fn say(&self, text: &str) {
        self.out.write(&format!("{text}\n"));
    }

    pub(super) fn choose<C: Copy>(
        &mut self,
        menu: &Menu<'_, C>,
        status: &mut dyn MenuStatus,
    ) -> Answer<C> {
        self.say("");
        self.say(menu.title);
        for line in status.lines() {
            self.say(&line);
        }
        for choice in menu.choices {
            if choice.apart {
                self.say("");
            }
            self.say(&label(choice));
        }
        let question = menu.text.of("prompt-choice");
        let messages = Messages::new(menu.text);
        loop {
            let typed = self.ask(&question, &messages)?;
            let typed = typed.trim();
            let chosen = menu.choices.iter().find(|choice| typed == choice.digit.to_string());
            match chosen {
                Some(choice) if choice.unavailable.is_none() => return Ok(choice.value),
                Some(choice) => self.say(&menu.refusal(choice)),
                None if typed.is_empty() => {}
                None => {
                    let typed = sanitize(typed, WhiteSpace::OneLine);
                    let values = [("choice", typed.into())];
                    self.say(&menu.text.with("choice-unknown", &values));
                }
            }
        }
    }

    pub(super) fn line(
        &mut self,
        question: &str,
        offered: &str,
        messages: &Messages,
    ) -> Answer<String> {
        let question = match offered {
            "" => question.to_owned(),
            offered => format!("{question} [{}]", sanitize(offered, WhiteSpace::OneLine)),
        };
        let typed = self.ask(&question, messages)?;
        Ok(if typed.is_empty() { offered.to_owned() } else { typed })
    }

    pub(super) fn password(
        &mut self,
        question: &str,
        messages: &Messages,
    ) -> Answer<Zeroizing<String>> {
        // Standard input may still be a terminal.
        let mode = self.terminal.hide_echo();
        let typed = self.ask(question, messages).map(Zeroizing::new);
        drop(mode);
        typed
    }

    pub(super) fn body(
        &mut self,
        body: &mut String,
        messages: &Messages,
        autosave: &mut dyn Autosave,
    ) -> Answer<BodyEnd> {
        loop {
            let line = self.text(messages)?;
            if !body::add_line(body, &line) {
                return Ok(BodyEnd::Complete);
            }
            if let Err(why) = autosave.autosave(body) {
                self.say(&why);
            }
        }
    }

    fn ask(&mut self, question: &str, messages: &Messages) -> Answer<String> {
        self.out.write(&with_colon(question));
        let answer = self.text(messages);
        self.out.write("\n");
        answer
    }

    /// The next line of text. After a line that is not text, a user is asked again; a script ends.
    fn text(&mut self, messages: &Messages) -> Answer<String> {
        loop {
            let why = match self.read()? {
                ReadLine::Text(line) => return Ok(line),
                ReadLine::NotText => &messages.not_text,
                ReadLine::Cut(line) => {
                    // The user can copy it from the screen.
                    self.say(&sanitize(&line, WhiteSpace::OneLine));
                    &messages.line_cut
                }
            };
            self.say(why);
            if !self.terminal.is_terminal() {
                return Err(Stop::Failed(ExitStatus::BadData));
            }
        }
    }

    fn read(&mut self) -> Answer<ReadLine> {
        loop {
            let mut rest = self.unused.iter().skip(self.searched);
            if let Some(at) = rest.position(|byte| *byte == b'\n') {
                let line = self.unused.drain(..=self.searched + at).collect();
                self.searched = 0;
                return Ok(self.parse(line));
            }
            self.searched = self.unused.len();
            if self.unused.len() > LINE_MAX {
                return Err(Stop::Failed(ExitStatus::BadData));
            }
            if !self.fill()? {
                return match self.unused.is_empty() {
                    true => Err(Stop::Leave),
                    false => {
                        self.searched = 0;
                        let line = std::mem::take(&mut self.unused);
                        Ok(self.parse(line))
                    }
                };
            }
        }
    }

    fn parse(&self, mut line: Vec<u8>) -> ReadLine {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let is_cut = self.terminal.is_terminal() && line.len() >= TERMINAL_LINE_MAX;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match String::from_utf8(line) {
            Ok(line) if is_cut => ReadLine::Cut(line),
            Ok(line) => ReadLine::Text(line),
            Err(_) => ReadLine::NotText,
        }
    }

    /// Reads more bytes. Returns false at the end of the input.
    fn fill(&mut self) -> Answer<bool> {
        loop {
            if let Some(signal) = self.terminal.ended_by() {
                return Err(match signal {
                    signal_hook::consts::SIGINT => Stop::Interrupted,
                    signal => Stop::Signal(signal),
                });
            }
            let stdin = io::stdin();
            let waker = self.terminal.waker();
            let mut fds = [
                PollFd::new(&stdin, PollFlags::IN),
                PollFd::from_borrowed_fd(waker, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return Ok(false),
            }
            let [stdin, waker] = fds.map(|fd| fd.revents());
            if !waker.is_empty() {
                self.terminal.drain_waker();
                continue;
            }
            if stdin.is_empty() {
                continue;
            }
            let is_hung_up = stdin.intersects(PollFlags::HUP | PollFlags::ERR);
            let mut bytes = Zeroizing::new([0; READ]);
            return match rustix::io::read(io::stdin(), &mut bytes[..]) {
                Err(Errno::INTR | Errno::AGAIN) => continue,
                // A terminal that has gone away does not end a text.
                Ok(0) if self.terminal.is_terminal() && is_hung_up => Err(Stop::Signal(SIGHUP)),
                Err(_) if self.terminal.is_terminal() => Err(Stop::Signal(SIGHUP)),
                Ok(read) => {
                    self.unused.extend_from_slice(bytes.get(..read).unwrap_or_default());
                    Ok(read > 0)
                }
                Err(_) => Ok(false),
            };
        }
    }
}

impl Drop for LinePrompt {
    fn drop(&mut self) {
        // The bytes may contain a password.
        self.unused.zeroize();
    }
}

fn label<C>(choice: &Choice<C>) -> String {
    let Choice { digit, label, .. } = choice;
    match &choice.unavailable {
        None => format!("  {digit}) {label}"),
        Some(why) => format!("  {digit}) {label} ({why})"),
    }
}
