//! Completion of the command line in a shell.
//!
//! The script of a shell asks this program for each word, so that it knows the same commands, the
//! usernames that are known on this computer, and the nicknames. It sets `COMPLETE` to the shell's
//! name.

mod bash;
mod fish;
mod word;
mod zsh;

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Command, ValueEnum};
use clap_complete::{
    ArgValueCompleter, CompletionCandidate,
    env::{EnvCompleter, Fish},
};
use correio_client::{AddressBook, BookEntry, KnownPeople};
use serde_json::json;

use self::word::filled;
use crate::{
    exit::{ExitStatus, Failure},
    output::Output,
    owners,
};

/// The variable with which a script asks for completions.
const VARIABLE: &str = "COMPLETE";

/// The program's name, as the shell finds it.
const PROGRAM: &str = "correio";

/// Most names that are offered for one word.
const NAMES_MAX: usize = 200;

/// A shell whose script [`script`] prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// The script, which a start-up file or a package gives to the shell.
    fn script(self) -> io::Result<String> {
        let own = |script| filled(script, VARIABLE, PROGRAM, PROGRAM);
        match self {
            Self::Bash => Ok(own(bash::SCRIPT)),
            Self::Zsh => Ok(own(zsh::SCRIPT)),
            Self::Fish => {
                let mut script = Vec::new();
                Fish.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
                Ok(String::from_utf8_lossy(&script).into_owned())
            }
        }
    }

    /// The position of the word that is completed.
    fn index(self, words: &[OsString]) -> usize {
        match self {
            Self::Bash | Self::Zsh => word::index().unwrap_or(0),
            // The script passes the words up to the cursor alone.
            Self::Fish => words.len().saturating_sub(1),
        }
    }

    /// A candidate as the script takes it, and the first line of its help.
    fn line(self, value: &str, help: Option<&str>) -> String {
        match self {
            Self::Bash => bash::line(value),
            Self::Zsh => zsh::line(value, help),
            Self::Fish => fish::line(value, help),
        }
    }
}

/// `correio completions`: the script of a shell.
pub(crate) fn script(shell: Shell) -> Result<Output, Failure> {
    let failed = |error: io::Error| Failure::new(ExitStatus::Local, "output", error.to_string());
    let script = shell.script().map_err(failed)?.trim_end().to_owned();
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
    let words: Vec<_> = words.collect();
    let (index, directory) = (shell.index(&words), env::current_dir().ok());
    let found = word::candidates(&mut command(), words, index, directory.as_deref());
    let written = found.and_then(|found| {
        let lines = found
            .iter()
            .map(|(value, candidate)| shell.line(value, word::help(candidate).as_deref()) + "\n");
        io::stdout().write_all(lines.collect::<String>().as_bytes())
    });
    written.map(|()| true).map_err(|_| ExitStatus::Local)
}

/// Completes an argument that is one or several usernames.
pub(crate) fn usernames() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| complete(typed, Known::Usernames))
}

/// Completes an argument that is a nickname, with or without its mark.
pub(crate) fn nicknames() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| complete(typed, Known::Nicknames))
}

/// Completes the recipients of a mail: usernames, and nicknames with their mark.
pub(crate) fn recipients() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| complete(typed, Known::Recipients))
}

/// The names that complete a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Usernames,
    Nicknames,
    Recipients,
}

/// The names that go on with the last name in a list of names with commas between them.
fn complete(typed: &OsStr, known: Known) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return vec![] };
    let known = data_directory().map(|data| names(&data, known)).unwrap_or_default();
    candidates(typed, &known).into_iter().map(CompletionCandidate::new).collect()
}

fn data_directory() -> Option<PathBuf> {
    let data = env::var_os("CORREIO_CLIENT_DATA_DIR").filter(|data| !data.is_empty());
    data.map(Into::into).or_else(|| {
        let base = etcetera::choose_base_strategy().ok()?;
        Some(etcetera::BaseStrategy::data_dir(&base).join("correio"))
    })
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
    known.iter().filter(is_wanted).take(NAMES_MAX).map(whole).collect()
}

/// The names that are known without opening a mail: the owners of mailboxes, the people known from
/// mail, and the address books. What cannot be read counts as empty.
fn names(data: &Path, known: Known) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if known != Known::Nicknames {
        names.extend(owners::of_mailboxes(data).into_iter().map(|(_, user)| user.to_string()));
    }
    for (server, user) in owners::of_people(data) {
        let book = AddressBook::open(data, &server, &user).list().unwrap_or_default();
        match known {
            Known::Usernames => {}
            Known::Nicknames => {
                names.extend(book.iter().map(|entry| entry.nickname.as_str().to_owned()));
                names.extend(marked(&book));
            }
            Known::Recipients => names.extend(marked(&book)),
        }
        if known != Known::Nicknames {
            let people = KnownPeople::open(data, &server, &user).read();
            names.extend(people.iter().map(|person| person.username.to_string()));
            let in_book = book.iter().flat_map(|entry| &entry.people);
            names.extend(in_book.map(|person| person.username.to_string()));
        }
    }
    names
}

/// The nicknames as they stand among recipients.
fn marked(book: &[BookEntry]) -> impl Iterator<Item = String> + '_ {
    book.iter().map(|entry| entry.nickname.to_string())
}

#[cfg(test)]
mod tests {
    use correio_client::{BookPerson, Cancel};
    use correio_proto::mail::Username;

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
    fn people_who_are_known_on_this_computer_are_offered() {
        let data = tempfile::TempDir::new().unwrap();
        let data = data.path();
        std::fs::create_dir_all(data.join("mail/mail.example_8888/tony")).unwrap();
        let (server, tony) = ("mail.example".parse().unwrap(), "tony".parse().unwrap());
        KnownPeople::open(data, &server, &tony)
            .wrote_to(&"pepper, steve.rogers".parse().unwrap(), &Cancel::new())
            .unwrap();
        let book = AddressBook::open(data, &server, &tony);
        let peter: Username = "peter".parse().unwrap();
        let people = [BookPerson { username: peter, full_name: None }];
        book.add(&"turma".parse().unwrap(), &people).unwrap();
        let known = |known| names(data, known).into_iter().collect::<Vec<_>>();
        assert_eq!(known(Known::Usernames), ["pepper", "peter", "steve.rogers", "tony"]);
        assert_eq!(known(Known::Nicknames), ["@turma", "turma"]);
        let recipients = ["@turma", "pepper", "peter", "steve.rogers", "tony"];
        assert_eq!(known(Known::Recipients), recipients);
        // A wrong line hides no people who are known from mail.
        std::fs::write(book.path(), "a,b\n").unwrap();
        assert_eq!(known(Known::Recipients), ["pepper", "steve.rogers", "tony"]);
        assert!(names(Path::new("/nowhere"), Known::Recipients).is_empty());
    }
}
