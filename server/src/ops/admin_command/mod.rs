//! The commands of the operator as a command line states them: `command` declares them, `task`
//! reads them into [`types`]. They are done in [`super::admin`].

pub(super) mod command;
pub(super) mod task;
pub mod types;
