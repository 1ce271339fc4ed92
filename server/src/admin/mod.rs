//! The operator's requests, and the state machine that answers them.
//!
//! The operator asks over the admin socket of a running server, or by a command that opens the
//! store of a stopped one. Both drive the same `AdminSession`: it does no I/O and reads no clock.
//! It answers a request at once, or after jobs of the store and questions to the server, one at a
//! time. The wire form is one JSON object a line each way (`line.rs`).
//!
//! The operator never learns or sets a password: a recovery code lets a person set one, once.

mod accounts;
mod announcement;
mod announcing;
mod bounded;
mod context;
pub mod cursor;
mod invites;
pub mod line;
mod lists;
pub mod moment;
mod next;
mod question;
mod refusal;
pub mod reply;
pub mod request;
mod server;
mod session;

pub(crate) use self::{
    context::{AdminContext, Lifecycle},
    question::{SESSIONS_PAGE, ServerAnswer, ServerQuestion},
    session::{AdminAction, AdminInput, AdminSession},
};
