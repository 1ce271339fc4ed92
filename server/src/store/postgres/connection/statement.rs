//! Statements that each connection prepares once.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use postgres_types::Type;

use super::rows::Columns;

/// A statement, which a connection prepares at its first use: a `static`.
#[derive(Debug)]
pub struct Statement {
    /// The SQL text, with the parameters `$1`, `$2`…
    pub sql: &'static str,
    /// The types of the parameters.
    pub params: &'static [Type],
}

/// The statements that a connection has prepared, or is preparing in this exchange.
#[derive(Debug, Default)]
pub(super) struct Statements {
    known: HashMap<Key, Prepared, RandomState>,
    /// The number of the next name.
    next: usize,
    /// Whether statements were sent that have no answer.
    is_unanswered: bool,
}

type Key = (&'static str, &'static [Type]);

#[derive(Debug)]
struct Prepared {
    number: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// It was never sent, or failed.
    Absent,
    /// It was sent; the answer is not there yet.
    Sent,
    /// It is prepared, and returns these columns.
    Ready(Option<Columns>),
}

/// Whether a statement is sent before its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparing {
    /// It must be sent first.
    Needed,
    /// The server has it.
    Done,
}

impl Statements {
    /// The name of a statement, and whether it must be sent first, which the caller does then.
    pub(super) fn name(&mut self, statement: &'static Statement) -> (String, Preparing) {
        let prepared = self
            .known
            .entry((statement.sql, statement.params))
            .or_insert(Prepared { number: 0, state: State::Absent });
        let preparing = match prepared.state {
            State::Absent => {
                *prepared = Prepared { number: self.next, state: State::Sent };
                self.next += 1;
                self.is_unanswered = true;
                Preparing::Needed
            }
            State::Sent | State::Ready(_) => Preparing::Done,
        };
        (format!("s{}", prepared.number), preparing)
    }

    /// Notes that the server has prepared a statement.
    pub(super) fn set_ready(&mut self, statement: &'static Statement, columns: Option<Columns>) {
        if let Some(prepared) = self.known.get_mut(&(statement.sql, statement.params)) {
            prepared.state = State::Ready(columns);
        }
    }

    /// The columns of a prepared statement.
    pub(super) fn columns(&self, statement: &'static Statement) -> Option<Columns> {
        match self.known.get(&(statement.sql, statement.params)).map(|prepared| &prepared.state) {
            Some(State::Ready(columns)) => columns.clone(),
            _ => None,
        }
    }

    /// Forgets, between exchanges, the statements that were sent in vain. Each gets another name
    /// the next time, since the server may have prepared it before it failed to describe it.
    pub(super) fn forget_unanswered(&mut self) {
        if !std::mem::take(&mut self.is_unanswered) {
            return;
        }
        for prepared in self.known.values_mut() {
            if matches!(prepared.state, State::Sent) {
                prepared.state = State::Absent;
            }
        }
    }
}
