//! What every store must do, asked of each of them, and what the one on a disk must survive.

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
