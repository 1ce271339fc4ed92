//! Where a command takes the password from: standard input, the environment, another program, or a
//! question on the terminal.

use std::{
    env,
    io::{self, BufRead, Read, Write},
    os::unix::ffi::OsStringExt,
    sync::Arc,
};

use correio_proto::{credential::Password, limits, mail::Invalid};
use zeroize::Zeroizing;

use super::context::Context;
use crate::{
    args::Origin,
    exit::{ExitStatus, Failure},
    password,
    password_command::{self, PasswordCommandError},
    text::Text,
    tty::Tty,
};

/// Maximum length of a line with a password, in bytes: more than that of the longest password.
const PASSWORD_LINE_MAX: usize = limits::PASSWORD_MAX * 16 + 2;

impl Context<'_> {
    /// The password of an account.
    pub(super) fn password(&self) -> Result<Arc<Password>, Failure> {
        let typed = match self.given_password()? {
            Some(given) => given,
            None => self.asked(|tty| tty.secret(&self.text.of("login-password")))?,
        };
        password::existing(&typed).map_err(|error| Failure::request(self.text, &error))
    }

    /// A new password; a user types it twice. `first` is the key of the first question.
    pub(super) fn new_password(&self, first: &str) -> Result<Arc<Password>, Failure> {
        let password = match self.given_password()? {
            Some(given) => Password::new(&given),
            None => self.asked(|tty| new_password(self.text, tty, &self.text.of(first)))?,
        };
        password.map(Arc::new).map_err(|invalid| Failure::invalid(self.text, invalid))
    }

    /// The password from standard input, the environment or another program. `None` if all
    /// three lack it, so that the user is asked.
    fn given_password(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        if self.options.password_stdin {
            let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_LINE_MAX));
            let read =
                io::stdin().lock().take(PASSWORD_LINE_MAX as u64).read_until(b'\n', &mut line);
            read.map_err(|error| self.no_password(&error.to_string()))?;
            let password = self.password_text(&line)?;
            if password.is_empty() {
                let said = self.text.of("password-stdin-empty");
                return Err(Failure::new(ExitStatus::Configuration, "no_password", said));
            }
            return Ok(Some(password));
        }
        let (command, origin) =
            (self.options.password_command.as_deref(), self.options.password_command_origin);
        if let (Some(command), Origin::CommandLine) = (command, origin) {
            return self.password_of_command(command).map(Some);
        }
        if let Some(password) = password_variable() {
            return self.password_text(&password).map(Some);
        }
        command.map(|command| self.password_of_command(command)).transpose()
    }

    /// Asks the user on the terminal. During the questions, Ctrl-C ends the program.
    fn asked<T>(&self, ask: impl FnOnce(&Tty) -> io::Result<T>) -> Result<T, Failure> {
        self.terminal.set_busy(false);
        let tty = Tty::find(&self.terminal).ok_or_else(|| self.no_password(""))?;
        let answer = ask(&tty);
        self.terminal.set_busy(true);
        answer.map_err(|error| self.no_password(&error.to_string()))
    }

    /// The first line that the user's command prints. Ctrl-C ends it and this program.
    fn password_of_command(&self, command: &str) -> Result<Zeroizing<String>, Failure> {
        self.terminal.set_busy(false);
        let account = [
            ("CORREIO_SERVER", self.options.server.as_deref().unwrap_or_default()),
            ("CORREIO_USER", self.options.user.as_deref().unwrap_or_default()),
        ];
        let line = password_command::first_line(command, &account, PASSWORD_LINE_MAX);
        self.terminal.set_busy(true);
        let line = line.map_err(|error| {
            let reason = match error {
                PasswordCommandError::Io(reason) | PasswordCommandError::Failed(reason) => reason,
                PasswordCommandError::Silent => self.text.of("password-command-silent"),
            };
            let said = self.text.with("password-command-failed", &[("reason", reason.into())]);
            Failure::new(ExitStatus::Configuration, "password_command", said)
        })?;
        self.password_text(&line)
    }

    /// The password in a line from a program or a file. A byte-order mark before it is dropped,
    /// because it cannot be typed on a terminal.
    fn password_text(&self, line: &[u8]) -> Result<Zeroizing<String>, Failure> {
        let Ok(line) = str::from_utf8(line) else {
            let said = self.text.of("password-not-text");
            return Err(Failure::new(ExitStatus::BadData, "password", said));
        };
        let line = line.trim_end_matches(['\n', '\r']);
        let password = line.trim_start_matches('\u{feff}');
        if password.len() < line.len() {
            let _ = writeln!(io::stderr(), "{}", self.text.of("password-byte-order-mark"));
        }
        Ok(Zeroizing::new(password.to_owned()))
    }

    /// Fails if there is no source of a password, before anything is done.
    pub(super) fn needs_password(&self) -> Result<(), Failure> {
        let is_given = self.options.password_stdin
            || self.options.password_command.is_some()
            || password_variable().is_some();
        if is_given || Tty::find(&self.terminal).is_some() {
            return Ok(());
        }
        Err(self.no_password(""))
    }

    fn no_password(&self, detail: &str) -> Failure {
        let text = format!("{} {detail}", self.text.of("needs-password"));
        Failure::new(ExitStatus::Configuration, "no_password", text.trim_end().to_owned())
    }
}

/// Asks for a new password until it is long enough and its repetition is the same. An empty answer
/// ends the questions: that is what a terminal at its end gives to each of them.
fn new_password(text: &Text, tty: &Tty, question: &str) -> io::Result<Result<Password, Invalid>> {
    loop {
        let typed = tty.secret(question)?;
        let password = match Password::new(&typed) {
            Err(invalid) if !typed.is_empty() => {
                tty.say(&text.invalid(invalid))?;
                continue;
            }
            Err(invalid) => return Ok(Err(invalid)),
            Ok(password) => password,
        };
        if *tty.secret(&text.of("register-password-again"))? == *typed {
            return Ok(Ok(password));
        }
        tty.say(&text.of("register-passwords-differ"))?;
    }
}

/// The password from the environment. An empty variable is ignored.
fn password_variable() -> Option<Zeroizing<Vec<u8>>> {
    let password = env::var_os("CORREIO_PASSWORD").filter(|password| !password.is_empty())?;
    Some(Zeroizing::new(password.into_vec()))
}
