//! Gateways: SMTP submission and POP3, through which ordinary mail programs use the server. Each
//! gateway is a state machine without I/O and clock, as the session of correio's own protocol is.
//!
//! A session of a gateway has these calls, which its connection makes:
//!
//! - `new(protection, domain)`: a session that has not greeted. After `GatewayStep::StartTls` it
//!   is as a new one that has, and protected.
//! - `has_work(input)`: whether `take` would do something: the input has a whole command or a chunk
//!   of a mail, or the session has more to send. Not asked while the session waits for a job or
//!   while the client must read its output first. A new session has work: its greeting, for which
//!   `take` needs no input. After `GatewayStep::StartTls` there is no second one.
//! - `take(context, input, output)`: handles one command, one chunk of a mail, or sends more.
//!   Appends replies to the output.
//! - `complete(context, ticket, done, output)`: continues with a job's result; `None` if the
//!   session does not wait for this job.
//! - `end(context, ending, output)`: tells the program why the server ends the connection.
//! - `take_refusal()`: the error of the last command, mail or piece that was refused, for the
//!   metrics; once.
//! - `held()`: bytes that the session holds in memory. They count in the shared budgets: for
//!   submission as input, for POP3 as output.
//! - `identity`, `waiting_for`, `is_storing`, `settle`, `discarded`: as of [`crate::session`].

pub mod address;
mod common;
mod config;
pub mod domain;
mod ending;
#[cfg(test)]
mod harness;
mod login;
pub mod pop3;
mod refusal;
pub mod render;
pub mod sasl;
pub(crate) mod session;
pub mod submission;

pub use self::config::GatewayConfig;
pub(crate) use self::{ending::Ending, refusal::GatewayRefusal};
use crate::{ids::Ticket, session::Job};

/// What the connection must do after its session has handled input or a job's result.
#[derive(Debug)]
pub(crate) enum GatewayStep {
    /// Nothing: the session has replied, or needs more input.
    Continue,
    /// Submit this job under this ticket. The session takes no input until it has the result.
    Defer(Ticket, Job),
    /// Begin TLS once the output is sent. Input that is left over ends the connection: it was sent
    /// without protection.
    StartTls,
    /// Close the connection after the pending output.
    Close,
}

/// Result of taking input.
#[derive(Debug)]
pub(crate) struct GatewayTaken {
    /// Bytes at the start of the input that the session has consumed.
    pub(crate) consumed: usize,
    /// What the connection must do.
    pub(crate) step: GatewayStep,
}

/// Protection of a gateway's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// The connection has TLS, or the operator permits plaintext (`--plaintext`): the server offers
    /// authentication.
    Protected,
    /// The program must begin TLS (STARTTLS, STLS) before authentication.
    Startable,
}
