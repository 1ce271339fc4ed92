//! Changes a configuration file. Comments and the order of lines stay.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Value};

use super::{
    error::{ConfigError, Fault},
    file::{Config, text},
    key::Key,
};

/// Sets a default. The value was checked.
pub(crate) fn set(path: &Path, key: Key, value: &str) -> Result<(), ConfigError> {
    change(path, |document| {
        let mut new = Value::from(value);
        match document.get_mut(key.name()).and_then(|item| item.as_value_mut()) {
            Some(old) => {
                // A comment after the value stays.
                *new.decor_mut() = old.decor().clone();
                *old = new;
            }
            None => _ = document.insert(key.name(), new.into()),
        }
    })
}

/// Removes a default. Returns whether it was set.
pub(crate) fn unset(path: &Path, key: Key) -> Result<bool, ConfigError> {
    let was_set = Config::read(path)?.get(key).is_some();
    if was_set {
        change(path, |document| _ = document.remove(key.name()))?;
    }
    Ok(was_set)
}

/// Changes the file, if it is one that may be used.
fn change(path: &Path, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), ConfigError> {
    let failed = |fault| ConfigError { path: path.to_owned(), line: None, fault };
    Config::read(path)?;
    let before = text(path).map_err(failed)?.map(|(text, _)| text).unwrap_or_default();
    let mut document: DocumentMut = before
        .parse()
        .map_err(|error: toml_edit::TomlError| failed(Fault::Syntax(error.to_string())))?;
    edit(&mut document);
    replace(path, &document.to_string()).map_err(|error| failed(Fault::Io(error.to_string())))
}

/// Replaces a file durably: after a crash it is the old one or the new one. A link stays a link.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = target.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let temporary = temporary(&target);
    let written = write_new(&temporary, text).and_then(|()| fs::rename(&temporary, &target));
    written.inspect_err(|_| {
        // Report the first error.
        let _ = fs::remove_file(&temporary);
    })?;
    // A file system that cannot sync a directory still has the file.
    let _ = fs::File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}", correio_client::new_mail_id()))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
