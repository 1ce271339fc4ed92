//! Command lines: what is run, what it reads, and how the document shows it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a command has as its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Nothing,
    File(PathBuf),
    /// Keys of a person who sees one of these texts, and presses them until the command ends.
    Keys(&'static str, &'static [&'static str]),
}

/// A command, its input, and the files of settings that it reads.
pub struct CommandLine {
    pub command: Command,
    pub input: Input,
    pub settings: Vec<PathBuf>,
}

impl From<Command> for CommandLine {
    fn from(command: Command) -> Self {
        Self { command, input: Input::Nothing, settings: Vec::new() }
    }
}

impl CommandLine {
    pub fn new(program: &str) -> Self {
        Command::new(program).into()
    }

    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args<A: AsRef<std::ffi::OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives the command this file as its input.
    pub fn reading(mut self, file: PathBuf) -> Self {
        self.input = Input::File(file);
        self
    }

    /// Lets a person type these keys after one of these texts has come.
    pub fn typing(mut self, keys: &'static str, after: &'static [&'static str]) -> Self {
        self.input = Input::Keys(keys, after);
        self
    }

    /// Adds a file of settings, which need not be an argument.
    pub fn with(mut self, settings: PathBuf) -> Self {
        self.settings.push(settings);
        self
    }

    /// The command line and the text of each file of settings as a shell and an editor have them.
    pub fn shown(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for (name, value) in self.command.get_envs() {
            let value = value.unwrap_or_default().to_string_lossy();
            words.push(format!("{}={}", name.to_string_lossy(), quoted(&value)));
        }
        words.push(self.command.get_program().to_string_lossy().into_owned());
        words.extend(self.command.get_args().map(|word| quoted(&word.to_string_lossy())));
        if let Input::File(input) = &self.input {
            words.extend(["<".into(), quoted(&input.to_string_lossy())]);
        }
        let mut shown = format!("    $ {}\n", words.join(" ").replace('\n', "\n    "));
        for file in &self.settings {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            shown.push_str(&format!("\n`{}`:\n\n", name.unwrap_or_default()));
            for line in text_of(file).lines() {
                let indent = if line.is_empty() { "" } else { "    " };
                shown.push_str(&format!("{indent}{line}\n"));
            }
        }
        shown
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:@=+,%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The text of a file, or nothing if there is none.
pub fn text_of(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
