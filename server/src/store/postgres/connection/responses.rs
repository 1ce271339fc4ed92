//! What a server answers to the statements of one exchange, message by message, without sockets.

use std::collections::VecDeque;

use postgres_protocol::message::backend::{ErrorResponseBody, Message, NoticeResponseBody};

use super::{
    notice::{Notice, Severity},
    rows::{Columns, Rows, columns},
    statement::{Statement, Statements},
};
use crate::store::postgres::error::ProtocolError;

/// Bytes of the results of one exchange, at most.
const RESULTS_MAX: usize = 256 << 20;

/// Warnings of one exchange that are kept.
const WARNINGS_MAX: usize = 16;

/// Whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionStatus {
    /// None is.
    Idle,
    /// One is.
    Open,
    /// One is that takes no statement but its end, because a statement failed.
    Failed,
}

/// The answers of one exchange.
#[derive(Debug, Default)]
pub(super) struct Responses {
    expected: VecDeque<Expected>,
    outcome: Outcome,
    bytes: usize,
}

/// What an exchange came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The results of the statements before the error, in their order.
    pub(super) results: Vec<Rows>,
    /// The error that ended the statements.
    pub(super) error: Option<Notice>,
    /// The first warnings.
    pub(super) warnings: Vec<Notice>,
}

/// The next message that the statements give rise to.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Parsed,
    Parameters,
    Description(&'static Statement),
    Bound(&'static Statement),
    /// Rows of the last result, and its end.
    Rows,
    /// The results of a text of several statements.
    Batch,
}

/// What a message means for the exchange.
#[derive(Debug)]
pub(super) enum Taken {
    /// Further messages follow.
    More,
    /// The exchange is over.
    Ready(TransactionStatus),
    /// The server ends the connection, for this reason.
    Ended(Notice),
}

impl Responses {
    /// Those to a text of several statements.
    pub(super) fn of_batch() -> Self {
        Self { expected: [Expected::Batch].into(), ..Self::default() }
    }

    /// Expects that a statement is prepared.
    pub(super) fn expect_prepared(&mut self, statement: &'static Statement) {
        let description = Expected::Description(statement);
        self.expected.extend([Expected::Parsed, Expected::Parameters, description]);
    }

    /// Expects that a prepared statement runs.
    pub(super) fn expect_run(&mut self, statement: &'static Statement) {
        self.expected.extend([Expected::Bound(statement), Expected::Rows]);
    }

    pub(super) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    /// Takes a message.
    ///
    /// # Errors
    ///
    /// The message is none of those that may come now, or the results are larger than 256 MiB.
    pub(super) fn take(
        &mut self,
        message: Message,
        statements: &mut Statements,
    ) -> Result<Taken, ProtocolError> {
        match message {
            Message::NoticeResponse(body) => self.take_notice(&body)?,
            Message::ErrorResponse(body) => return self.take_error(&body),
            Message::ReadyForQuery(body) => return self.end(body.status()).map(Taken::Ready),
            message if self.outcome.error.is_some() => return Err(unexpected(&message)),
            message => self.take_answer(message, statements)?,
        }
        Ok(Taken::More)
    }

    fn take_notice(&mut self, body: &NoticeResponseBody) -> Result<(), ProtocolError> {
        let notice = Notice::read(body.fields())?;
        if notice.severity != Severity::Notice && self.outcome.warnings.len() < WARNINGS_MAX {
            self.outcome.warnings.push(notice);
        }
        Ok(())
    }

    fn take_error(&mut self, body: &ErrorResponseBody) -> Result<Taken, ProtocolError> {
        let notice = Notice::read(body.fields())?;
        if notice.severity == Severity::Fatal {
            return Ok(Taken::Ended(notice));
        }
        if self.outcome.error.replace(notice).is_some() {
            return Err(ProtocolError::new(&"two errors in one exchange"));
        }
        Ok(Taken::More)
    }

    fn end(&self, status: u8) -> Result<TransactionStatus, ProtocolError> {
        let is_over = matches!(self.expected.front(), None | Some(Expected::Batch));
        if !is_over && self.outcome.error.is_none() {
            return Err(ProtocolError::new(&"an exchange that ends before its results"));
        }
        status_of(status)
    }

    fn take_answer(
        &mut self,
        message: Message,
        statements: &mut Statements,
    ) -> Result<(), ProtocolError> {
        let Some(expected) = self.expected.front().copied() else {
            return Err(unexpected(&message));
        };
        match (expected, message) {
            (Expected::Parsed, Message::ParseComplete)
            | (Expected::Parameters, Message::ParameterDescription(_)) => {}
            (Expected::Description(statement), Message::RowDescription(body)) => {
                statements.set_ready(statement, Some(columns(&body)?));
            }
            (Expected::Description(statement), Message::NoData) => {
                statements.set_ready(statement, None);
            }
            (Expected::Bound(statement), Message::BindComplete) => {
                self.begin_result(statements.columns(statement));
            }
            (Expected::Batch, Message::RowDescription(body)) => {
                self.begin_result(Some(columns(&body)?));
                return Ok(());
            }
            (Expected::Rows | Expected::Batch, Message::DataRow(body)) => {
                let rows = self.outcome.results.last_mut();
                let rows = rows.ok_or_else(|| ProtocolError::new(&"a row before its columns"))?;
                self.bytes = self.bytes.saturating_add(rows.push(body)?);
                if self.bytes > RESULTS_MAX {
                    return Err(ProtocolError::new(&"results of more than 256 MiB"));
                }
                return Ok(());
            }
            (Expected::Rows, Message::CommandComplete(body)) => {
                let tag = body.tag().map_err(|error| ProtocolError::new(&error))?;
                if let Some(rows) = self.outcome.results.last_mut() {
                    rows.complete(tag);
                }
            }
            (Expected::Rows, Message::EmptyQueryResponse) => {}
            // A batch's results are of no interest.
            (Expected::Batch, Message::CommandComplete(_) | Message::EmptyQueryResponse) => {
                self.outcome.results.clear();
                return Ok(());
            }
            (_, message) => return Err(unexpected(&message)),
        }
        self.expected.pop_front();
        Ok(())
    }

    fn begin_result(&mut self, columns: Option<Columns>) {
        self.outcome.results.push(Rows::new(columns));
    }
}

pub(super) fn status_of(status: u8) -> Result<TransactionStatus, ProtocolError> {
    match status {
        b'I' => Ok(TransactionStatus::Idle),
        b'T' => Ok(TransactionStatus::Open),
        b'E' => Ok(TransactionStatus::Failed),
        _ => Err(ProtocolError::new(&"an unknown state of a transaction")),
    }
}

/// The error of a message that must not come now.
pub(super) fn unexpected(message: &Message) -> ProtocolError {
    let name = match message {
        Message::DataRow(_) => "a row",
        Message::CommandComplete(_) | Message::EmptyQueryResponse => "the end of a statement",
        Message::RowDescription(_) | Message::NoData | Message::ParameterDescription(_) => {
            "a description"
        }
        Message::ReadyForQuery(_) => "the end of an exchange",
        Message::CopyInResponse(_)
        | Message::CopyOutResponse(_)
        | Message::CopyData(_)
        | Message::CopyDone => "a copy",
        Message::BindComplete | Message::ParseComplete | Message::CloseComplete => {
            "the end of a step"
        }
        _ => "a message",
    };
    ProtocolError::new(&format_args!("{name} that must not come now"))
}
