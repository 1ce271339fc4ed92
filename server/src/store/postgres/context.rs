//! The transaction that a job runs in, and the bounds that hold in it.

use postgres_types::ToSql;

use super::{
    connection::{Rows, Statement, Transaction},
    error::QueryError,
    heartbeat::{Heartbeat, beat},
};
use crate::store::{Quota, UploadLimits};

/// A value of a statement.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

/// What the statements of a job work with.
pub(super) struct Context<'a, 'c> {
    transaction: &'a mut Transaction<'c>,
    /// The bound of mailboxes without one of their own.
    pub(super) quota: Quota,
    /// The bounds of uploads.
    pub(super) uploads: UploadLimits,
    heartbeat: Heartbeat,
    has_written: bool,
    is_refused: bool,
}

impl<'a, 'c> Context<'a, 'c> {
    /// The context of jobs in this transaction, which has changed nothing yet.
    pub(super) fn new(
        transaction: &'a mut Transaction<'c>,
        quota: Quota,
        uploads: UploadLimits,
        heartbeat: Heartbeat,
    ) -> Self {
        let (has_written, is_refused) = (false, false);
        Self { transaction, quota, uploads, heartbeat, has_written, is_refused }
    }

    /// Reads rows. The statement changes nothing.
    pub(super) fn query(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<Rows, QueryError> {
        self.transaction.query(statement, params)
    }

    /// The key of this server in the table `node`.
    pub(super) fn node(&self) -> [u8; 16] {
        self.heartbeat.node
    }

    /// Has the transaction write something, if it has not yet.
    pub(super) fn write_something(&mut self) -> Result<(), QueryError> {
        match self.has_written {
            true => Ok(()),
            false => self.execute(beat(), &[&self.node().as_slice()]).map(drop),
        }
    }

    /// Reads whether a row exists.
    pub(super) fn exists(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<bool, QueryError> {
        self.query(statement, params).map(|rows| !rows.is_empty())
    }

    /// Changes rows, and returns those that the statement returns (`RETURNING`).
    pub(super) fn change(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<Rows, QueryError> {
        let rows = self.transaction.query(statement, params)?;
        self.has_written |= rows.affected() > 0;
        Ok(rows)
    }

    /// Changes rows, and returns their number.
    pub(super) fn execute(
        &mut self,
        statement: &'static Statement,
        params: &[Param<'_>],
    ) -> Result<u64, QueryError> {
        self.change(statement, params).map(|rows| rows.affected())
    }

    /// Has the transaction rolled back: the job is refused after it has changed something. Returns
    /// the job's result.
    pub(super) fn refuse<T>(&mut self, result: T) -> T {
        self.is_refused = true;
        result
    }

    /// Whether the transaction is to be rolled back.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }
}
