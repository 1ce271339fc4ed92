//! Errors of statements and of commits, as classes of what the caller does next.

use std::{fmt::Display, sync::Arc};

/// Why statements have no result. No text has a password or a value of a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The database rolled the transaction back because of another one (40001, 40P01, 57014).
    /// Nothing was changed; the same transaction may succeed when it runs again.
    #[error("{0}; the transaction can run again")]
    Repeat(Arc<str>),
    /// The connection is of no further use, or leads to a server that takes no changes (57P01 to
    /// 57P03, 57P05, 08, 25006, a broken socket, a deadline). Outside of a commit nothing was
    /// changed by the transaction that was open. The caller opens another connection.
    #[error("{0}")]
    Reconnect(Arc<str>),
    /// The database lacks room, memory or connections (53), or cannot read or write a file
    /// (58030). Nothing was changed; a later transaction may succeed.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// The database refused values (22, 23), a statement's size (54) or a lock (55P03). Nothing was
    /// changed by the statement.
    #[error("{text}")]
    Refused {
        /// The SQLSTATE, such as 23505 for a value that must be unique.
        sqlstate: [u8; 5],
        /// The name of the constraint, if the refusal names one.
        constraint: Option<Arc<str>>,
        /// What the database says.
        text: Arc<str>,
    },
    /// The database is damaged (XX001, XX002), does not know what a statement names (42), or says
    /// what no server says. The store must end.
    #[error("{0}")]
    Fatal(Arc<str>),
}

impl QueryError {
    /// The name of the unique constraint that a value would break (23505); `None` for every other
    /// error.
    #[must_use]
    pub fn broken_unique(&self) -> Option<&str> {
        match self {
            Self::Refused { sqlstate: [b'2', b'3', b'5', b'0', b'5'], constraint, .. } => {
                Some(constraint.as_deref().unwrap_or_default())
            }
            _ => None,
        }
    }
}

/// Why a transaction is not known to be committed and replicated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A statement or the commit itself failed: nothing was changed.
    #[error(transparent)]
    Failed(#[from] QueryError),
    /// The transaction is committed on one machine, and the wait for the standby was cancelled: a
    /// failover may lose it. To be repeated with a transaction that writes, and never acknowledged.
    #[error("the commit may be lost with its machine: {0}")]
    NotReplicated(Arc<str>),
    /// The connection broke during the commit: whether it holds is unknown. To be repeated.
    #[error("whether the commit holds is unknown: {0}")]
    Unknown(Arc<str>),
}

/// Bytes of a server that speaks something else than PostgreSQL's protocol, or not now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database speaks otherwise than PostgreSQL: {0}")]
pub struct ProtocolError(Arc<str>);

impl ProtocolError {
    pub(super) fn new(reason: &impl Display) -> Self {
        Self(reason.to_string().into())
    }
}

impl From<ProtocolError> for QueryError {
    fn from(error: ProtocolError) -> Self {
        Self::Fatal(error.to_string().into())
    }
}
