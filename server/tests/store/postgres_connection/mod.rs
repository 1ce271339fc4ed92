//! Tests of the connections to PostgreSQL, with servers of the distribution and with servers that
//! follow a script.

mod commits;
mod cuts;
mod errors;
mod harness;
mod logins;
mod scripted;
mod statements;

use std::time::Duration;

use correio_server::store::postgres::{Connection, Deadline};
use correio_testing::postgres::{Database, database};

/// A connection to a fresh database, which must stay; `None` if the test is skipped.
fn connected() -> Option<(Database, Connection)> {
    let database = database()?;
    let connection = database.connect();
    Some((database, connection))
}

/// The moment at which a test gives up.
fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}
