//! The correio mail server: one poll loop, a pool of bcrypt workers and a store.
//!
//! [`reactor`] is the loop, [`engine`] what it drives, [`session`] what a client may do. The
//! daemon `correiod` puts them together; tests and the load generator do the same in their own
//! process.

pub mod auth;
pub mod clock;
mod data_directory;
pub mod engine;
pub mod event;
pub mod ids;
pub mod limits;
pub mod ops;
mod private_file;
pub mod reactor;
pub mod session;
pub mod store;
mod sysexits;
pub mod waker;
