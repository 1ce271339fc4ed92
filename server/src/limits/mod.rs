//! Limits on what clients may take: connections, memory, attempts.

pub mod admission;
pub(crate) mod budget;
pub mod throttle;
