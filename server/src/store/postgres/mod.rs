//! What the store in PostgreSQL stands on: its connections to the database.
//!
//! A lane is a thread with one connection, and runs one group of jobs at a time. Its code is
//! synchronous and every wait has a deadline, so that a job's code reads from top to bottom; the
//! loop's thread never waits.

pub use self::{
    connect_error::ConnectError,
    connection::{
        Connection,
        notification::Notification,
        pipeline::Pipeline,
        rows::{Row, Rows},
        statement::Statement,
        transaction::{Committed, Transaction},
    },
    database_url::{DatabaseUrl, DatabaseUrlError},
    deadline::Deadline,
    error::{CommitError, QueryError},
};

mod connect_error;
pub mod connection;
pub mod database_url;
mod deadline;
mod error;
