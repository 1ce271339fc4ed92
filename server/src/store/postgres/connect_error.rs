//! Why there is no connection, with what a person can do about it.

use std::{io, sync::Arc};

use super::error::QueryError;
use crate::sysexits;

/// Why there is no connection to the database. No text has a password.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The messages describe each.
pub enum ConnectError {
    #[error(
        "cannot reach the database at {host}: {source}; is it running, and does a firewall let this machine through?"
    )]
    Unreachable { host: String, source: io::Error },
    #[error("the database at {host} does not answer in time")]
    Silent { host: String },
    #[error("{0}")]
    Query(QueryError),
    #[error("{0}")]
    Other(Arc<str>),
}

impl ConnectError {
    /// Whether another attempt may succeed although nobody changes a setting.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Silent { .. })
    }

    /// The exit status of a server whose database cannot be used, as in sysexits.h.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        if self.is_temporary() { sysexits::UNAVAILABLE } else { sysexits::CONFIG }
    }
}
