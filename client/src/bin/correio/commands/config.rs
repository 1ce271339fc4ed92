//! `correio config`: shows and changes the user's defaults.

use std::path::PathBuf;

use correio_client::{WhiteSpace, sanitize};
use serde_json::{Map, Value, json};

use crate::{
    args::ConfigAction,
    config::{self, Config, ConfigError, Key},
    exit::{ExitStatus, Failure},
    output::Output,
    text::Text,
};

pub(super) fn run(text: &Text, action: Option<&ConfigAction>) -> Result<Output, Failure> {
    let path = config::path().ok_or_else(|| {
        Failure::new(ExitStatus::Configuration, "no_home", text.of("config-no-home"))
    })?;
    let file = File { text, path };
    match action.unwrap_or(&ConfigAction::List) {
        ConfigAction::List => file.list(),
        ConfigAction::Get { key } => file.get(*key),
        ConfigAction::Set { key, value } => file.set(*key, value),
        ConfigAction::Unset { key } => file.unset(*key),
        ConfigAction::Path => Ok(file.path()),
    }
}

/// The user's file, and the language of the answers.
struct File<'a> {
    text: &'a Text,
    path: PathBuf,
}

impl File<'_> {
    fn read(&self) -> Result<Config, Failure> {
        Config::read(&self.path).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &ConfigError) -> Failure {
        Failure::config(self.text, error)
    }

    fn shown(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn list(&self) -> Result<Output, Failure> {
        let config = self.read()?;
        let line = |(key, value): (Key, &str)| {
            // A value in one line, as it stands in the file.
            format!("{} = {}", key.name(), sanitize(&format!("{value:?}"), WhiteSpace::OneLine))
        };
        let mut lines: Vec<_> = config.iter().map(line).collect();
        if lines.is_empty() {
            let path = sanitize(&self.shown(), WhiteSpace::OneLine);
            lines.push(self.text.with("config-empty", &[("path", path.into())]));
        }
        let values: Map<String, Value> =
            config.iter().map(|(key, value)| (key.name().to_owned(), value.into())).collect();
        Ok(Output::new(lines.join("\n"), json!({ "path": self.shown(), "defaults": values })))
    }

    fn get(&self, key: Key) -> Result<Output, Failure> {
        let config = self.read()?;
        let value = config.get(key).ok_or_else(|| {
            let said = self.text.with("config-not-set", &[("key", key.name().into())]);
            Failure::new(ExitStatus::BadData, "not_set", said)
        })?;
        let shown = sanitize(value.trim_end(), WhiteSpace::Lines);
        Ok(Output::new(shown, json!({ "key": key.name(), "value": value })))
    }

    fn set(&self, key: Key, value: &str) -> Result<Output, Failure> {
        key.check(value).map_err(|error| {
            let said = format!("{}: {}", key.name(), self.text.config_value(&error));
            Failure::new(ExitStatus::BadData, "invalid", said)
        })?;
        config::set(&self.path, key, value).map_err(|error| self.refused(&error))?;
        let said = self.text.with("config-set", &[("key", key.name().into())]);
        Ok(Output::new(said, json!({ "key": key.name(), "value": value })))
    }

    fn unset(&self, key: Key) -> Result<Output, Failure> {
        let was_set = config::unset(&self.path, key).map_err(|error| self.refused(&error))?;
        let said = match was_set {
            true => "config-unset",
            false => "config-not-set",
        };
        let said = self.text.with(said, &[("key", key.name().into())]);
        Ok(Output::new(said, json!({ "key": key.name(), "was_set": was_set })))
    }

    fn path(&self) -> Output {
        let shown = sanitize(&self.shown(), WhiteSpace::OneLine);
        Output::new(shown, json!({ "path": self.shown() }))
    }
}
