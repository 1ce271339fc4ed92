//! Several statements in one round trip.

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use postgres_types::ToSql;

use super::{
    exchange::{Connection, ExchangeError, text},
    responses::{Outcome, Responses},
    rows::Rows,
    statement::{Preparing, Statement},
};
use crate::store::postgres::error::QueryError;

/// Statements that are sent together: one write, one Sync, one wait. The first error ends them all,
/// and no later statement runs. Without a transaction they are one: all of them hold, or none.
#[derive(Debug)]
pub struct Pipeline<'c> {
    connection: &'c mut Connection,
    output: BytesMut,
    responses: Responses,
    /// Results before the caller's.
    hidden: usize,
    failed: Option<QueryError>,
}

/// Bytes of the statements of one pipeline, at most.
const OUTPUT_MAX: usize = 512 << 20;

/// The format of values and results.
const BINARY: i16 = 1;

impl<'c> Pipeline<'c> {
    fn new(connection: &'c mut Connection) -> Self {
        // Those of a pipeline that never ran.
        connection.statements.forget_unanswered();
        let (output, responses) = (BytesMut::new(), Responses::default());
        Self { connection, output, responses, hidden: 0, failed: None }
    }

    /// Starts a pipeline with a statement whose result is not returned.
    pub(super) fn beginning_with(
        connection: &'c mut Connection,
        first: Option<&'static Statement>,
    ) -> Self {
        let mut pipeline = Self::new(connection);
        if let Some(statement) = first {
            pipeline.add(statement, &[]);
            pipeline.hidden = 1;
        }
        pipeline
    }

    /// Adds a statement. A value that cannot be written as its parameter's type is reported by the
    /// call that runs the pipeline.
    pub fn add(&mut self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.write(statement, params) {
            self.failed = Some(error);
        }
    }

    fn write(
        &mut self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(), QueryError> {
        let failed = |reason: &dyn std::fmt::Display| {
            QueryError::Fatal(format!("cannot send `{}`: {reason}", statement.sql).into())
        };
        if params.len() != statement.params.len() {
            return Err(failed(&format_args!("{} values", params.len())));
        }
        let (name, preparing) = self.connection.statements.name(statement);
        if preparing == Preparing::Needed {
            let types = statement.params.iter().map(postgres_types::Type::oid);
            frontend::parse(&name, statement.sql, types, &mut self.output)
                .and_then(|()| frontend::describe(b'S', &name, &mut self.output))
                .map_err(|error| failed(&error))?;
            self.responses.expect_prepared(statement);
        }
        let values = params.iter().zip(statement.params);
        let bound = frontend::bind(
            "",
            &name,
            [BINARY],
            values,
            |(value, column), output| {
                value.to_sql_checked(column, output).map(|is_null| match is_null {
                    postgres_types::IsNull::Yes => postgres_protocol::IsNull::Yes,
                    postgres_types::IsNull::No => postgres_protocol::IsNull::No,
                })
            },
            [BINARY],
            &mut self.output,
        );
        bound.map_err(|error| match error {
            frontend::BindError::Conversion(error) => failed(&error),
            frontend::BindError::Serialization(error) => failed(&error),
        })?;
        frontend::execute("", 0, &mut self.output).map_err(|error| failed(&error))?;
        self.responses.expect_run(statement);
        match self.output.len() > OUTPUT_MAX {
            true => Err(failed(&"more than 512 MiB in one pipeline")),
            false => Ok(()),
        }
    }

    /// Runs the statements, and returns the result of each in their order.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn run(self) -> Result<Vec<Rows>, QueryError> {
        let Self { connection, mut output, responses, hidden, failed } = self;
        if let Some(error) = failed {
            return Err(error);
        }
        frontend::sync(&mut output);
        let mut outcome = connection.outcome(&output, responses)?;
        outcome.results.drain(..hidden.min(outcome.results.len()));
        Ok(outcome.results)
    }

    /// Runs the statements, the last of which commits.
    pub(super) fn run_to_commit(self) -> Result<Outcome, ExchangeError> {
        let Self { connection, mut output, responses, hidden, failed } = self;
        if let Some(error) = failed {
            return Err(ExchangeError::NotSent(error));
        }
        frontend::sync(&mut output);
        let mut outcome = connection.exchange(&output, responses)?;
        outcome.results.drain(..hidden.min(outcome.results.len()));
        Ok(outcome)
    }
}

impl Connection {
    /// Starts a pipeline. Its changes hold after it has run, but are not known to be replicated:
    /// changes that are acknowledged need a transaction.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// Runs one statement, and returns its rows. As for [`Connection::pipeline`], a change is not
    /// known to be replicated.
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

    /// Runs one statement, and returns the number of rows that it concerned. As for
    /// [`Connection::pipeline`], a change is not known to be replicated.
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
}

/// Runs a pipeline with one statement.
pub(super) fn only(
    mut pipeline: Pipeline<'_>,
    statement: &'static Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Rows, QueryError> {
    pipeline.add(statement, params);
    let missing = || QueryError::Fatal(text(&"a statement without its result"));
    pipeline.run()?.pop().ok_or_else(missing)
}
