//! What the programs behind `scripts/benchmark` share: a crowd of connections in one thread that
//! asks as fast as it is answered, and the table that is made of the figures.
//!
//! Frames are made once and changed in place, and answers are looked at rather than decoded: on
//! a machine of few cores a slow client would measure itself.

pub mod closed_loop;
pub mod frames;
pub mod open_loop;
pub mod pop3;
pub mod process;
pub mod rows;
pub mod setup;
pub mod table;
pub mod tally;
pub mod wire;
pub mod work;
