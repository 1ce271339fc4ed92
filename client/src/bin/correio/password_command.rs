//! The user's command that prints a password, such as `secret-tool lookup …` for a keyring.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use rustix::process::Signal;
use zeroize::Zeroizing;

use crate::program;

/// Bytes that are read after the first line. A command that prints more ends with SIGPIPE, which is
/// no failure.
const REST_MAX: u64 = 64 << 10;

/// Why a command gave no password. Neither its text nor its output is in the error: both may
/// contain the password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PasswordCommandError {
    /// The shell does not start, or the output cannot be read.
    Io(String),
    /// The command failed with this status.
    Failed(String),
    /// The first line is empty.
    Silent,
}

/// Runs a command in the shell, with these variables in its environment, and returns the first line
/// of its standard output, of at most `longest` bytes with its end. Standard input is empty;
/// standard error is the user's. The command gets no password from the environment.
pub(crate) fn first_line(
    command: &str,
    variables: &[(&str, &str)],
    longest: usize,
) -> Result<Zeroizing<Vec<u8>>, PasswordCommandError> {
    let failed = |error: std::io::Error| PasswordCommandError::Io(error.to_string());
    let mut shell = program::shell_without_input(command);
    let mut child =
        shell.envs(variables.iter().copied()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    // Room from the start: a vector that grows leaves copies of the password behind.
    let mut line = Zeroizing::new(Vec::with_capacity(longest));
    let mut read = Ok(0);
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::with_capacity(longest, output);
        read = output.by_ref().take(longest as u64).read_until(b'\n', &mut line);
        // Other lines, such as the notes of `pass`, are not needed.
        let _ = std::io::copy(&mut output.take(REST_MAX), &mut std::io::sink());
    }
    let status = child.wait().map_err(failed)?;
    read.map_err(failed)?;
    let is_silent = line.iter().all(u8::is_ascii_whitespace);
    match has_succeeded(status) {
        false => Err(PasswordCommandError::Failed(status.to_string())),
        true if is_silent => Err(PasswordCommandError::Silent),
        true => Ok(line),
    }
}

/// Whether a command has succeeded. A shell passes its command's SIGPIPE on as a status.
fn has_succeeded(status: ExitStatus) -> bool {
    let pipe = Signal::PIPE.as_raw();
    status.success() || status.signal() == Some(pipe) || status.code() == Some(128 + pipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> Result<String, PasswordCommandError> {
        let line = first_line(command, &[("CORREIO_USER", "tony")], 64)?;
        Ok(String::from_utf8(line.to_vec()).unwrap())
    }

    #[test]
    fn the_first_line_is_the_password() {
        assert_eq!(run("echo segredo").unwrap(), "segredo\n");
        assert_eq!(run("printf segredo").unwrap(), "segredo");
        assert_eq!(run("printf '%s\\nurl: x\\n' \"$CORREIO_USER\"").unwrap(), "tony\n");
        assert_eq!(run("cat; echo segredo").unwrap(), "segredo\n", "standard input is empty");
    }

    #[test]
    fn a_command_that_prints_for_ever_is_ended() {
        assert_eq!(run("yes segredo").unwrap(), "segredo\n");
        assert_eq!(run("yes | tr -d '\\n'").unwrap().len(), 64);
    }

    #[test]
    fn a_command_without_a_password_is_an_error_that_does_not_repeat_it() {
        assert_eq!(run("true"), Err(PasswordCommandError::Silent));
        assert_eq!(run("echo; echo segredo"), Err(PasswordCommandError::Silent));
        for command in ["echo segredo; exit 3", "echo segredo; kill -9 $$"] {
            let Err(PasswordCommandError::Failed(reason)) = run(command) else { panic!() };
            assert!(!reason.contains("segredo"), "{reason}");
        }
    }
}
