//! Why the settings cannot be used.

use std::{io, path::PathBuf};

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
    /// Two values are allowed, but not together.
    #[error("{first} and {second} cannot work together: {why}")]
    Together {
        /// One value, with its place.
        first: String,
        /// The other value, with its place.
        second: String,
        /// Why not.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {source}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why not.
        source: Box<toml::de::Error>,
    },
    /// The file has an unknown key.
    #[error("the configuration file {} has an unknown key {key:?}{}", path.display(), hint(*meant))]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// Which key.
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
