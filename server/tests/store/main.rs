//! What every store must do, asked of each of them, and what the one on a disk must survive.
//!
//! A program of its own: a store is closed and opened again at once here, and a process that another
//! test starts holds the lock on the directory for a moment, until it runs its program.

#![allow(missing_docs, unreachable_pub)] // It is all test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bounds;
mod contract;
mod copied;
mod damage;
mod disk;
mod files;
mod foreign;
mod groups;
mod killing;
mod log;
mod migrating;
mod opening;
mod queue;
mod support;
