//! The correio mail server: one poll loop, a pool of bcrypt workers and a store.
//!
//! [`reactor`] is the loop, [`server`] what it drives, [`session`] what a client may do. The
//! daemon `correiod` puts them together; tests and the load generator do the same in their own
//! process.

mod account;
pub mod admission;
pub mod allocator;
mod budget;
pub mod certificate;
mod charge;
pub mod clock;
pub mod config;
pub mod connection;
pub mod data_directory;
mod deadlines;
mod effect;
pub mod event;
pub mod exit;
pub mod hashing;
pub mod invite;
pub mod logging;
mod mailbox;
mod presence;
mod private_file;
pub mod reactor;
pub mod server;
pub mod service;
pub mod session;
mod slots;
pub mod store;
pub mod throttle;
pub mod ticket;
