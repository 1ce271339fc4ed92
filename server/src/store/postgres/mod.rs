//! What the store in PostgreSQL stands on: its connections to the database.
//!
//! A lane is a thread with one connection, and runs one group of jobs at a time. Its code is
//! synchronous and every wait has a deadline, so that a job's code reads from top to bottom; the
//! loop's thread never waits.

pub use self::{
    connect_error::ConnectError,
    connection::{
        Committed, Connection, Notification, Pipeline, Row, Rows, Statement, Transaction,
    },
    database_url::{DatabaseUrl, DatabaseUrlError, Host, SslMode},
    deadline::Deadline,
    error::{CommitError, ProtocolError, QueryError},
};

mod connect_error;
pub mod connection;
mod database_url;
mod deadline;
mod error;
mod password_file;
mod percent;
