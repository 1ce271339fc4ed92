//! The history of a run: when each mail was sent and acknowledged, and when the confirmation of
//! each of its copies was sent and acknowledged. A backup is compared with it (`compare.rs`).
//!
//! Times count from the start of the load. The begin of an operation is no later than its first
//! byte, and its end no earlier than its answer, so that nothing sound looks wrong.

mod compare;
mod mails;

pub use self::{
    compare::{Differences, HeldMails, Interval},
    mails::{History, UserId},
};
