//! Completion of the command line in a shell.
//!
//! The script of a shell asks this program for each word, so that it knows the same commands, and the
//! usernames in the local mail. It sets `COMPLETE` to the shell's name.

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    path::Path,
};

use clap::{Command, ValueEnum};
use clap_complete::{
    ArgValueCompleter, CompletionCandidate,
    env::{Bash, EnvCompleter, Fish, Zsh},
};
use correio_proto::rfc5322::FileName;
use serde_json::json;

use crate::{
    exit::{ExitStatus, Failure},
    output::Output,
};

/// The variable with which a script asks for completions.
const VARIABLE: &str = "COMPLETE";

/// The program's name, as the shell finds it.
const PROGRAM: &str = "correio";

/// Most usernames that are offered for one word.
const USERNAMES_MAX: usize = 200;

/// A shell whose script [`script`] prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
        }
    }
}

/// `correio completions`: the script of a shell.
pub(crate) fn script(shell: Shell) -> Result<Output, Failure> {
    let mut script = Vec::new();
    let failed = |error: io::Error| Failure::new(ExitStatus::Local, "output", error.to_string());
    shell
        .completer()
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(failed)?;
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    Ok(Output::new(script.clone(), json!({ "script": script })))
}

/// Answers a script that asks for completions of this command line. Returns whether one did.
pub(crate) fn answer(command: impl FnOnce() -> Command) -> Result<bool, ExitStatus> {
    let Some(shell) = env::var_os(VARIABLE).filter(|shell| !shell.is_empty()) else {
        return Ok(false);
    };
    // The variable is of other programs, too, which may have left it set.
    let shell = shell.to_str().and_then(|name| Shell::from_str(name, false).ok());
    let mut words = env::args_os().skip_while(|word| word != "--").skip(1).peekable();
    let (Some(shell), Some(_)) = (shell, words.peek()) else {
        return Ok(false);
    };
    let mut command = command();
    let directory = env::current_dir().ok();
    let mut answer = Vec::new();
    let written = shell
        .completer()
        .write_complete(&mut command, words.collect(), directory.as_deref(), &mut answer)
        .map_err(io::Error::other)
        .and_then(|()| io::stdout().write_all(&answer));
    written.map(|()| true).map_err(|_| ExitStatus::Local)
}

/// Completes an argument that is one or several usernames.
pub(crate) fn usernames() -> ArgValueCompleter {
    ArgValueCompleter::new(complete_usernames)
}

/// The usernames that go on with the last name in a list of names with commas between them.
fn complete_usernames(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return vec![] };
    let data = env::var_os("CORREIO_CLIENT_DATA_DIR").filter(|data| !data.is_empty());
    let data = data.map(Into::into).or_else(|| {
        let base = etcetera::choose_base_strategy().ok()?;
        Some(etcetera::BaseStrategy::data_dir(&base).join("correio"))
    });
    let known = data.map(|data| known_usernames(&data)).unwrap_or_default();
    candidates(typed, &known).into_iter().map(CompletionCandidate::new).collect()
}

fn candidates(typed: &str, known: &BTreeSet<String>) -> Vec<OsString> {
    let (before, start) =
        typed.rsplit_once(',').map_or(("", typed), |(before, last)| (before, last));
    let named: Vec<_> = before.split(',').map(str::trim).collect();
    let is_wanted = |name: &&String| name.starts_with(start) && !named.contains(&name.as_str());
    let whole = |name: &String| match before.is_empty() {
        true => name.into(),
        false => format!("{before},{name}").into(),
    };
    known.iter().filter(is_wanted).take(USERNAMES_MAX).map(whole).collect()
}

/// The usernames that local mail tells without opening a file: the senders of received mail, and the
/// owners of mailboxes.
fn known_usernames(data: &Path) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for server in names(&data.join("mail")) {
        let server = data.join("mail").join(server);
        for user in names(&server) {
            let mailbox = server.join(&user);
            for part in ["new", "cur"] {
                let files = names(&mailbox.join(part));
                let mails = files.iter().filter_map(|file| FileName::parse(file));
                known.extend(mails.map(|mail| mail.sender.to_string()));
            }
            known.insert(user);
        }
    }
    known
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_names_is_completed() {
        let known = ["pepper", "peter", "tony"].map(str::to_owned).into();
        let all = |typed| candidates(typed, &known);
        assert_eq!(all("pe"), ["pepper", "peter"]);
        assert_eq!(all("tony,pe"), ["tony,pepper", "tony,peter"]);
        assert_eq!(all("pepper,pe"), ["pepper,peter"]);
        assert!(all("x").is_empty());
        assert_eq!(all("").len(), 3);
    }

    #[test]
    fn local_mail_tells_usernames() {
        let data = tempfile::TempDir::new().unwrap();
        let mailbox = data.path().join("mail/mail.example_8888/tony");
        for part in ["new", "cur"] {
            fs::create_dir_all(mailbox.join(part)).unwrap();
        }
        let id = "0192f0c1d2e37a4b8c5d6e7f8a9b0c1d";
        fs::write(mailbox.join(format!("new/1.000_1_{id}_1.pepper")), "").unwrap();
        fs::write(mailbox.join(format!("cur/1.000_2_{id}_2.steve.rogers:2,S")), "").unwrap();
        fs::write(mailbox.join("cur/other"), "").unwrap();
        let known: Vec<_> = known_usernames(data.path()).into_iter().collect();
        assert_eq!(known, ["pepper", "steve.rogers", "tony"]);
        assert!(known_usernames(Path::new("/nowhere")).is_empty());
    }
}
