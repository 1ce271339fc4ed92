//! Other programs that correio starts: the user's commands, in the shell, and those of the desktop.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

/// The variables with a secret, or with a command that prints one.
const SECRETS: [&str; 3] = ["CORREIO_INVITE", "CORREIO_PASSWORD", "CORREIO_PASSWORD_COMMAND"];

/// A program with the environment of correio, without its secrets: they are for correio alone.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    for secret in SECRETS {
        command.env_remove(secret);
    }
    command
}

/// As [`program`], the shell with this text to run.
pub(crate) fn shell(script: impl AsRef<OsStr>) -> Command {
    let mut shell = program("sh");
    shell.arg("-c").arg(script);
    shell
}

/// As [`shell`], with an empty standard input.
pub(crate) fn shell_without_input(script: impl AsRef<OsStr>) -> Command {
    let mut shell = shell(script);
    shell.stdin(Stdio::null());
    shell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        args,
        text::{Lang, Text},
    };

    #[test]
    fn a_program_gets_no_variable_with_a_secret() {
        let command = program("x");
        let removed: Vec<_> = command.get_envs().collect();
        assert_eq!(removed, SECRETS.map(|name| (OsStr::new(name), None)));
    }

    #[test]
    fn an_option_whose_value_the_help_hides_is_a_secret() {
        let command = args::command(&Text::new(Lang::En));
        let commands = command.get_subcommands().chain([&command]);
        let arguments = commands.flat_map(clap::Command::get_arguments);
        let hidden = arguments.filter(|argument| argument.is_hide_env_values_set());
        let names: Vec<_> = hidden.filter_map(clap::Arg::get_env).collect();
        assert!(!names.is_empty());
        for name in names {
            assert!(SECRETS.iter().any(|secret| name == *secret), "{}", name.display());
        }
    }
}
