//! The names of the defaults, and what their values may be.

use clap::ValueEnum;
use correio_client::{Address, InvalidAddress};
use correio_proto::mail::{Invalid, Username};

use crate::text::Lang;

/// The name of a default. Its values have no documentation, which shells would show in English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Key {
    // The server, as for `--server`.
    Server,
    // The username, as for `--user`.
    User,
    // The language, as for `--lang`.
    Language,
    // The command line of the editor for bodies.
    Editor,
    // The text under the body of a new mail.
    Signature,
    // The command whose first line of output is the password.
    PasswordCommand,
}

impl Key {
    pub(crate) const ALL: [Self; 6] = [
        Self::Server,
        Self::User,
        Self::Language,
        Self::Editor,
        Self::Signature,
        Self::PasswordCommand,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::User => "user",
            Self::Language => "language",
            Self::Editor => "editor",
            Self::Signature => "signature",
            Self::PasswordCommand => "password_command",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Whether the value is a command that correio runs.
    pub(super) fn is_command(self) -> bool {
        matches!(self, Self::Editor | Self::PasswordCommand)
    }

    /// Checks a value.
    pub(crate) fn check(self, value: &str) -> Result<(), ValueError> {
        match self {
            Self::Server => value.parse::<Address>().map(drop).map_err(ValueError::Address),
            Self::User => value.parse::<Username>().map(drop).map_err(ValueError::Username),
            Self::Language => {
                Lang::from_str(value, false).map(drop).map_err(|_| ValueError::Language)
            }
            Self::Editor | Self::PasswordCommand => {
                let is_line = !value.trim().is_empty() && !value.chars().any(char::is_control);
                is_line.then_some(()).ok_or(ValueError::Command)
            }
            Self::Signature => {
                let is_text = |c: char| !c.is_control() || c == '\n' || c == '\t';
                value.chars().all(is_text).then_some(()).ok_or(ValueError::Signature)
            }
        }
    }
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueError {
    Address(InvalidAddress),
    Username(Invalid),
    Language,
    Command,
    Signature,
}
