//! All tests of the simulation in one program.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // It is all test.

mod mutants;
mod seeds;
