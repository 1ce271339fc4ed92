//! Opens connections, and checks that the server is one that a store can use.

use std::time::Duration;

use super::{
    authentication::authenticate,
    exchange::Connection,
    startup::{Greeting, Server},
    statement::Statement,
};
use crate::{
    clock,
    store::postgres::{
        connect_error::{CLOCKS_APART_MAX, ConnectError},
        database_url::{DatabaseUrl, Host},
        deadline::Deadline,
        error::QueryError,
    },
};

/// The time that the beginning of a connection has, once the host has taken it.
const BEGINNING: Duration = Duration::from_secs(3);

/// The oldest version of PostgreSQL that is used.
const VERSION_MIN: u32 = 13;

static STATE: Statement = Statement {
    sql: "SELECT current_setting('transaction_read_only') = 'on', \
          (extract(epoch FROM clock_timestamp()) * 1000)::int8",
    params: &[],
};

impl Connection {
    /// Connects to the first host that takes changes, in the order of the URL. A host has one
    /// second to take the connection (`connect_timeout`), and three more for its beginning. The
    /// system looks its name up before, in a time of its own.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`]. If several hosts fail, the error is the first that calls for a person,
    /// or else the last.
    pub fn connect(url: &DatabaseUrl, deadline: Deadline) -> Result<Self, ConnectError> {
        let mut worst: Option<ConnectError> = None;
        for host in url.hosts() {
            let error = match Self::open(url, host, deadline) {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if worst.as_ref().is_none_or(ConnectError::is_temporary) {
                worst = Some(error);
            }
        }
        Err(worst.unwrap_or_else(|| ConnectError::Silent { host: url.to_string() }))
    }

    /// Connects to one host.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn open(url: &DatabaseUrl, host: &Host, deadline: Deadline) -> Result<Self, ConnectError> {
        let reached = deadline.min(Deadline::after(url.connect_timeout));
        let deadline = deadline.min(Deadline::after(url.connect_timeout + BEGINNING));
        let mut greeting = Greeting::connect(url, host, reached, deadline)?;
        greeting.introduce()?;
        authenticate(&mut greeting)?;
        let server = greeting.await_ready()?;
        check_server(&server, url, host)?;
        let mut connection = Self::new(greeting.into_transport(), host.to_string().as_str().into());
        connection.set_deadline(deadline);
        check_state(&mut connection)?;
        connection.set_deadline(Deadline::NEVER);
        Ok(connection)
    }
}

/// Checks what the server says of itself.
fn check_server(server: &Server, url: &DatabaseUrl, host: &Host) -> Result<(), ConnectError> {
    let host = host.to_string();
    let shown = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or("of an unknown version");
        text.chars().take(40).filter(|c| !c.is_control()).collect::<String>()
    };
    if server.major().is_none_or(|major| major < VERSION_MIN) {
        return Err(ConnectError::TooOld { host, version: shown(&server.version) });
    }
    match server.encoding.as_deref() {
        Some("UTF8") => Ok(()),
        _ => Err(ConnectError::Encoding {
            host,
            database: url.database.clone(),
            encoding: shown(&server.encoding),
        }),
    }
}

/// Checks that the server takes changes, and that its clock shows about the time of this machine.
fn check_state(connection: &mut Connection) -> Result<(), ConnectError> {
    let host = connection.host().to_owned();
    let before = millis();
    let state = connection.query(&STATE, &[]).and_then(|rows| {
        let row = rows.one()?;
        Ok((row.get::<bool>(0)?, row.get::<i64>(1)?))
    });
    let after = millis();
    let (is_read_only, clock) = state.map_err(|error| match error {
        QueryError::Reconnect(reason) => {
            ConnectError::Broken { host: host.clone(), reason: reason.to_string() }
        }
        QueryError::Repeat(text) | QueryError::Unavailable(text) => {
            ConnectError::Busy { host: host.clone(), text: text.to_string() }
        }
        QueryError::Refused { text, .. } | QueryError::Fatal(text) => {
            ConnectError::Server { host: host.clone(), text: text.to_string() }
        }
    })?;
    if is_read_only {
        return Err(ConnectError::ReadOnly { host });
    }
    match seconds_apart(before, clock, after) {
        0..=CLOCKS_APART_MAX => Ok(()),
        seconds => Err(ConnectError::Clock { host, seconds }),
    }
}

/// This machine's calendar time in milliseconds.
fn millis() -> i64 {
    let time = clock::since_1970().unwrap_or_default();
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds, begun ones counted whole, from a time outside of an interval to it; 0 within.
fn seconds_apart(before: i64, time: i64, after: i64) -> u64 {
    let early = before.saturating_sub(time).max(0);
    let late = time.saturating_sub(after).max(0);
    early.max(late).unsigned_abs().div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_by_what_the_exchange_does_not_explain() {
        assert_eq!(seconds_apart(1000, 1500, 2000), 0);
        assert_eq!(seconds_apart(5000, 0, 5000), 5);
        assert_eq!(seconds_apart(5001, 0, 5001), 6);
        assert_eq!(seconds_apart(0, 5001, 1), 5);
        assert_eq!(seconds_apart(0, i64::MAX, 0), (i64::MAX as u64).div_ceil(1000));
    }

    #[test]
    fn a_version_is_the_number_at_its_beginning() {
        let major = |text: &str| Server { version: Some(text.to_owned()), encoding: None }.major();
        assert_eq!(major("15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("18beta1"), Some(18));
        assert_eq!(major("devel"), None);
    }
}
