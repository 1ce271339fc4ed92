//! A configuration file: its values, each checked when the file is read.

use std::{
    collections::BTreeMap,
    fs::{Metadata, OpenOptions},
    io::{self, Read},
    ops::Range,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use etcetera::BaseStrategy;
use rustix::{fs::OFlags, process::geteuid};
use toml_edit::{Document, Item};

use super::{
    error::{ConfigError, Fault},
    key::Key,
};
use crate::text::Lang;

/// Largest file that is read, in bytes.
pub(super) const FILE_MAX: u64 = 64 << 10;

/// Permissions to write for the group and for others.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The defaults that a file sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    values: BTreeMap<Key, String>,
}

impl Config {
    /// Reads the user's file. Without a file, or without a place for one, nothing is set.
    pub(crate) fn load() -> Result<Self, ConfigError> {
        path().map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    /// Reads a file. A missing file sets nothing.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let fault = |line, fault| ConfigError { path: path.to_owned(), line, fault };
        let Some((text, metadata)) = text(path).map_err(|error| fault(None, error))? else {
            return Ok(Self::default());
        };
        let config = Self::parse(&text).map_err(|(line, error)| fault(Some(line), error))?;
        let runs_commands = config.values.keys().any(|key| key.is_command());
        if runs_commands && is_writable_by_others(&metadata) {
            return Err(fault(None, Fault::WritableByOthers));
        }
        Ok(config)
    }

    /// Parses a file's text. An error has the line, from 1.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, Fault)> {
        let line = |span: Option<Range<usize>>| {
            let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
            before.matches('\n').count() + 1
        };
        let document = Document::parse(text)
            .map_err(|error| (line(error.span()), Fault::Syntax(error.message().to_owned())))?;
        let mut values = BTreeMap::new();
        for (name, item) in document.iter() {
            let span = document.key(name).and_then(toml_edit::Key::span);
            let line = line(span.or_else(|| item.span()));
            let key = Key::of(name).ok_or_else(|| (line, Fault::UnknownKey(name.to_owned())))?;
            let Some(value) = Item::as_str(item) else {
                return Err((line, Fault::NotText(key)));
            };
            key.check(value).map_err(|error| (line, Fault::Value(key, error)))?;
            values.insert(key, value.to_owned());
        }
        Ok(Self { values })
    }

    /// The value of a default that is set.
    pub(crate) fn get(&self, key: Key) -> Option<&str> {
        self.values.get(&key).map(String::as_str)
    }

    /// All defaults that are set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &str)> {
        self.values.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The language that is set.
    pub(crate) fn language(&self) -> Option<Lang> {
        self.get(Key::Language).and_then(|name| Lang::from_str(name, false).ok())
    }
}

/// The path of the user's file. `None` if the user has no home directory.
pub(crate) fn path() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("correio").join("config.toml"))
}

/// The text of a file and its metadata. `None` if there is no file. Opening a pipe or a device does
/// not block, and is refused.
pub(super) fn text(path: &Path) -> Result<Option<(String, Metadata)>, Fault> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::Io(error.to_string())),
    };
    let failed = |error: io::Error| Fault::Io(error.to_string());
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Fault::NotRegular);
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Fault::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
    Ok(Some((text, metadata)))
}

/// Whether somebody beside the user and root may change a file.
fn is_writable_by_others(metadata: &Metadata) -> bool {
    let is_trusted = [0, geteuid().as_raw()].contains(&metadata.uid());
    !is_trusted || metadata.mode() & WRITABLE_BY_OTHERS != 0
}
