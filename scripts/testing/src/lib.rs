//! The harness that the tests of all crates share: the server in memory ([`world`]) and on a thread
//! ([`served`]), clients, requests, and the tools of the machine that a test may lack.
//!
//! Tests inside a crate's `src` cannot use it: they see the crate's types twice, once their own and
//! once through this crate.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // It is all test.

pub mod admin;
pub mod admin_jobs;
pub mod client;
pub mod database_proxy;
pub mod guard;
pub mod hasher;
pub mod help;
pub mod http;
pub mod pipe;
pub mod port;
pub mod postgres;
pub mod process;
pub mod program;
pub mod proxy;
pub mod pty;
pub mod request;
pub mod rerun;
pub mod served;
pub mod skip;
pub mod store;
pub mod strace;
pub mod wait;
pub mod world;
