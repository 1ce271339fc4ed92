//! Limits on what clients may use: connections, memory, attempts.

pub mod admission;
pub(crate) mod budget;
pub mod list_creation;
pub mod network;
pub mod prefix;
pub mod retention;
pub mod throttle;
