//! The task that a command line asks for.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Command, error::ErrorKind};

use super::{
    error::ConfigError,
    types::{Operation, Task},
};
use crate::ops::{
    admin_command::task::admin_command,
    backup::BackupTarget,
    export::{self, ExportChoice},
    migrate::Migration,
    restore::RestoreSource,
};

/// The name of a file that stands for standard input or output.
const STANDARD_STREAM: &str = "-";

/// The task of a command line that clap has accepted.
pub(super) fn task(command: &mut Command, matches: &ArgMatches) -> Result<Task, ConfigError> {
    Ok(match matches.subcommand() {
        Some(("fingerprint", _)) => Task::Fingerprint,
        Some(("backup", matches)) => Task::Operate(Operation::Backup(match file(matches) {
            None => BackupTarget::Output,
            Some(path) => BackupTarget::File { path, replace: matches.get_flag("force") },
        })),
        Some(("restore", matches)) => Task::Operate(Operation::Restore(match file(matches) {
            None => RestoreSource::Input,
            Some(path) => RestoreSource::File(path),
        })),
        Some(("man", matches)) => Task::Manual(file(matches).unwrap_or_default()),
        Some(("check", _)) => Task::Operate(Operation::Check),
        Some(("export", given)) => match exported(given) {
            Ok(operation) => Task::Operate(operation),
            Err((kind, text)) => return Err(usage(command, matches, kind, &text)),
        },
        Some(("migrate", given)) => match migration(given) {
            Ok(migration) => Task::Operate(Operation::Migrate(migration)),
            Err(text) => return Err(usage(command, matches, ErrorKind::ValueValidation, &text)),
        },
        _ => match admin_command(matches) {
            Some(Ok(command)) => Task::Admin(command),
            Some(Err(text)) => {
                return Err(usage(command, matches, ErrorKind::ValueValidation, &text));
            }
            None => Task::Serve,
        },
    })
}

/// A usage error that shows how the command of these names is used.
fn usage(command: &mut Command, matches: &ArgMatches, kind: ErrorKind, text: &str) -> ConfigError {
    let (mut command, mut matches) = (command, matches);
    while let Some((name, within)) = matches.subcommand() {
        command = match command.find_subcommand_mut(name) {
            Some(found) => found,
            None => return ConfigError::Usage(clap::Error::raw(kind, text)),
        };
        matches = within;
    }
    ConfigError::Usage(command.error(kind, text))
}

/// The file of a command; `None` for the standard stream.
fn file(matches: &ArgMatches) -> Option<PathBuf> {
    let file = matches.get_one::<OsString>("file").filter(|file| *file != STANDARD_STREAM);
    file.map(PathBuf::from)
}

fn migration(matches: &ArgMatches) -> Result<Migration, String> {
    let place = |name: &str| matches.get_one::<OsString>(name).cloned().unwrap_or_default();
    Migration::parse(&place("from"), &place("to")).map_err(|error| error.to_string())
}

fn exported(matches: &ArgMatches) -> Result<Operation, (ErrorKind, String)> {
    let words: Vec<&OsString> = matches.get_many("words").into_iter().flatten().collect();
    let (choice, target) = match (words.as_slice(), matches.get_flag("all")) {
        ([target], true) => (ExportChoice::All, target),
        ([account, target], false) => {
            let account = account.to_string_lossy();
            let username = account.parse().map_err(|invalid| {
                (ErrorKind::ValueValidation, format!("{account:?} is no account: {invalid:#}"))
            })?;
            (ExportChoice::Account(username), target)
        }
        (_, true) => {
            let text = "with --all, only a directory is named";
            return Err((ErrorKind::TooManyValues, text.to_owned()));
        }
        (_, false) => {
            let text = "name an account and a directory, or --all and a directory";
            return Err((ErrorKind::TooFewValues, text.to_owned()));
        }
    };
    let domain = matches.get_one::<String>("domain").cloned().unwrap_or_default();
    if !export::is_domain(&domain) {
        let text = format!("{domain:?} is no domain, such as mail.example.org");
        return Err((ErrorKind::ValueValidation, text));
    }
    Ok(Operation::Export { choice, target: PathBuf::from(target), domain })
}
