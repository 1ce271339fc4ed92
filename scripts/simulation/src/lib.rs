//! Deterministic simulation: the server's and the client's core in one thread under one seed, with
//! a clock of integer ticks, a network that splits, delays, stalls and breaks, a store with a
//! pending and a durable half, a hasher that finishes in any order, clients whose disks lose
//! unsynced changes, and attackers.
//!
//! [`simulate`] runs one seed. The same seed gives the same trace, to the byte: time and randomness
//! come from the seed alone. No connection uses TLS, whose randomness cannot be injected.

mod arrivals;
mod attacker;
mod check;
mod clock;
mod contents;
mod device;
mod disk;
mod hasher;
mod ledger;
mod lists;
mod many;
mod network;
mod observer;
mod passwords;
mod pipe;
mod plan;
mod program;
mod program_ledger;
mod program_tap;
mod reactor;
mod rng;
mod run;
pub mod store;
mod tap;
mod tickets;
mod trace;
mod user;
mod world;

pub use check::{Check, Violation};
pub use many::simulate_many;
pub use run::{SeedReport, simulate};
