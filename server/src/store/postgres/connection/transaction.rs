//! Transactions, and what is known after their commit.

use std::time::Duration;

use postgres_types::ToSql;

use super::{
    exchange::{Connection, ExchangeError},
    notice::Notice,
    pipeline::{Pipeline, only},
    responses::{Outcome, TransactionStatus},
    rows::{Rows, Tag},
    statement::Statement,
};
use crate::store::postgres::{
    deadline::Deadline,
    error::{CommitError, QueryError},
};

/// An open transaction. Its `BEGIN` travels with its first statements. Dropped without a commit, it
/// is rolled back.
///
/// A commit during which the server warns is not acknowledged: the wait for a standby that is
/// cancelled ends in a warning, and the commit succeeds on this machine alone.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c mut Connection,
}

/// Proof that a transaction is committed, and replicated as its `synchronous_commit` asks.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is acknowledged rests on it"]
pub struct Committed(());

static BEGIN: Statement = Statement { sql: "BEGIN", params: &[] };
static COMMIT: Statement = Statement { sql: "COMMIT", params: &[] };

/// The time that a rollback has, whatever the connection's deadline. Without an answer the
/// connection ends, and the server rolls back by itself.
const ROLLBACK_TIME: Duration = Duration::from_secs(5);

impl Connection {
    /// Begins a transaction. Its `BEGIN` travels with its first statements.
    pub fn transaction(&mut self) -> Transaction<'_> {
        Transaction { connection: self }
    }
}

impl Transaction<'_> {
    /// Starts a pipeline in the transaction.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        let begin = (self.connection.status == TransactionStatus::Idle).then_some(&BEGIN);
        Pipeline::beginning_with(self.connection, begin)
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
        only(self.pipeline(), statement, params)
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
        self.query(statement, params).map(|rows| rows.affected())
    }

    /// Runs SQL text of several statements without parameters, such as those of an upgrade. The
    /// text neither begins nor ends transactions.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn batch(&mut self, sql: &str) -> Result<(), QueryError> {
        if self.connection.status == TransactionStatus::Idle {
            self.pipeline().run()?;
        }
        self.connection.batch(sql)
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    pub fn commit(self) -> Result<Committed, CommitError> {
        self.commit_with(|_| {}).map(|(_, committed)| committed)
    }

    /// Runs the statements that `fill` adds and commits, all in one round trip. Returns the results
    /// of these statements.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    pub fn commit_with(
        mut self,
        fill: impl FnOnce(&mut Pipeline<'_>),
    ) -> Result<(Vec<Rows>, Committed), CommitError> {
        if self.connection.status == TransactionStatus::Failed {
            let text = "a transaction whose statement failed cannot be committed";
            return Err(QueryError::Fatal(text.into()).into());
        }
        let mut pipeline = self.pipeline();
        fill(&mut pipeline);
        pipeline.add(&COMMIT, &[]);
        let outcome = match pipeline.run_to_commit() {
            Ok(outcome) => outcome,
            Err(ExchangeError::NotSent(error)) => return Err(error.into()),
            Err(ExchangeError::Broken(error)) => {
                return Err(CommitError::Unknown(error.to_string().into()));
            }
        };
        committed(outcome, self.connection.status)
    }

    /// Rolls back.
    ///
    /// # Errors
    ///
    /// The connection is broken; the database rolls back by itself.
    pub fn rollback(mut self) -> Result<(), QueryError> {
        self.roll_back()
    }

    fn roll_back(&mut self) -> Result<(), QueryError> {
        if self.connection.is_broken() || self.connection.status == TransactionStatus::Idle {
            return Ok(());
        }
        let deadline = self.connection.deadline();
        self.connection.set_deadline(Deadline::after(ROLLBACK_TIME));
        let rolled_back = self.connection.batch("ROLLBACK");
        self.connection.set_deadline(deadline);
        // A connection in an unknown state is of no use to the next transaction.
        rolled_back.map_err(|error| self.connection.break_with(error))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // An error has ended the connection, and with it the transaction.
        let _ = self.roll_back();
    }
}

/// What is known after the server has answered a COMMIT.
fn committed(
    outcome: Outcome,
    status: TransactionStatus,
) -> Result<(Vec<Rows>, Committed), CommitError> {
    if let Some(notice) = &outcome.error {
        return Err(QueryError::from(notice).into());
    }
    let mut results = outcome.results;
    let tag = results.pop().map(|rows| rows.tag());
    if tag != Some(Tag::Commit) || status != TransactionStatus::Idle {
        // A failed transaction, which the server rolls back.
        return Err(QueryError::Fatal("the database did not commit".into()).into());
    }
    match outcome.warnings.first().map(Notice::text) {
        Some(warning) => Err(CommitError::NotReplicated(warning)),
        None => Ok((results, Committed(()))),
    }
}
