//! The parts of the programs of `scripts/benchmark`: many connections in one thread, driven by
//! a closed or an open loop, and the table of the figures.
//!
//! Frames are encoded once and patched, and replies are classified rather than decoded: on a
//! machine of few cores a slow client would measure itself.

pub mod closed_loop;
pub mod frames;
pub mod idle_programs;
pub mod node_death;
pub mod open_loop;
pub mod pop3;
pub mod rows;
pub mod scale;
pub mod setup;
pub mod submission;
pub mod table;
pub mod tally;
pub mod wire;
pub mod work;
