//! The user's defaults: a TOML file under the XDG directory for configuration.
//!
//! A value is checked when the file is read, so that a wrong one is reported with its line.

mod edit;
mod error;
mod file;
mod key;

pub(crate) use edit::{set, unset};
pub(crate) use error::ConfigError;
pub(crate) use file::{Config, path};
pub(crate) use key::Key;

#[cfg(test)]
mod tests;
