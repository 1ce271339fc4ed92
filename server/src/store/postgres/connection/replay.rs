//! Bytes of a server as the answers to an exchange, without a server: for fuzzing.

use bytes::BytesMut;
use postgres_types::Type;

use super::{
    decoder::{MESSAGE_MAX, next_message},
    notice::Notice,
    responses::{Responses, Taken},
    rows::Row,
    statement::{Statement, Statements},
};
use crate::store::postgres::error::{ProtocolError, QueryError};

static FIRST: Statement = Statement { sql: "first", params: &[] };
static SECOND: Statement = Statement { sql: "second", params: &[Type::INT8] };

/// An exchange that is being answered.
#[derive(Debug)]
pub struct Replay {
    input: BytesMut,
    statements: Statements,
    responses: Option<Responses>,
    /// What the answers came to, in words.
    outcome: String,
}

impl Replay {
    /// The exchange of a text of several statements, or of two statements that are prepared.
    #[must_use]
    pub fn new(is_batch: bool) -> Self {
        let mut statements = Statements::default();
        let mut responses = Responses::of_batch();
        if !is_batch {
            responses = Responses::default();
            for statement in [&FIRST, &SECOND] {
                let _ = statements.name(statement);
                responses.expect_prepared(statement);
                responses.expect_run(statement);
            }
        }
        Self {
            input: BytesMut::new(),
            statements,
            responses: Some(responses),
            outcome: String::new(),
        }
    }

    /// Takes bytes. Bytes after the end of the exchange are left alone.
    ///
    /// # Errors
    ///
    /// They are no answer.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        self.input.extend_from_slice(bytes);
        while let Some(responses) = &mut self.responses {
            let Some(message) = next_message(&mut self.input, MESSAGE_MAX)? else { break };
            match responses.take(message, &mut self.statements)? {
                Taken::More => {}
                Taken::Ready(status) => {
                    self.outcome.push_str(&format!("{status:?}"));
                    self.end();
                }
                Taken::Ended(notice) => {
                    self.outcome.push_str(&format!("{:?}", QueryError::from(&notice)));
                    self.end();
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        let outcome = self.responses.take().map(Responses::into_outcome).unwrap_or_default();
        for rows in &outcome.results {
            let values = rows.iter().map(|row| values(&row));
            self.outcome.push_str(&format!("{rows:?} {:?}", values.collect::<Vec<_>>()));
        }
        let error = outcome.error.as_ref().map(QueryError::from);
        let warnings = outcome.warnings.iter().map(Notice::text).collect::<Vec<_>>();
        self.outcome.push_str(&format!("{error:?} {warnings:?}"));
    }

    /// What the answers came to; empty before their end.
    #[must_use]
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Bytes that are allocated for what has not been taken.
    #[must_use]
    pub fn room(&self) -> usize {
        self.input.capacity()
    }
}

/// A row's values, read as each of the types that the store reads.
fn values(row: &Row<'_>) -> String {
    (0..3)
        .map(|index| {
            format!(
                "{:?}{:?}{:?}{:?}{:?}{:?}",
                row.get::<Option<i64>>(index).ok(),
                row.get::<Option<i32>>(index).ok(),
                row.get::<Option<bool>>(index).ok(),
                row.get::<Option<&str>>(index).ok(),
                row.get::<Option<&[u8]>>(index).ok(),
                row.get::<Option<Vec<Option<i64>>>>(index).ok(),
            )
        })
        .collect()
}
