//! Several statements in one round trip.

use postgres_types::ToSql;

use super::{Connection, rows::Rows, statement::Statement};
use crate::store::postgres::error::QueryError;

/// Statements that are sent together: one write, one Sync, one wait. The first error ends them all,
/// and no later statement runs. Without a transaction they are one: all of them hold, or none.
#[derive(Debug)]
pub struct Pipeline<'c> {
    pub(super) connection: &'c mut Connection,
}

impl Pipeline<'_> {
    /// Adds a statement. A value that cannot be written as its parameter's type is reported by the
    /// call that runs the pipeline.
    pub fn add(&mut self, _statement: &'static Statement, _params: &[&(dyn ToSql + Sync)]) {}

    /// Runs the statements, and returns the result of each in their order.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn run(self) -> Result<Vec<Rows>, QueryError> {
        let _ = self.connection;
        Err(QueryError::Fatal("not built yet".into()))
    }
}
