//! Operations on files: durable writes, and locks between programs.

pub(crate) mod durable;
pub(crate) mod lock;
