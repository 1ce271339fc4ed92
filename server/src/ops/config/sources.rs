//! Gathers settings from their sources: a flag overrides the environment, the environment the file,
//! the file the default.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::ArgMatches;

use super::{
    command::command,
    environment::Environment,
    error::ConfigError,
    settings::{Kind, SETTINGS, Setting},
    task,
    types::Task,
};
use crate::ops::admin_command::task::last_of;

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// On the command line.
    Flag,
    /// In a variable of the environment.
    Variable,
    /// In this file.
    File(PathBuf),
}

/// The values of one setting, as they were written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) setting: &'static Setting,
    pub(super) source: Source,
    pub(super) values: Vec<String>,
}

/// Formats the place of a value, such as `--store` or `store in /etc/correio/correiod.toml`.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Flag => write!(f, "--{}", self.setting.key),
            Source::Variable => f.write_str(&self.setting.variable()),
            Source::File(path) => write!(f, "{} in {}", self.setting.key, path.display()),
        }
    }
}

/// The settings that were written in any source, by key.
pub(super) type WrittenSettings = BTreeMap<&'static str, Written>;

/// Reads the task, and the settings of command line, environment and file.
pub(super) fn gather(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<(Task, WrittenSettings), ConfigError> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments).map_err(ConfigError::Usage)?;
    let task = task::task(&mut command, &matches)?;
    // Flags may come before or after the command.
    let matches = last_of(&matches);
    let mut written = WrittenSettings::new();
    if let Some(path) = config_file(matches, environment) {
        read_file(&path, &mut written)?;
    }
    for setting in SETTINGS {
        if let Some(value) = environment.get(&setting.variable()) {
            let values = match setting.kind {
                Kind::Many => value.split(',').map(|value| value.trim().to_owned()).collect(),
                Kind::One | Kind::Switch => vec![value.to_owned()],
            };
            written.insert(setting.key, Written { setting, source: Source::Variable, values });
        }
        if let Some(values) = from_flags(matches, setting) {
            written.insert(setting.key, Written { setting, source: Source::Flag, values });
        }
    }
    Ok((task, written))
}

fn from_flags(matches: &ArgMatches, setting: &Setting) -> Option<Vec<String>> {
    match setting.kind {
        Kind::Switch => matches.get_flag(setting.key).then(|| vec!["true".to_owned()]),
        Kind::One | Kind::Many => Some(matches.get_many::<String>(setting.key)?.cloned().collect()),
    }
}

/// The path of the file: the one that is named, or the default path if that file exists.
fn config_file(matches: &ArgMatches, environment: &Environment) -> Option<PathBuf> {
    if let Some(path) = matches.get_one::<String>("config") {
        return Some(path.into());
    }
    if let Some(path) = environment.get("CORREIO_CONFIG") {
        return Some(path.into());
    }
    let directory = environment.get("CONFIGURATION_DIRECTORY").unwrap_or("/etc/correio");
    Some(Path::new(directory).join("correiod.toml")).filter(|path| path.exists())
}

fn read_file(path: &Path, written: &mut WrittenSettings) -> Result<(), ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source: io::Error| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table: toml::Table = text.parse().map_err(|source| ConfigError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(unknown_key(path, &key));
        };
        let values = match value {
            toml::Value::Array(values) if setting.kind == Kind::Many => {
                values.into_iter().map(plain).collect()
            }
            value => vec![plain(value)],
        };
        let source = Source::File(path.to_owned());
        written.insert(setting.key, Written { setting, source, values });
    }
    Ok(())
}

fn unknown_key(path: &Path, key: &str) -> ConfigError {
    let dashed = key.replace('_', "-");
    let meant = SETTINGS.iter().find(|setting| setting.key == dashed).map(|setting| setting.key);
    ConfigError::UnknownKey { path: path.to_owned(), key: key.to_owned(), meant }
}

/// A value of the file as it would be written on the command line.
fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}
