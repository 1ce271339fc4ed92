//! The terminal that a command asks on: standard input and error, or the controlling terminal if
//! one of them is not a terminal. So a body can come through a pipe and the password from the user.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, IsTerminal, Write},
};

use dialoguer::console::Term;
use zeroize::Zeroizing;

use crate::terminal::Terminal;

/// The controlling terminal of a process, whatever its standard streams are.
const CONTROLLING_TERMINAL: &str = "/dev/tty";

/// A terminal on which a user can be asked.
pub(crate) struct Tty {
    term: Term,
    /// `None` if standard input is the terminal.
    input: Option<BufReader<File>>,
}

impl Tty {
    /// Finds the terminal. Its modes are restored however the program ends. `None` for a process
    /// without a terminal, such as a service or a scheduled job.
    pub(crate) fn find(terminal: &Terminal) -> Option<Self> {
        if io::stdin().is_terminal() {
            let term = match io::stderr().is_terminal() {
                true => Term::stderr(),
                false => Term::read_write_pair(open()?, open()?),
            };
            return Some(Self { term, input: None });
        }
        let input = open()?;
        terminal.restore_also(input.try_clone().ok()?);
        let term = Term::read_write_pair(open()?, open()?);
        Some(Self { term, input: Some(BufReader::new(input)) })
    }

    /// Asks for a line and returns it without its end.
    pub(crate) fn line(&mut self, question: &str) -> io::Result<String> {
        write!(self.term, "{question}: ")?;
        self.term.flush()?;
        let mut line = String::new();
        match &mut self.input {
            Some(input) => input.read_line(&mut line)?,
            None => io::stdin().read_line(&mut line)?,
        };
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Shows a line.
    pub(crate) fn say(&self, line: &str) -> io::Result<()> {
        self.term.write_line(line)
    }

    /// Asks for a line without showing it.
    pub(crate) fn secret(&self, question: &str) -> io::Result<Zeroizing<String>> {
        let asked = dialoguer::Password::new()
            .with_prompt(question)
            .report(false)
            .allow_empty_password(true);
        // dialoguer reads from the same terminal: standard input, or else the controlling terminal.
        let typed = asked.interact_on(&self.term).map(Zeroizing::new);
        typed.map_err(|dialoguer::Error::IO(error)| error)
    }
}

fn open() -> Option<File> {
    OpenOptions::new().read(true).write(true).open(CONTROLLING_TERMINAL).ok()
}
