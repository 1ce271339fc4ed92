//! What is wrong with a configuration file.

use std::path::PathBuf;

use correio_client::{WhiteSpace, sanitize};

use super::key::{Key, ValueError};
use crate::text::Text;

/// Why a file is refused. Nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    pub(crate) path: PathBuf,
    /// The line, from 1, if the fault is in one.
    pub(crate) line: Option<usize>,
    pub(crate) fault: Fault,
}

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The file cannot be read or written.
    Io(String),
    /// It is a directory, a pipe or a device.
    NotRegular,
    TooLarge,
    NotUtf8,
    /// It is no TOML, for this reason.
    Syntax(String),
    UnknownKey(String),
    /// The value is no string.
    NotText(Key),
    Value(Key, ValueError),
    /// The file names a command, and somebody else may change the file.
    WritableByOthers,
}

impl Text {
    /// The message for a file that is refused.
    pub(crate) fn config(&self, error: &ConfigError) -> String {
        let path = sanitize(&error.path.display().to_string(), WhiteSpace::OneLine);
        let reason = match &error.fault {
            Fault::Io(reason) | Fault::Syntax(reason) => sanitize(reason, WhiteSpace::OneLine),
            Fault::NotRegular => self.of("config-not-regular"),
            Fault::TooLarge => self.of("config-too-large"),
            Fault::NotUtf8 => self.of("config-not-utf8"),
            Fault::UnknownKey(key) => {
                let keys: Vec<_> = Key::ALL.into_iter().map(Key::name).collect();
                let key = sanitize(key, WhiteSpace::OneLine);
                let values = [("key", key.into()), ("keys", keys.join(", ").into())];
                self.with("config-unknown-key", &values)
            }
            Fault::NotText(key) => self.with("config-not-text", &[("key", key.name().into())]),
            Fault::Value(key, error) => format!("{}: {}", key.name(), self.config_value(error)),
            Fault::WritableByOthers => {
                self.with("config-writable-by-others", &[("path", path.clone().into())])
            }
        };
        match error.line {
            Some(line) => {
                let values = [
                    ("path", path.into()),
                    ("line", line.to_string().into()),
                    ("reason", reason.into()),
                ];
                self.with("config-line", &values)
            }
            None => format!("{path}: {reason}"),
        }
    }

    /// The message for a value that is refused.
    pub(crate) fn config_value(&self, error: &ValueError) -> String {
        match error {
            ValueError::Address(invalid) => self.address(invalid),
            ValueError::Username(invalid) => self.invalid(*invalid),
            ValueError::Language => self.of("config-language"),
            ValueError::Command => self.of("config-command"),
            ValueError::Signature => self.of("config-signature"),
        }
    }
}
