//! The correio mail server: one poll loop, a pool of bcrypt workers and a store.
//!
//! [`reactor`] runs the poll loop over sockets and drives [`engine`], which owns all connections
//! and does no I/O of its own; [`session`] handles the requests of one connection, and [`store`]
//! keeps accounts and mail. [`admin`] answers the operator. [`auth`] hashes passwords and checks
//! invites, [`limits`] holds admission and throttle, [`metrics`] what is counted, [`ops`] settings,
//! log and certificate. The daemon `correiod` puts them together; tests do the same in their own
//! process, with or without sockets.
//!
//! `server/examples/in_process.rs` starts a server on a thread, with its mail in memory.

pub mod admin;
pub mod auth;
pub mod cancel;
pub mod clock;
mod counted;
mod data_directory;
pub mod day;
pub mod engine;
pub mod event;
pub mod gateway;
pub mod ids;
pub mod limits;
pub mod metrics;
mod mutex;
pub mod ops;
mod peer_user;
mod private_file;
pub mod protocol;
pub mod reactor;
mod scratch;
pub mod session;
pub mod store;
pub mod sysexits;
pub mod waker;
