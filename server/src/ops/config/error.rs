//! Why the settings cannot be used.

use std::{io, path::PathBuf};

use crate::store::postgres::DatabaseUrlError;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is wrong, or asks for help or the version.
    #[error(transparent)]
    Usage(clap::Error),
    /// A value is not allowed.
    #[error("{place}: {value:?} is not allowed; it takes {allowed}")]
    Value {
        /// The flag, variable, or key and file.
        place: String,
        /// The value as it was written.
        value: String,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// The address of a database is none. The value is not shown: it may have a password.
    #[error("{place}: {source}")]
    Database {
        /// The flag, variable, or key and file.
        place: String,
        /// The cause.
        source: DatabaseUrlError,
    },
    /// Two values that are allowed alone cannot be combined.
    #[error("{first} and {second} cannot work together: {why}")]
    Together {
        /// The first value, with its place.
        first: String,
        /// The second value, with its place.
        second: String,
        /// The cause.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The position and the cause.
        source: Box<toml::de::Error>,
    },
    /// The file has an unknown key.
    #[error("the configuration file {} has an unknown key {key:?}{}", path.display(), hint(*meant))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The key that may have been meant.
        meant: Option<&'static str>,
    },
}

fn hint(meant: Option<&str>) -> String {
    meant.map_or_else(
        || "; correiod --help lists the keys".to_owned(),
        |meant| format!("; did you mean {meant:?}?"),
    )
}
