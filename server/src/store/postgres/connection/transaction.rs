//! Transactions, and what is known after their commit.

use postgres_types::ToSql;

use super::{Connection, pipeline::Pipeline, rows::Rows, statement::Statement};
use crate::store::postgres::error::{CommitError, QueryError};

/// An open transaction. Its `BEGIN` travels with its first statements. Dropped without a commit, it
/// is rolled back.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c mut Connection,
}

/// Proof that a transaction is committed, and replicated as its `synchronous_commit` asks.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is acknowledged rests on it"]
pub struct Committed(());

impl<'c> Transaction<'c> {
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Self { connection }
    }

    /// Starts a pipeline in the transaction.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        self.connection.pipeline()
    }

    /// Runs one statement, and returns its rows.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn query(
        &mut self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Rows, QueryError> {
        self.connection.query(statement, params)
    }

    /// Runs one statement, and returns the number of rows that it concerned.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn execute(
        &mut self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, QueryError> {
        self.connection.execute(statement, params)
    }

    /// Runs SQL text of several statements without parameters, such as those of a migration.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn batch(&mut self, sql: &str) -> Result<(), QueryError> {
        self.connection.batch(sql)
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    pub fn commit(self) -> Result<Committed, CommitError> {
        let _ = Committed(());
        Err(CommitError::Unknown("not built yet".into()))
    }

    /// Runs the statements that `fill` adds and commits, all in one round trip.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    pub fn commit_with(
        self,
        fill: impl FnOnce(&mut Pipeline<'_>),
    ) -> Result<(Vec<Rows>, Committed), CommitError> {
        fill(&mut self.connection.pipeline());
        Err(CommitError::Unknown("not built yet".into()))
    }

    /// Rolls back.
    ///
    /// # Errors
    ///
    /// The connection is broken; the database rolls back by itself.
    pub fn rollback(self) -> Result<(), QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }
}
