//! One connection to a PostgreSQL server: statements, transactions and notifications.
//!
//! All calls wait until they have a result, or until the connection's deadline. A connection that
//! broke, or whose deadline passed in the middle of an exchange, answers every further call with
//! [`QueryError::Reconnect`]. It never sends a CancelRequest: the request may meet the COMMIT of a
//! later transaction, and end its wait for the standby.

use postgres_types::ToSql;

use self::{
    notification::Notification, pipeline::Pipeline, rows::Rows, statement::Statement,
    transaction::Transaction,
};
use super::{
    connect_error::ConnectError,
    database_url::{DatabaseUrl, Host},
    deadline::Deadline,
    error::QueryError,
};

pub mod notification;
pub mod pipeline;
pub mod rows;
pub mod statement;
pub mod transaction;

/// A connection to the database.
#[derive(Debug)]
pub struct Connection {
    deadline: Deadline,
}

impl Connection {
    /// Connects to the first host that takes changes, in the order of the URL. Each host has one
    /// second to take the connection (`connect_timeout`).
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]; of several hosts' errors, the one that a person has to act on.
    pub fn connect(url: &DatabaseUrl, deadline: Deadline) -> Result<Self, ConnectError> {
        let mut last = ConnectError::Other("the address names no host".into());
        for host in url.hosts() {
            match Self::open(url, host, deadline) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Connects to one host.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn open(
        _url: &DatabaseUrl,
        _host: &Host,
        _deadline: Deadline,
    ) -> Result<Self, ConnectError> {
        Err(ConnectError::Other("not built yet".into()))
    }

    /// Sets the moment at which every call from now on gives up. A new connection has
    /// [`Deadline::NEVER`].
    pub fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Whether the connection is of no further use.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        false
    }

    /// The host that the connection leads to, for the log.
    #[must_use]
    pub fn host(&self) -> &str {
        ""
    }

    /// Starts a pipeline.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline { connection: self }
    }

    /// Runs one statement, and returns its rows. A change that it makes holds after the call, but
    /// is not known to be replicated: changes that are acknowledged need a [`Transaction`].
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn query(
        &mut self,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Rows, QueryError> {
        let mut pipeline = self.pipeline();
        pipeline.add(statement, params);
        Ok(pipeline.run()?.pop().unwrap_or_default())
    }

    /// Runs one statement, and returns the number of rows that it concerned. As for
    /// [`Connection::query`], a change is not known to be replicated.
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

    /// Runs SQL text of several statements without parameters.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn batch(&mut self, _sql: &str) -> Result<(), QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }

    /// Begins a transaction. Its `BEGIN` travels with its first statements.
    pub fn transaction(&mut self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// Listens on a channel from now on.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn listen(&mut self, _channel: &str) -> Result<(), QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }

    /// Notifies those who listen on a channel, with a text of less than 8000 bytes.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn notify(&mut self, _channel: &str, _payload: &str) -> Result<(), QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }

    /// Waits for a notification, at most until the deadline. The connection can be used after the
    /// deadline has passed.
    ///
    /// # Errors
    ///
    /// The connection is broken: [`QueryError::Reconnect`]. Notifications may have been lost.
    pub fn wait_notification(
        &mut self,
        _deadline: Deadline,
    ) -> Result<Option<Notification>, QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }

    /// Warnings that came since the last call, outside of commits: at most 16, for the log.
    pub fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}
