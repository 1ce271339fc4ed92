//! LISTEN and NOTIFY.

use postgres_types::Type;

use super::{exchange::Connection, statement::Statement};
use crate::store::postgres::error::QueryError;

static NOTIFY: Statement =
    Statement { sql: "SELECT pg_notify($1, $2)", params: &[Type::TEXT, Type::TEXT] };

impl Connection {
    /// Listens on a channel from now on.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn listen(&mut self, channel: &str) -> Result<(), QueryError> {
        self.batch(&format!("LISTEN \"{}\"", channel.replace('"', "\"\"")))
    }

    /// Notifies the connections that listen on a channel, with a text of less than 8000 bytes.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn notify(&mut self, channel: &str, payload: &str) -> Result<(), QueryError> {
        self.execute(&NOTIFY, &[&channel, &payload]).map(drop)
    }
}
