//! A connection, and its exchanges: statements in one write, and their answers.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::BytesMut;
use postgres_protocol::message::{backend::Message, frontend};

use super::{
    decoder::{MESSAGE_MAX, next_message},
    notice::{Notice, Severity},
    notification::Notification,
    responses::{Outcome, Responses, Taken, TransactionStatus},
    socket::Breaker,
    statement::Statements,
    transport::{Transport, TransportError},
};
use crate::store::postgres::{
    deadline::Deadline,
    error::{ProtocolError, QueryError},
};

/// A connection to the database.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    host: Arc<str>,
    pub(super) statements: Statements,
    pub(super) status: TransactionStatus,
    notifications: VecDeque<Notification>,
    warnings: Vec<String>,
    broken: Option<QueryError>,
    deadline: Deadline,
}

/// Notifications that wait to be taken, at most. With more, the connection ends: its owner cannot
/// know what it missed, and looks at everything when it connects again.
const NOTIFICATIONS_MAX: usize = 65_536;

/// Warnings that wait to be taken. Further ones are dropped: they are for the log alone.
const WARNINGS_MAX: usize = 16;

/// Why an exchange has no outcome.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// Nothing was sent.
    NotSent(QueryError),
    /// The connection broke, and the server may have done everything.
    Broken(QueryError),
}

impl Connection {
    pub(super) fn new(transport: Transport, host: Arc<str>) -> Self {
        Self {
            transport,
            host,
            statements: Statements::default(),
            status: TransactionStatus::Idle,
            notifications: VecDeque::new(),
            warnings: Vec::new(),
            broken: None,
            deadline: Deadline::NEVER,
        }
    }

    /// Sets the moment at which every call from now on gives up. A new connection has
    /// [`Deadline::NEVER`].
    pub fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// The moment at which calls give up.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether the connection is of no further use.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The host that the connection leads to, for the log.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A handle with which another thread ends the connection, also while it waits for an answer.
    ///
    /// # Errors
    ///
    /// There is no file descriptor for it.
    pub fn breaker(&self) -> io::Result<Breaker> {
        self.transport.breaker()
    }

    /// Warnings that came since the last call, outside of commits: at most 16, for the log.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Sends statements, and reads their answers until the server is ready for others.
    pub(super) fn exchange(
        &mut self,
        output: &[u8],
        mut responses: Responses,
    ) -> Result<Outcome, ExchangeError> {
        self.usable().map_err(ExchangeError::NotSent)?;
        if let Err(error) = self.transport.send(output, self.deadline) {
            return Err(ExchangeError::Broken(self.break_by(error)));
        }
        loop {
            let message = self.next_message(self.deadline).map_err(ExchangeError::Broken)?;
            let taken = responses.take(message, &mut self.statements);
            match taken.map_err(|error| self.broken(error)).map_err(ExchangeError::Broken)? {
                Taken::More => {}
                Taken::Ready(status) => {
                    self.status = status;
                    return Ok(responses.into_outcome());
                }
                Taken::Ended(notice) => {
                    return Err(ExchangeError::Broken(self.ended_by(&notice)));
                }
            }
        }
    }

    /// Runs a batch or a pipeline outside of a commit.
    pub(super) fn outcome(
        &mut self,
        output: &[u8],
        responses: Responses,
    ) -> Result<Outcome, QueryError> {
        let outcome = self.exchange(output, responses).map_err(|error| match error {
            ExchangeError::NotSent(error) | ExchangeError::Broken(error) => error,
        })?;
        for warning in &outcome.warnings {
            self.note(warning);
        }
        match &outcome.error {
            Some(notice) => Err(QueryError::from(notice)),
            None => Ok(outcome),
        }
    }

    /// Runs SQL text of several statements without parameters. Without a transaction of its own it
    /// is one.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn batch(&mut self, sql: &str) -> Result<(), QueryError> {
        let mut output = BytesMut::new();
        frontend::query(sql, &mut output).map_err(|error| QueryError::Fatal(text(&error)))?;
        self.outcome(&output, Responses::of_batch()).map(drop)
    }

    fn usable(&mut self) -> Result<(), QueryError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        match self.deadline.has_passed() {
            true => Err(self.break_by(TransportError::Deadline)),
            false => Ok(()),
        }
    }

    /// The next message that is an answer. Notifications and settings are kept or skipped.
    fn next_message(&mut self, deadline: Deadline) -> Result<Message, QueryError> {
        loop {
            while let Some(message) = self.take_message()? {
                match message {
                    Message::ParameterStatus(_) => {}
                    Message::NotificationResponse(body) => {
                        let read = Notification::read(&body).map_err(|error| self.broken(error))?;
                        self.keep(read)?;
                    }
                    message => return Ok(message),
                }
            }
            let received = self.transport.receive(deadline);
            received.map_err(|error| self.break_by(error))?;
        }
    }

    fn take_message(&mut self) -> Result<Option<Message>, QueryError> {
        let message = next_message(&mut self.transport.input, MESSAGE_MAX);
        message.map_err(|error| self.broken(error))
    }

    fn keep(&mut self, notification: Notification) -> Result<(), QueryError> {
        if self.notifications.len() >= NOTIFICATIONS_MAX {
            let error = QueryError::Reconnect("more notifications than were taken".into());
            return Err(self.break_with(error));
        }
        self.notifications.push_back(notification);
        Ok(())
    }

    /// Waits for a notification, at most until the deadline. The connection can be used after the
    /// deadline has passed.
    ///
    /// # Errors
    ///
    /// The connection is broken. Notifications may have been lost.
    pub fn wait_notification(
        &mut self,
        deadline: Deadline,
    ) -> Result<Option<Notification>, QueryError> {
        loop {
            if let Some(error) = &self.broken {
                return Err(error.clone());
            }
            if let Some(notification) = self.notifications.pop_front() {
                return Ok(Some(notification));
            }
            while let Some(message) = self.take_message()? {
                self.take_unasked(&message)?;
            }
            if !self.notifications.is_empty() {
                continue;
            }
            match self.transport.receive(deadline) {
                Ok(()) => {}
                Err(TransportError::Deadline) => return Ok(None),
                Err(error) => return Err(self.break_by(error)),
            }
        }
    }

    /// Takes a message that comes outside of an exchange.
    fn take_unasked(&mut self, message: &Message) -> Result<(), QueryError> {
        let result = match message {
            Message::ParameterStatus(_) => Ok(()),
            Message::NotificationResponse(body) => match Notification::read(body) {
                Ok(notification) => return self.keep(notification),
                Err(error) => Err(error),
            },
            Message::NoticeResponse(body) => {
                Notice::read(body.fields()).map(|notice| self.note(&notice))
            }
            Message::ErrorResponse(body) => match Notice::read(body.fields()) {
                Ok(notice) => return Err(self.ended_by(&notice)),
                Err(error) => Err(error),
            },
            _ => Err(ProtocolError::new(&"an answer to nothing")),
        };
        result.map_err(|error| self.broken(error))
    }

    fn note(&mut self, notice: &Notice) {
        if notice.severity != Severity::Notice && self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(notice.text().to_string());
        }
    }

    /// Ends the connection, and returns its error, which every further call has.
    pub(super) fn break_with(&mut self, error: QueryError) -> QueryError {
        self.transport.shut_down();
        self.broken.get_or_insert(error).clone()
    }

    fn broken(&mut self, error: ProtocolError) -> QueryError {
        self.break_with(error.into())
    }

    /// Ends the connection because the server said so. What it says may be about another
    /// connection, as after a crash, so that it never calls for the statement to be run again here.
    fn ended_by(&mut self, notice: &Notice) -> QueryError {
        let error = match QueryError::from(notice) {
            QueryError::Repeat(text) | QueryError::Refused { text, .. } => {
                QueryError::Reconnect(text)
            }
            error => error,
        };
        self.break_with(error)
    }

    /// Ends the connection after its bytes stopped passing. The server may have said why before.
    fn break_by(&mut self, error: TransportError) -> QueryError {
        while let Ok(Some(message)) = next_message(&mut self.transport.input, MESSAGE_MAX) {
            if let Message::ErrorResponse(body) = message
                && let Ok(notice) = Notice::read(body.fields())
                && notice.severity == Severity::Fatal
            {
                return self.ended_by(&notice);
            }
        }
        self.break_with(error.into())
    }
}

pub(super) fn text(error: &impl std::fmt::Display) -> Arc<str> {
    error.to_string().into()
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.broken.is_none() {
            let mut output = BytesMut::new();
            frontend::terminate(&mut output);
            self.transport.send_at_once(&output);
        }
    }
}
