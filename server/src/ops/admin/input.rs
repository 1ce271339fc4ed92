//! The input of the operator's commands: a file, standard input, or the answer to a question. A
//! signal ends the wait for each.

use std::{
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    path::Path,
};

use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::reply::AccountView,
    cancel::Cancel,
    counted::Counted,
    event::is_obeyed,
    ops::streams::{self, Input},
};

/// Reads a file, or standard input, of at most `max` bytes, and one byte more of a larger one.
///
/// # Errors
///
/// [`AdminCommandError::Read`].
pub(super) fn read(
    file: Option<&Path>,
    max: usize,
    cancel: &Cancel,
) -> Result<Vec<u8>, AdminCommandError> {
    let mut bytes = Vec::new();
    let limit = (max as u64).saturating_add(1);
    let (name, read) = match file {
        None => {
            if io::stdin().is_terminal() {
                streams::note("reading from the terminal, up to Ctrl-D at the start of a line");
            }
            let input = Input::new(cancel);
            ("standard input".to_owned(), input.take(limit).read_to_end(&mut bytes))
        }
        Some(path) => {
            let opened = Input::open(path, cancel);
            let read = opened.and_then(|file| file.take(limit).read_to_end(&mut bytes));
            (path.display().to_string(), read)
        }
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(_) if cancel.is_asked() => Err(AdminCommandError::Interrupted),
        Err(source) => Err(AdminCommandError::Read { name, source }),
    }
}

/// Refuses to go on if nobody can be asked.
///
/// # Errors
///
/// [`AdminCommandError::NoTerminal`].
pub(super) fn require_terminal() -> Result<(), AdminCommandError> {
    match io::stdin().is_terminal() && io::stderr().is_terminal() {
        true => Ok(()),
        false => Err(AdminCommandError::NoTerminal),
    }
}

/// Asks on the terminal whether an account shall be deleted.
///
/// # Errors
///
/// [`AdminCommandError::Declined`] unless the answer is yes, and
/// [`AdminCommandError::Interrupted`].
pub(super) fn confirm(account: &AccountView, cancel: &Cancel) -> Result<(), AdminCommandError> {
    let mut terminal = io::stderr();
    let AccountView { username, full_name, mails, .. } = account;
    let full_name = full_name.as_str().replace(is_obeyed, "\u{fffd}");
    let _ = write!(
        terminal,
        "Delete the account {username} ({full_name}) and its {} for good? [y/N] ",
        Counted(*mails, "mail")
    );
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = BufReader::new(Input::new(cancel)).read_line(&mut answer);
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    match read {
        Ok(_) if is_yes => Ok(()),
        Err(_) if cancel.is_asked() => Err(AdminCommandError::Interrupted),
        Ok(_) | Err(_) => Err(AdminCommandError::Declined),
    }
}
