//! Connections to a PostgreSQL server: statements, transactions and notifications.
//!
//! All calls wait until they have a result, or until the connection's deadline. A connection that
//! broke, or whose deadline passed in the middle of an exchange, answers every further call with
//! the error that ended it. It never sends a CancelRequest: the request may meet the COMMIT of a
//! later transaction, and end its wait for the standby.

pub use self::{
    exchange::Connection,
    notification::Notification,
    pipeline::Pipeline,
    rows::{Row, Rows},
    socket::Breaker,
    statement::Statement,
    transaction::{Committed, Transaction},
};

mod authentication;
mod checks;
mod decoder;
mod exchange;
mod listening;
mod notice;
mod notification;
mod pipeline;
pub mod replay;
mod responses;
mod rows;
mod socket;
mod startup;
mod statement;
mod tls;
mod transaction;
mod transport;
